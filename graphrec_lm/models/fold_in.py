"""New people in a fitted graph: a user's hops are a weighted sum over the history.

Layer k of a user is d_u^{-½} Σ_{i ∈ history} d_i^{-½} e_i^{(k-1)}. Summed over k = 1..K this is one
look-up table of items, F = D_i^{-½} Σ_{k<K} E_i^{(k)}, and a sum over the history.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.graph.propagation import one_hop
from graphrec_lm.kernels import spmm
from graphrec_lm.models.people import People

Float32 = NDArray[np.float32]


def fold_table(graph: BipartiteGraph, users: torch.Tensor, items: torch.Tensor, layers: int) -> Float32:
    """F above, [n_items, dim], from the layer-0 representations of everyone."""
    return item_layers(graph, users.numpy(), items.numpy(), layers)[0] * graph.item_scale[:, None]


def item_layers(
    graph: BipartiteGraph, users: Float32, items: Float32, layers: int
) -> tuple[Float32, Float32]:
    """The sum of the items' layers 0..`layers` - 1, and their last layer, [n_items, dim]."""
    total = np.zeros_like(items)
    for _ in range(layers):
        total += items
        users, items = one_hop(graph, users, items)
    return total, items


def graph_part(fold: Float32, people: People) -> Float32:
    """Sum of layers 1..K of each person, [people, dim]; zero for an empty history."""
    counts = np.maximum(np.diff(people.indptr), 1)
    scale = (1 / np.sqrt(counts)).astype(np.float32)
    return spmm(people.indptr, people.indices, fold, row_scale=scale)
