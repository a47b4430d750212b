"""Seeded power-law bipartite graphs with clustered title vectors, of any size."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_CLUSTERS = 64
_LOYALTY = 0.7  # share of a user's items that come from the user's own cluster
_CHUNK = 100_000


class PowerLaw(NamedTuple):
    """A CSR pattern [users, items], items ascending and distinct within a user."""

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    n_items: int

    @property
    def n_users(self) -> int:
        """Number of users."""
        return len(self.indptr) - 1


def power_law(interactions: int, users: int, items: int, seed: int = 0) -> PowerLaw:
    """A graph of about `interactions` edges; log-normal activity, popularity falling as 1 / rank.

    An item's cluster is its code modulo 64, its popularity rank within the cluster a random one. Of a
    user's items 70 % come from the user's cluster. Equal draws of one user merge: a pilot says how
    many, and so how many to draw.
    """
    rng = np.random.default_rng(seed)
    activity = rng.lognormal(0, 1, users)
    activity *= interactions / activity.sum()
    places = np.tile(np.arange(items // _CLUSTERS)[:, None], _CLUSTERS)
    order = rng.permuted(places, axis=0) * _CLUSTERS + np.arange(_CLUSTERS)  # [rank, cluster] -> code
    pilot = _degrees(activity[:_CHUNK], order.size)
    activity *= pilot.sum() / _chunk(rng, pilot, order)[1].sum()
    chunks = [activity[start : start + _CHUNK] for start in range(0, users, _CHUNK)]
    parts, counts = zip(*(_chunk(rng, _degrees(chunk, order.size), order) for chunk in chunks), strict=True)
    return PowerLaw(np.concatenate([[0], np.cumsum(np.concatenate(counts))]), np.concatenate(parts), items)


def _degrees(activity: NDArray[np.float64], items: int) -> NDArray[np.int64]:
    return np.clip(np.rint(activity), 1, items // 4).astype(np.int64)


def _chunk(
    rng: np.random.Generator, degrees: NDArray[np.int64], order: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Items of some users, and how many each has."""
    ranks, clusters = order.shape
    users = np.repeat(np.arange(len(degrees)), degrees)
    own = rng.integers(0, clusters, len(degrees))[users]
    loyal = rng.random(len(users)) < _LOYALTY
    cluster = np.where(loyal, own, rng.integers(0, clusters, len(users)))
    rank = np.expm1(rng.random(len(users)) * np.log(ranks + 1)).astype(np.int64)  # density 1 / (rank + 1)
    keys = np.unique(users * order.size + order[rank, cluster])
    return (keys % order.size).astype(np.int32), np.bincount(keys // order.size, minlength=len(degrees))


def title_vectors(items: int, dim: int = 384, seed: int = 0) -> NDArray[np.float16]:
    """Unit vectors around 64 centres, an item's by its code modulo 64, as float16 [items, dim]."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((_CLUSTERS, dim)).astype(np.float32)
    out = np.empty((items, dim), dtype=np.float16)
    for start in range(0, items, _CHUNK):
        codes = np.arange(start, min(start + _CHUNK, items))
        rows = centres[codes % _CLUSTERS] + rng.standard_normal((len(codes), dim), dtype=np.float32)
        out[codes] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return out
