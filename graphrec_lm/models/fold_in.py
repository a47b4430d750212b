"""New people in a fitted graph: a user's hops are a weighted sum over the history.

Layer k of a user is d_u^{-½} Σ_{i ∈ history} d_i^{-½} e_i^{(k-1)}. Summed over k = 1..K this is one
look-up table of items, F = D_i^{-½} Σ_{k<K} E_i^{(k)}, and a sum over the history.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.graph.propagation import one_hop
from graphrec_lm.kernels import spmm, unit_rows
from graphrec_lm.models.people import People
from graphrec_lm.models.text import history_means

Float32 = NDArray[np.float32]


def fold_table(graph: BipartiteGraph, users: torch.Tensor, items: torch.Tensor, layers: int) -> Float32:
    """F above, [n_items, dim], from the layer-0 representations of everyone."""
    return hops(graph, users.numpy(), items.numpy(), layers)[2]


def hops(
    graph: BipartiteGraph, users: Float32, items: Float32, layers: int, combine: str = "mean"
) -> tuple[Float32, Float32, Float32]:
    """Layers 0..`layers` of everyone summed ("mean"), or the last alone; and F, in the same pass.

    The sum is Horner's scheme, y ← x + Â y, so that what enters the last hop is what F holds.
    """
    first = rows = users, items
    entered = np.zeros_like(items)
    for _ in range(layers):
        entered = rows[1]
        rows = one_hop(graph, *rows, add=first if combine == "mean" else None)
    return *rows, entered * graph.item_scale[:, None]


def own_part(titles: NDArray[Any], people: People, length: float | None = None) -> Float32:
    """Layer 0 of each person in LM space, [people, d_LM]: the mean e of the history's titles.

    With a wish q of weight α it is (1 - α) e + α ℓ q (AlphaRec, arXiv 2407.05441, section 5.3), where ℓ, the
    `length` or that of the wishes, brings q, a unit vector, to the scale of the titles.
    """
    means = history_means(titles, people.indptr, people.indices)
    if people.wishes is None:
        return means
    alphas = people.wishes.alphas[:, None]
    scale = np.float32(people.wishes.length if length is None else length)
    mixed: Float32 = (1 - alphas) * means + alphas * (scale * people.wishes.vectors)
    return mixed


def unit_own_part(titles: NDArray[Any], people: People) -> Float32:
    """`own_part` of the titles' unit vectors; only those in a history are scaled."""
    used, places = np.unique(people.indices, return_inverse=True)
    own = unit_rows(titles[used].astype(np.float32))
    return own_part(own, replace(people, indices=places.astype(np.int32)), length=1.0)


def graph_part(fold: Float32, people: People) -> Float32:
    """Sum of layers 1..K of each person, [people, dim]; zero for an empty history.

    Beside a wish of weight α it counts 1 - α: a wish alone (α = 1) has no neighbours.
    """
    counts = np.maximum(np.diff(people.indptr), 1)
    scale = (1 / np.sqrt(counts)).astype(np.float32)
    if people.wishes is not None:
        scale *= 1 - people.wishes.alphas
    return spmm(people.indptr, people.indices, fold, row_scale=scale)
