"""Numeric inner loops, numba's on arrays and torch's on tensors; a readable twin of each in `reference`."""

from graphrec_lm.kernels.activation import leaky_relu, leaky_relu_gradient
from graphrec_lm.kernels.bfloat16 import from_bfloat16, to_bfloat16
from graphrec_lm.kernels.dispatch import (
    add_rows,
    are_tensors,
    draw_negatives,
    draw_positives,
    full_softmax,
    gram,
    hash_uniform,
    places_of,
    sampled_softmax,
    spmm,
    take_rows,
    topk,
    transpose,
)
from graphrec_lm.kernels.elastic_net import elastic_net
from graphrec_lm.kernels.field_rows import gather_fields, pair_gradient, pair_sums, scatter_fields
from graphrec_lm.kernels.known import known_gradients
from graphrec_lm.kernels.largest import keep_largest
from graphrec_lm.kernels.local_ridge import local_ridge, pair_products, weighted_products
from graphrec_lm.kernels.memory import empty, recycling
from graphrec_lm.kernels.neighbours import co_occurring, nearest_of
from graphrec_lm.kernels.path_ranks import path_ranks
from graphrec_lm.kernels.patterns import csr_of, join_rows, pattern_matrix, rows_between, subtract_rows
from graphrec_lm.kernels.row_sums import add_row_sums
from graphrec_lm.kernels.sampling import alias_table
from graphrec_lm.kernels.several import draw_several
from graphrec_lm.kernels.sparse_inverse import sparse_inverse
from graphrec_lm.kernels.spd_inverse import spd_inverse
from graphrec_lm.kernels.standardise import add_standardised, standardised, weighted_sum
from graphrec_lm.kernels.topk import topk_blocks, topk_scores
from graphrec_lm.kernels.units import unit_rows

__all__ = [
    "add_row_sums",
    "add_rows",
    "add_standardised",
    "alias_table",
    "are_tensors",
    "co_occurring",
    "csr_of",
    "draw_negatives",
    "draw_positives",
    "draw_several",
    "elastic_net",
    "empty",
    "from_bfloat16",
    "full_softmax",
    "gather_fields",
    "gram",
    "hash_uniform",
    "join_rows",
    "keep_largest",
    "known_gradients",
    "leaky_relu",
    "leaky_relu_gradient",
    "local_ridge",
    "nearest_of",
    "pair_gradient",
    "pair_products",
    "pair_sums",
    "path_ranks",
    "pattern_matrix",
    "places_of",
    "recycling",
    "rows_between",
    "sampled_softmax",
    "scatter_fields",
    "sparse_inverse",
    "spd_inverse",
    "spmm",
    "standardised",
    "subtract_rows",
    "take_rows",
    "to_bfloat16",
    "topk",
    "topk_blocks",
    "topk_scores",
    "transpose",
    "unit_rows",
    "weighted_products",
    "weighted_sum",
]
