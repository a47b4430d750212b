"""AlphaRec with a linear projection, trained on rows of LM vectors that were propagated once.

Propagation is linear, and so is the projection: they commute. With P the LM vectors of everyone
after propagation, the representations are P W. P is computed once, before training; a step needs the
rows of its batch alone, and no graph. A user's row of P is a weighted sum over the history,
gathered when needed: only the items' rows are stored. Where the histories of a batch hold many more
items than there are, the items are projected first and their narrow rows gathered.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.kernels import are_tensors, on_device, spmm, take_rows, transpose
from graphrec_lm.models.fold_in import item_layers
from graphrec_lm.models.precision import product
from graphrec_lm.models.projection import Projection
from graphrec_lm.training import Batch, Learner
from graphrec_lm.training.losses import infonce

Float32 = NDArray[np.float32]
Pattern = tuple[NDArray[np.int64], NDArray[np.int32]]

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
    in_bfloat16 : bool
        Multiply matrices in bfloat16 while training.
    """

    titles: torch.Tensor
    items: torch.Tensor
    _sums: torch.Tensor

    def __init__(
        self,
        projection: Projection,
        titles: torch.Tensor,
        graph: BipartiteGraph,
        layers: int,
        tau: float,
        in_bfloat16: bool = False,
    ) -> None:
        super().__init__()
        self.projection, self.graph = projection, graph
        self.layers, self.tau, self.in_bfloat16 = layers, tau, in_bfloat16
        items, sums = (torch.from_numpy(rows) for rows in _propagate_titles(titles.numpy(), graph, layers))
        for name, rows in (("titles", titles), ("items", items), ("_sums", sums)):
            self.register_buffer(name, rows, persistent=False)

    def layer_zero(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Representations of everyone before propagation."""
        return self.projection.users_and_items(self.titles, self.graph)

    def represent(self) -> tuple[torch.Tensor, torch.Tensor]:
        """P W of everyone: the items' sums are projected first, so that users never are d_LM wide."""
        with torch.no_grad():
            own, sums = (table @ self.projection.w1 for table in (self.titles, self._sums))
            users = self._rows(own, sums, (self.graph.indptr, self.graph.indices))
            return users, self.items @ self.projection.w1

    def loss(self, batch: Batch) -> torch.Tensor:
        """InfoNCE on the rows of P that the batch names."""
        pattern = take_rows(self.graph.indptr, self.graph.indices, batch.users)
        if are_tensors(batch.users):
            return infonce(self._projected_first(pattern), self._project(self.items), batch.local(), self.tau)
        named = np.concatenate([batch.positives, batch.negatives.reshape(-1)])
        local = batch.local()
        if len(named) < len(self.items):
            codes, places = np.unique(named, return_inverse=True)
            local = _renumbered(local, places.astype(np.int32), codes, len(self.items))
            items = torch.from_numpy(self.items.numpy()[codes])
        else:
            items = self.items
        users = self._projected_first(pattern) if self._is_long(pattern) else self._gathered_first(pattern)
        return infonce(users, self._project(items), local, self.tau)

    def _project(self, rows: torch.Tensor) -> torch.Tensor:
        return product(rows, self.projection.w1, self.in_bfloat16)

    def _is_long(self, pattern: Pattern) -> bool:
        """Whether gathering histories of LM vectors costs more than projecting every item."""
        return 20 * len(pattern[1]) > self.projection.w1.shape[1] * len(self.items)

    def _gathered_first(self, pattern: Pattern) -> torch.Tensor:
        """P W of users with these histories: sums of LM vectors, then the projection."""
        return self._project(self._rows(self.titles, self._sums, pattern))

    def _projected_first(self, pattern: Pattern) -> torch.Tensor:
        """The same: the projection, then sums of its rows."""
        return self._rows(self._project(self.titles), self._project(self._sums), pattern)

    def _rows(self, own: torch.Tensor, sums: torch.Tensor, pattern: Any) -> torch.Tensor:
        """Users' rows of P, or of P W, from those of their histories."""
        rows: Any = _rows_on_device if are_tensors(pattern[0]) else _HistoryRows.apply
        users: torch.Tensor = rows(own, sums, pattern, self.layers)
        return users


class _HistoryRows(torch.autograd.Function):
    """Users' rows of P from the histories: the mean of `own`, plus hops 1..layers from `sums`."""

    @staticmethod
    def forward(
        ctx: Any, own: torch.Tensor, sums: torch.Tensor, pattern: Pattern, layers: int
    ) -> torch.Tensor:
        indptr, indices = pattern
        scale = np.maximum(np.diff(indptr), 1).astype(np.float32) ** np.float32(-0.5)
        ctx.arguments = pattern, len(own), scale, layers
        hops = spmm(indptr, indices, sums.detach().numpy(), row_scale=scale)
        rows = own.detach().numpy()
        return torch.from_numpy(
            spmm(indptr, indices, rows, row_scale=scale**2, add=hops, factor=1 / (layers + 1))
        )

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None, None]:
        pattern, n_items, scale, layers = ctx.arguments
        by_item = transpose(pattern[0], pattern[1], n_items)
        slopes = upstream[0].contiguous().numpy()
        own, sums = (
            spmm(*by_item, slopes, col_scale=weight / np.float32(layers + 1)) for weight in (scale**2, scale)
        )
        return torch.from_numpy(own), torch.from_numpy(sums), None, None


def _rows_on_device(own: torch.Tensor, sums: torch.Tensor, pattern: Any, layers: int) -> torch.Tensor:
    """The same in torch."""
    indptr, indices = pattern
    transposed = on_device.transpose(indptr, indices, len(own))
    scale = indptr.diff().clamp(min=1).float().rsqrt()
    mean = on_device.multiply(pattern, transposed, own, row_scale=scale**2)
    return (mean + on_device.multiply(pattern, transposed, sums, row_scale=scale)) / (layers + 1)


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
