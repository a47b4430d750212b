"""The kernels in torch operations, for tensors on any device: the same names, arguments and results.

They are how a GPU runs; on the processor numba's are faster. Nothing here adds by atomics: what falls
on one row is sorted and summed in a fixed order, so that a fit repeats bit for bit on one device.
"""

from graphrec_lm.kernels.on_device.gram import gram
from graphrec_lm.kernels.on_device.patterns import add_rows, places_of, rows_of, take_rows, transpose
from graphrec_lm.kernels.on_device.sampling import draw_negatives, draw_positives, hash_uniform, move_table
from graphrec_lm.kernels.on_device.segments import multiply, spmm
from graphrec_lm.kernels.on_device.softmax import sampled_softmax
from graphrec_lm.kernels.on_device.softmax_full import full_softmax
from graphrec_lm.kernels.on_device.topk import topk

__all__ = [
    "add_rows",
    "draw_negatives",
    "draw_positives",
    "full_softmax",
    "gram",
    "hash_uniform",
    "move_table",
    "multiply",
    "places_of",
    "rows_of",
    "sampled_softmax",
    "spmm",
    "take_rows",
    "topk",
    "transpose",
]
