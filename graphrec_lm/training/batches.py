"""Batches of positives and negatives, each a pure function of (seed, step)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.kernels import alias_table, draw_negatives, draw_positives, on_device, places_of, take_rows

Codes = NDArray[np.int32]


@dataclass(frozen=True)
class Batch:
    """One training batch; of tensors where the learner is on a device.

    Attributes
    ----------
    users, positives : int32 arrays [batch]
    negatives : int32 array [batch, n], or [n] if shared by the batch
    seen : (indptr, indices) or None
        For shared negatives: histories, whose items don't count as negatives of that user.
    """

    users: Codes
    positives: Codes
    negatives: Codes
    seen: tuple[NDArray[np.int64], Codes] | None = None

    def local(self) -> Batch:
        """The same batch for a table that holds its users alone, one row each, in its order."""
        seen = None if self.seen is None else take_rows(*self.seen, self.users)
        return Batch(places_of(self.users), self.positives, self.negatives, seen)


@dataclass(frozen=True)
class BatchSampler:
    """Draws positives from the graph and negatives outside each user's history.

    Parameters
    ----------
    graph : BipartiteGraph
    by : {"user", "interaction"}
        How positives are drawn; see `kernels.draw_positives`.
    negatives : int
        Number for each positive, or for the whole batch if `shared`.
    shared : bool
    seed : int
    power : float
        >= 0; negatives are drawn in proportion to popularity^power: 0 uniformly, 1 by popularity.
    device : torch.device, optional
        Where torch draws the same batches, as tensors; None: arrays, by numba.

    Examples
    --------
    >>> graph = BipartiteGraph(np.array([0, 1, 2]), np.array([0, 1]), n_items=3)
    >>> BatchSampler(graph, "user", negatives=4, shared=False, seed=0).draw(step=0, size=8).negatives.shape
    (8, 4)
    """

    graph: BipartiteGraph
    by: str
    negatives: int
    shared: bool
    seed: int
    power: float = 0.0
    device: torch.device | None = None

    def draw(self, step: int, size: int) -> Batch:
        """The batch of number `step`, with `size` positives."""
        graph: Any = self.graph if self.device is None else self.graph.on(self.device)
        pattern = graph.indptr, graph.indices
        users, items = draw_positives(*pattern, size, by=self.by, seed=self.seed, step=step)
        if not self.shared:
            return Batch(users, items, self._negatives(*pattern, users, step))
        nobody = 0 * graph.indptr[:2], graph.indices[:0], 0 * users[:1]
        return Batch(users, items, self._negatives(*nobody, step)[0], seen=pattern)

    def _negatives(self, indptr: NDArray[np.int64], indices: Codes, users: Codes, step: int) -> Codes:
        shape = self.graph.n_items, self.negatives
        return draw_negatives(indptr, indices, users, *shape, seed=self.seed, step=step, table=self._table)

    @cached_property
    def _table(self) -> Any:
        """Of popularity^power."""
        if not self.power:
            return None
        popularity = np.diff(self.graph.item_indptr)
        table = alias_table((popularity / popularity.max()) ** float(self.power))
        return table if self.device is None else on_device.move_table(table, self.device)
