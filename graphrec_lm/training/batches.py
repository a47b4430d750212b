"""Batches of positives and negatives, each a pure function of (seed, step)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.kernels import alias_table, draw_negatives, draw_positives, take_rows

Codes = NDArray[np.int32]


class Sampler(Protocol):
    """What the training loop draws from; a batch is whatever the learner's loss takes."""

    def __len__(self) -> int:
        """Draws in an epoch."""

    def draw(self, step: int, size: int) -> Any:
        """The batch of number `step`, of `size` draws: a pure function of both."""


@dataclass(frozen=True)
class Batch:
    """One training batch.

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
        return Batch(np.arange(len(self.users), dtype=np.int32), self.positives, self.negatives, seen)


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

    def __len__(self) -> int:
        """Positives drawn in an epoch: as many as there are interactions."""
        return self.graph.n_edges

    def draw(self, step: int, size: int) -> Batch:
        """The batch of number `step`, with `size` positives."""
        pattern = self.graph.indptr, self.graph.indices
        users, items = draw_positives(*pattern, size, by=self.by, seed=self.seed, step=step)
        if not self.shared:
            return Batch(users, items, self._negatives(*pattern, users, step))
        nobody = np.zeros(2, dtype=np.int64), np.zeros(0, dtype=np.int32), np.zeros(1, dtype=np.int32)
        return Batch(users, items, self._negatives(*nobody, step)[0], seen=pattern)

    def _negatives(self, indptr: NDArray[np.int64], indices: Codes, users: Codes, step: int) -> Codes:
        shape = self.graph.n_items, self.negatives
        return draw_negatives(indptr, indices, users, *shape, seed=self.seed, step=step, table=self._table)

    @cached_property
    def _table(self) -> tuple[NDArray[np.uint64], Codes] | None:
        """Of popularity^power."""
        if not self.power:
            return None
        popularity = np.diff(self.graph.item_indptr)
        return alias_table((popularity / popularity.max()) ** float(self.power))
