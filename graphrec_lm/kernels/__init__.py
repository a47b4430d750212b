"""Numeric inner loops on plain arrays, each with a readable twin in `reference`."""

from graphrec_lm.kernels.activation import leaky_relu, leaky_relu_gradient
from graphrec_lm.kernels.bfloat16 import from_bfloat16, to_bfloat16
from graphrec_lm.kernels.elastic_net import elastic_net
from graphrec_lm.kernels.gram import gram
from graphrec_lm.kernels.known import known_gradients
from graphrec_lm.kernels.local_ridge import local_ridge, pair_products
from graphrec_lm.kernels.memory import empty, recycling
from graphrec_lm.kernels.neighbours import co_occurring
from graphrec_lm.kernels.patterns import join_rows, subtract_rows, take_rows, transpose
from graphrec_lm.kernels.rows import add_rows
from graphrec_lm.kernels.sampling import (
    alias_table,
    draw_negatives,
    draw_positives,
    draw_several,
    hash_uniform,
)
from graphrec_lm.kernels.softmax import sampled_softmax
from graphrec_lm.kernels.softmax_full import full_softmax
from graphrec_lm.kernels.spmm import spmm
from graphrec_lm.kernels.standardise import add_standardised, weighted_sum
from graphrec_lm.kernels.topk import topk, topk_blocks

__all__ = [
    "add_rows",
    "add_standardised",
    "alias_table",
    "co_occurring",
    "draw_negatives",
    "draw_positives",
    "draw_several",
    "elastic_net",
    "empty",
    "from_bfloat16",
    "full_softmax",
    "gram",
    "hash_uniform",
    "join_rows",
    "known_gradients",
    "leaky_relu",
    "leaky_relu_gradient",
    "local_ridge",
    "pair_products",
    "recycling",
    "sampled_softmax",
    "spmm",
    "subtract_rows",
    "take_rows",
    "to_bfloat16",
    "topk",
    "topk_blocks",
    "transpose",
    "weighted_sum",
]
