"""What projections read of everyone: LM vectors of titles, propagated once, before training.

Propagation is linear, and so is the first layer of a projection: they commute. With P the LM vectors of
everyone after propagation, P W is needed. P is computed once; a step needs the rows of its batch alone,
and no graph. A user's row of P is a weighted sum over the history, gathered when needed: only the items'
rows are stored. Where the histories of a batch hold many more items than there are, the items are
multiplied first and their narrow rows gathered.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.kernels import are_tensors, on_device, spmm, take_rows, transpose
from graphrec_lm.models.fold_in import hops
from graphrec_lm.models.precision import product
from graphrec_lm.models.projection import Projection

Codes = NDArray[np.int32]
Float32 = NDArray[np.float32]
Pattern = tuple[NDArray[np.int64], NDArray[np.int32]]
Pair = tuple[torch.Tensor, torch.Tensor]

_COLUMNS = 64  # of the LM vectors, propagated at a time: users' rows of them exist only meanwhile
_PEOPLE = 8192  # of all users, how many are held at the width of the first layer


class TextView(torch.nn.Module):
    """LM vectors of everyone, the mean of their layers 0..`layers`; a user's layer 0 is the history's mean.

    Parameters
    ----------
    titles : float32 tensor [n_items, d_LM]
    graph : BipartiteGraph
        Whose rows are the users' histories.
    layers : int
        >= 0 hops.
    items : float32 tensor [n_items, d_LM], optional
        Rows of the items, where they are not what propagation gives.

    Attributes
    ----------
    items : float32 tensor [n_items, d_LM]
        The items' rows of P.
    sums : float32 tensor [n_items, d_LM] or None
        Sums of the items' layers 0..`layers` - 1 over √degree: what a user's hops are summed from.
    """

    titles: torch.Tensor
    items: torch.Tensor
    sums: torch.Tensor | None

    def __init__(
        self, titles: torch.Tensor, graph: BipartiteGraph, layers: int, items: torch.Tensor | None = None
    ) -> None:
        super().__init__()
        self.graph, self.layers = graph, layers
        mean, sums = _propagate_titles(titles.numpy(), graph, layers) if layers else (titles, None)
        tables = {"titles": titles, "items": mean if items is None else items, "sums": sums}
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)

    def rows(
        self,
        users: Projection,
        items: Projection,
        user_codes: Codes,
        item_codes: Codes | None,
        bfloat16: bool = False,
    ) -> Pair:
        """Some users and some items (None: all) through a projection each, [len(codes), dim]."""
        whole = item_codes is None or len(item_codes) == len(self.items)
        table = self.items if whole else self.items[item_codes]
        first = product(table, items.w1, bfloat16)
        return users.rest(self._users(users.w1, user_codes, bfloat16)), items.rest(first)

    def everyone(self, users: Projection, items: Projection) -> Pair:
        """All users and all items through a projection each; no gradient."""
        with torch.no_grad():
            people = [users.rest(part) for part in self._all_users(users.w1)]
            return torch.cat(people), items(self.items)

    def fold_table(self, users: Projection) -> Float32:
        """What hops 1..layers of somebody new are summed from, through the first layer; see `fold_in`."""
        if self.sums is None:
            return np.zeros((len(self.titles), users.w1.shape[1]), dtype=np.float32)
        table: Float32 = (self.sums @ users.w1).detach().numpy()
        return table

    def _users(self, weight: torch.Tensor, codes: Codes, bfloat16: bool) -> torch.Tensor:
        """P W of some users, differentiably."""
        pattern = take_rows(self.graph.indptr, self.graph.indices, codes)
        if not are_tensors(codes) and not self._is_long(pattern, weight.shape[1]):
            gathered = _history_rows(self.titles, self.sums, pattern, self.layers)
            return product(gathered, weight, bfloat16)
        sums = None if self.sums is None else product(self.sums, weight, bfloat16)
        return _history_rows(product(self.titles, weight, bfloat16), sums, pattern, self.layers)

    def _all_users(self, weight: torch.Tensor) -> Iterator[torch.Tensor]:
        """P W of all users, block by block; the items are multiplied first: no user is ever d_LM wide."""
        own, sums = self.titles @ weight, None if self.sums is None else self.sums @ weight
        for start in range(0, max(1, self.graph.n_users), _PEOPLE):
            pattern = self.graph.indptr[start : start + _PEOPLE + 1], self.graph.indices
            yield _history_rows(own, sums, pattern, self.layers)

    def _is_long(self, pattern: Pattern, width: int) -> bool:
        """Whether gathering histories of LM vectors costs more than multiplying every item."""
        return 20 * len(pattern[1]) > width * len(self.titles)


def _history_rows(own: torch.Tensor, sums: torch.Tensor | None, pattern: Any, layers: int) -> torch.Tensor:
    """Users' rows of P from the histories: the mean of `own`, plus hops 1..layers from `sums`."""
    find: Any = _rows_on_device if are_tensors(pattern[0]) else _HistoryRows.apply
    rows: torch.Tensor = find(own, sums, pattern, layers)
    return rows


class _HistoryRows(torch.autograd.Function):
    """The same by numba."""

    @staticmethod
    def forward(
        ctx: Any, own: torch.Tensor, sums: torch.Tensor | None, pattern: Pattern, layers: int
    ) -> torch.Tensor:
        indptr, indices = pattern
        scale = np.maximum(np.diff(indptr), 1).astype(np.float32) ** np.float32(-0.5)
        ctx.arguments = pattern, len(own), scale, layers
        reached = None if sums is None else spmm(indptr, indices, sums.detach().numpy(), row_scale=scale)
        rows = own.detach().numpy()
        return torch.from_numpy(
            spmm(indptr, indices, rows, row_scale=scale**2, add=reached, factor=1 / (layers + 1))
        )

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        pattern, n_items, scale, layers = ctx.arguments
        by_item = transpose(pattern[0], pattern[1], n_items)
        slopes = upstream[0].contiguous().numpy()
        own, sums = (
            torch.from_numpy(spmm(*by_item, slopes, col_scale=weight / np.float32(layers + 1)))
            if needed
            else None
            for weight, needed in zip((scale**2, scale), ctx.needs_input_grad, strict=False)
        )
        return own, sums, None, None


def _rows_on_device(own: torch.Tensor, sums: torch.Tensor | None, pattern: Any, layers: int) -> torch.Tensor:
    """The same in torch."""
    indptr, indices = pattern
    transposed = on_device.transpose(indptr, indices, len(own)) if own.requires_grad else None
    scale = indptr.diff().clamp(min=1).float().rsqrt()
    rows = on_device.multiply(pattern, transposed, own, row_scale=scale**2)
    if sums is not None:
        rows = rows + on_device.multiply(pattern, transposed, sums, row_scale=scale)
    return rows / (layers + 1)


def _propagate_titles(titles: Float32, graph: BipartiteGraph, layers: int) -> Pair:
    """The items' rows of P, and the sums of their layers 0..K-1 over √degree, both [n_items, d_LM]."""
    mean, sums = np.empty_like(titles), np.empty_like(titles)
    for start in range(0, titles.shape[1], _COLUMNS):
        part = slice(start, start + _COLUMNS)
        items = np.ascontiguousarray(titles[:, part])
        users = graph.history_mean(torch.from_numpy(items)).numpy()
        _, total, sums[:, part] = hops(graph, users, items, layers)
        mean[:, part] = total / (layers + 1)
    return torch.from_numpy(mean), torch.from_numpy(sums)
