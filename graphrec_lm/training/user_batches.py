"""Batches of users with their whole histories, for models that reconstruct a user at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.kernels import take_rows

Codes = NDArray[np.int32]


@dataclass(frozen=True)
class UserBatch:
    """One training batch of users.

    Attributes
    ----------
    step : int
        Its number: whatever is random in the loss is drawn from (seed, step).
    users : int32 array [batch]
    indptr, indices : int64 [batch + 1], int32
        Their histories, a CSR pattern of item codes.
    """

    step: int
    users: Codes
    indptr: NDArray[np.int64]
    indices: Codes


@dataclass(frozen=True)
class UserSampler:
    """Draws every user of a history once an epoch, in an order of (seed, epoch).

    Parameters
    ----------
    graph : BipartiteGraph
    seed : int

    Examples
    --------
    >>> graph = BipartiteGraph(np.array([0, 1, 1, 2]), np.array([0, 1]), n_items=2)
    >>> sampler = UserSampler(graph, seed=0)
    >>> len(sampler), sorted(sampler.draw(step=0, size=2).users.tolist())
    (2, [0, 2])
    """

    graph: BipartiteGraph
    seed: int
    _orders: dict[int, Codes] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        """Users drawn in an epoch."""
        return len(self._users)

    def draw(self, step: int, size: int) -> UserBatch:
        """The batch of number `step`; the last one of an epoch may be smaller than `size`."""
        epoch, place = divmod(step, -(-len(self) // size))
        users = self._order(epoch)[place * size : (place + 1) * size]
        return UserBatch(step, users, *take_rows(self.graph.indptr, self.graph.indices, users))

    def _order(self, epoch: int) -> Codes:
        """The users in the order of an epoch, kept for its next batch."""
        order = self._orders.get(epoch)
        if order is None:
            order = np.random.default_rng((self.seed, epoch)).permutation(self._users)
            self._orders.clear()
            self._orders[epoch] = order
        return order

    @cached_property
    def _users(self) -> Codes:
        return np.flatnonzero(np.diff(self.graph.indptr)).astype(np.int32)
