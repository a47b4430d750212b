"""Batches of positives and negatives, each a pure function of (seed, step)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.kernels import (
    alias_table,
    draw_negatives,
    draw_positives,
    draw_several,
    on_device,
    places_of,
    take_rows,
)

Codes = NDArray[np.int32]


class Sampler(Protocol):
    """What the training loop draws from; a batch is whatever the learner's loss takes."""

    def __len__(self) -> int:
        """Draws in an epoch."""

    def draw(self, step: int, size: int) -> Any:
        """The batch of number `step`, of `size` draws: a pure function of both."""


@dataclass(frozen=True)
class Batch:
    """One training batch; of tensors where the learner is on a device.

    Attributes
    ----------
    users : int32 array [batch]
    positives : int32 array [batch], or [batch, p] for several positives of each user
    negatives : int32 array [batch, n], or [n] if shared by the batch
    seen : (indptr, indices) or None
        For shared negatives: histories, whose items don't count as negatives of that user.
    step : int
        Its number: what else is drawn at random in a step is drawn from (seed, step).
    """

    users: Codes
    positives: Codes
    negatives: Codes
    seen: tuple[NDArray[np.int64], Codes] | None = None
    step: int = 0

    def local(self) -> Batch:
        """The same batch for a table that holds its users alone, one row each, in its order."""
        seen = None if self.seen is None else take_rows(*self.seen, self.users)
        return Batch(places_of(self.users), self.positives, self.negatives, seen, self.step)

    def compact(self, n_items: int) -> tuple[Codes, Codes, Batch]:
        """Codes of its users and items, ascending, each once; and the batch for tables of those alone.

        Seen items that are not in the table are dropped.

        >>> batch = Batch(np.array([7, 7]), np.array([4, 2]), np.array([[9], [4]]))
        >>> users, items, compact = batch.compact(n_items=10)
        >>> users, items, compact.users, compact.positives
        (array([7]), array([2, 4, 9], dtype=int32), array([0, 0], dtype=int32), array([1, 0], dtype=int32))
        """
        users, rows = np.unique(self.users, return_inverse=True)
        place = np.full(n_items, -1, dtype=np.int32)
        place[self.positives], place[self.negatives] = 0, 0
        items = np.flatnonzero(place == 0).astype(np.int32)
        place[items] = np.arange(len(items), dtype=np.int32)
        seen = None
        if self.seen is not None:
            indptr, codes = take_rows(*self.seen, users)
            codes = place[codes]
            kept = np.concatenate([[0], np.cumsum(codes >= 0)])
            seen = kept[indptr], codes[codes >= 0]
        batch = Batch(rows.astype(np.int32), place[self.positives], place[self.negatives], seen)
        return users, items, batch


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
    positives : int
        Of each user that is drawn; see `kernels.draw_several`.
    device : torch.device, optional
        Where torch draws the same batches, as tensors, of one positive each; None: arrays, by numba.

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
    positives: int = 1
    device: torch.device | None = None

    def __len__(self) -> int:
        """Positives drawn in an epoch: as many as there are interactions."""
        return self.graph.n_edges

    def draw(self, step: int, size: int) -> Batch:
        """The batch of number `step`, with `size` users, each time with one positive or several."""
        graph: Any = self.graph if self.device is None else self.graph.on(self.device)
        pattern = graph.indptr, graph.indices
        users, items = draw_positives(*pattern, size, by=self.by, seed=self.seed, step=step)
        if self.positives > 1:
            items = draw_several(*pattern, users, self.positives, seed=self.seed, step=step)
        if not self.shared:
            return Batch(users, items, self._negatives(*pattern, users, step), step=step)
        nobody = 0 * graph.indptr[:2], graph.indices[:0], 0 * users[:1]
        return Batch(users, items, self._negatives(*nobody, step)[0], pattern, step)

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
