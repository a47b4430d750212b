"""Positives and negatives from a counter-based generator: a batch is a function of (seed, step).

Nothing here has a state. Draw `i` of stream `stream` is a hash of (seed, step, stream, i), so a
batch is the same whatever the number of threads, and a resumed run continues where it stopped.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from graphrec_lm.errors import check_choice

Int = NDArray[np.integer]
Codes = NDArray[np.int32]

_POSITIVE_STREAM, _NEGATIVE_STREAM = 1, 2


def draw_positives(
    indptr: Int, indices: Int, n: int, *, by: str, seed: int, step: int
) -> tuple[Codes, Codes]:
    """Draw `n` (user, item) pairs from the interactions, with replacement.

    Parameters
    ----------
    indptr, indices : int arrays
        CSR pattern of the interactions, [users, items].
    n : int
        Number of pairs.
    by : {"user", "interaction"}
        "user": a user uniformly among those with interactions, then one of their items (as the
        AlphaRec authors do); "interaction": an interaction uniformly.
    seed, step : int
        The batch is a pure function of both.

    Returns
    -------
    users, items : int32 arrays [n]

    Examples
    --------
    >>> indptr, indices = np.array([0, 0, 1]), np.array([3], dtype=np.int32)
    >>> draw_positives(indptr, indices, 2, by="user", seed=0, step=0)
    (array([1, 1], dtype=int32), array([3, 3], dtype=int32))
    """
    check_choice("by", by, ("user", "interaction"))
    users, items = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32)
    active = np.flatnonzero(np.diff(indptr)).astype(np.int32)
    key = _key(seed, step, _POSITIVE_STREAM)
    _draw_positives(indptr, indices, active, by == "user", key, users, items)
    return users, items


def draw_negatives(
    indptr: Int, indices: Int, users: Codes, n_items: int, n: int, *, seed: int, step: int
) -> Codes:
    """Draw `n` items for each user, uniformly among those the user has no interaction with.

    Exact and without rejection: the r-th item outside a sorted history is found by bisection. A
    user who has touched every item gets uniform items.

    Parameters
    ----------
    indptr, indices : int arrays
        CSR pattern of the interactions, item codes ascending within a user.
    users : int32 array [batch]
    n_items, n : int
    seed, step : int
        The draws are a pure function of both.

    Returns
    -------
    int32 array [batch, n]

    Examples
    --------
    >>> indptr, indices = np.array([0, 2]), np.array([0, 2], dtype=np.int32)
    >>> draw_negatives(indptr, indices, np.zeros(1, dtype=np.int32), 3, 4, seed=0, step=0)
    array([[1, 1, 1, 1]], dtype=int32)
    """
    out = np.empty((len(users), n), dtype=np.int32)
    _draw_negatives(indptr, indices, users, n_items, _key(seed, step, _NEGATIVE_STREAM), out)
    return out


def hash_uniform(rows: Int, n_columns: int, *, seed: int) -> NDArray[np.float32]:
    """Numbers in [0, 1) that depend on (seed, row, column) alone.

    Parameters
    ----------
    rows : int array [n]
    n_columns : int
    seed : int

    Returns
    -------
    float32 array [n, n_columns]

    Examples
    --------
    >>> two = hash_uniform(np.array([0, 1]), 3, seed=0)
    >>> bool((two[1:] == hash_uniform(np.array([1]), 3, seed=0)).all())
    True
    """
    out = np.empty((len(rows), n_columns), dtype=np.float32)
    _hash_uniform(rows.astype(np.int64), _key(seed, 0, 0), out)
    return out


def _key(seed: int, step: int, stream: int) -> np.uint64:
    """Mix the three counters into the 64-bit key of one stream of draws."""
    mask = (1 << 64) - 1
    key = 0
    for part in (seed, step, stream):
        key = (key ^ (part & mask)) + 0x9E3779B97F4A7C15 & mask
        key = (key ^ (key >> 30)) * 0xBF58476D1CE4E5B9 & mask
        key = (key ^ (key >> 27)) * 0x94D049BB133111EB & mask
        key ^= key >> 31
    return np.uint64(key)


@njit(cache=True, inline="always")
def _random(key, counter):  # type: ignore[no-untyped-def]
    """SplitMix64: draw number `counter` of the stream `key`."""
    z = key + np.uint64(counter + 1) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, inline="always")
def _below(key, counter, bound):  # type: ignore[no-untyped-def]
    """A number in [0, bound) by multiply-shift of 32 random bits (bias < bound / 2³²)."""
    return np.int64((_random(key, counter) >> np.uint64(32)) * np.uint64(bound) >> np.uint64(32))


@njit(cache=True)
def _draw_positives(indptr, indices, active, by_user, key, users, items):  # type: ignore[no-untyped-def]
    for i in range(len(users)):
        if by_user:
            user = active[_below(key, 2 * i, len(active))]
            degree = indptr[user + 1] - indptr[user]
            edge = indptr[user] + _below(key, 2 * i + 1, degree)
        else:
            edge = _below(key, 2 * i, len(indices))
            user = np.searchsorted(indptr, edge, side="right") - 1
        users[i] = user
        items[i] = indices[edge]


@njit(parallel=True, cache=True)
def _draw_negatives(indptr, indices, users, n_items, key, out):  # type: ignore[no-untyped-def]
    batch, n = out.shape
    for b in prange(batch):
        start, stop = indptr[users[b]], indptr[users[b] + 1]
        if stop - start >= n_items:
            start = stop
        free = n_items - (stop - start)
        for j in range(n):
            rank = _below(key, b * n + j, free)
            low, high = start, stop
            while low < high:
                middle = (low + high) // 2
                if indices[middle] - (middle - start) > rank:
                    high = middle
                else:
                    low = middle + 1
            out[b, j] = rank + (low - start)


@njit(parallel=True, cache=True)
def _hash_uniform(rows, key, out):  # type: ignore[no-untyped-def]
    n_columns = out.shape[1]
    for i in prange(len(rows)):
        for j in range(n_columns):
            bits = _random(_random(key, rows[i]), j) >> np.uint64(40)
            out[i, j] = np.float32(bits) * np.float32(2.0**-24)
