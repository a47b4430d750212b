"""AlphaRec with a linear projection, trained on rows of LM vectors that were propagated once.

Propagation is linear, and so is the projection: they commute. With P the LM vectors of everyone
after propagation, the representations are P W. P is computed once, before training; a step needs the
rows of its batch alone, and no graph. A user's row of P is a weighted sum over the history,
gathered when needed: only the items' rows are stored.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.kernels import spmm, take_rows
from graphrec_lm.models.fold_in import item_layers
from graphrec_lm.models.precision import product
from graphrec_lm.models.projection import Projection
from graphrec_lm.training import Batch, Learner
from graphrec_lm.training.losses import infonce

Float32 = NDArray[np.float32]

_COLUMNS = 64  # of the LM vectors, propagated at a time: users' rows of them exist only meanwhile


class LinearLearner(Learner):
    """The differentiable part: one matrix.

    Parameters
    ----------
    projection : Projection
        Of kind "linear".
    titles : float32 tensor [n_items, d_LM]
    graph : BipartiteGraph
    layers : int
    tau : float
    """

    def __init__(
        self, projection: Projection, titles: torch.Tensor, graph: BipartiteGraph, layers: int, tau: float
    ) -> None:
        super().__init__()
        self.projection, self.titles, self.graph = projection, titles, graph
        self.layers, self.tau = layers, tau
        self.items, self._sums = _propagate_titles(titles.numpy(), graph, layers)

    def layer_zero(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Representations of everyone before propagation."""
        return self.projection.users_and_items(self.titles, self.graph)

    def represent(self) -> tuple[torch.Tensor, torch.Tensor]:
        """P W of everyone: the items' sums are projected first, so that users never are d_LM wide."""
        with torch.no_grad():
            weights = self.projection.w1
            tables = ((table @ weights).numpy() for table in (self.titles, torch.from_numpy(self._sums)))
            users = self._rows(self.graph.indptr, self.graph.indices, *tables)
            return torch.from_numpy(users), torch.from_numpy(self.items) @ weights

    def loss(self, batch: Batch) -> torch.Tensor:
        """InfoNCE on the rows of P that the batch names."""
        pattern = take_rows(self.graph.indptr, self.graph.indices, batch.users)
        users = torch.from_numpy(self._rows(*pattern, self.titles.numpy(), self._sums))
        named = np.concatenate([batch.positives, batch.negatives.reshape(-1)])
        local = batch.local()
        if len(named) < len(self.items):
            codes, places = np.unique(named, return_inverse=True)
            local = _renumbered(local, places.astype(np.int32), codes, len(self.items))
            items = torch.from_numpy(self.items[codes])
        else:
            items = torch.from_numpy(self.items)
        weights = self.projection.w1
        users, items = (product(table, weights, self.projection.in_bfloat16) for table in (users, items))
        return infonce(users, items, local, self.tau)

    def _rows(
        self, indptr: NDArray[np.int64], indices: NDArray[np.int32], own: Float32, sums: Float32
    ) -> Float32:
        """Users' rows of P from the histories: the mean of `own`, plus hops 1..layers from `sums`."""
        scale = np.maximum(np.diff(indptr), 1).astype(np.float32) ** np.float32(-0.5)
        hops = spmm(indptr, indices, sums, row_scale=scale)
        return spmm(indptr, indices, own, row_scale=scale**2, add=hops, factor=1 / (self.layers + 1))


def _propagate_titles(titles: Float32, graph: BipartiteGraph, layers: int) -> tuple[Float32, Float32]:
    """The items' rows of P, and the sums of their layers 0..K-1 over √degree, both [n_items, d_LM]."""
    mean, sums = np.empty_like(titles), np.empty_like(titles)
    for start in range(0, titles.shape[1], _COLUMNS):
        part = slice(start, start + _COLUMNS)
        items = np.ascontiguousarray(titles[:, part])
        users = graph.history_mean(torch.from_numpy(items)).numpy()
        total, last = item_layers(graph, users, items, layers)
        sums[:, part] = total * graph.item_scale[:, None]
        mean[:, part] = (total + last) / (layers + 1)
    return mean, sums


def _renumbered(batch: Batch, places: NDArray[np.int32], codes: NDArray[np.int32], n_items: int) -> Batch:
    """The batch for an item table that holds `codes` alone; seen items that are not in it are dropped."""
    n = len(batch.positives)
    positives, negatives = places[:n], places[n:].reshape(batch.negatives.shape)
    if batch.seen is None:
        return Batch(batch.users, positives, negatives)
    place_of = np.full(n_items, -1, dtype=np.int32)
    place_of[codes] = np.arange(len(codes), dtype=np.int32)
    moved = place_of[batch.seen[1]]
    kept = np.concatenate([[0], np.cumsum(moved >= 0)])
    return Batch(batch.users, positives, negatives, (kept[batch.seen[0]], moved[moved >= 0]))
