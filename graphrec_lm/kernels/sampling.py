"""Positives and negatives from a counter-based generator: a batch is a function of (seed, step).

Nothing here has a state. Draw `i` of stream `stream` is a hash of (seed, step, stream, i), so a
batch is the same whatever the number of threads, and a resumed run continues where it stopped.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from graphrec_lm.errors import InputError, check_choice

Int = NDArray[np.integer]
Codes = NDArray[np.int32]

AliasTable = tuple[NDArray[np.uint64], Codes]

_POSITIVE_STREAM, _NEGATIVE_STREAM = 1, 2  # 3: see `several`
_ATTEMPTS = 64


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

    Raises
    ------
    InputError
        If there is no interaction to draw.

    Examples
    --------
    >>> indptr, indices = np.array([0, 0, 1]), np.array([3], dtype=np.int32)
    >>> draw_positives(indptr, indices, 2, by="user", seed=0, step=0)
    (array([1, 1], dtype=int32), array([3, 3], dtype=int32))
    """
    check_choice("by", by, ("user", "interaction"))
    if n and not len(indices):
        raise InputError("there must be interactions to draw from", 0, "Draw nothing, or give another graph.")
    users, items = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32)
    active = np.flatnonzero(np.diff(indptr)).astype(np.int32)
    key = _key(seed, step, _POSITIVE_STREAM)
    _draw_positives(indptr, indices, active, by == "user", key, users, items)
    return users, items


def draw_negatives(
    indptr: Int,
    indices: Int,
    users: Codes,
    n_items: int,
    n: int,
    *,
    seed: int,
    step: int,
    first: int = 0,
    table: AliasTable | None = None,
) -> Codes:
    """Draw `n` items for each user among those the user has no interaction with.

    Uniform draws are exact and without rejection: the r-th item outside a sorted history is found by
    bisection. Draws from a `table` are repeated while they hit the history; the 64th time (and for a
    user who has touched every item) they are uniform.

    Parameters
    ----------
    indptr, indices : int arrays
        CSR pattern of the interactions, item codes ascending within a user.
    users : int32 array [batch]
    n_items, n : int
    seed, step : int
        The draws are a pure function of both.
    first : int
        Number of `users[0]` in the whole batch: parts of a batch are drawn as the whole would be.
    table : (thresholds, aliases), optional
        Of `alias_table`: how likely each item is. None: all alike.

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
    key = _key(seed, step, _NEGATIVE_STREAM)
    if table is None:
        _draw_negatives(indptr, indices, users, n_items, key, first, out)
    else:
        _draw_by_table(indptr, indices, users, n_items, key, first, *table, out)
    return out


def alias_table(weights: NDArray[np.floating]) -> AliasTable:
    """Prepare draws of codes in proportion to weights, in constant time each (Walker 1977, Vose 1991).

    Parameters
    ----------
    weights : float array [n]
        Not negative, not all zero; popularity^β, for instance.

    Returns
    -------
    thresholds : uint64 array [n]
        Code i, drawn uniformly, is kept with probability thresholds[i] / 2³².
    aliases : int32 array [n]
        And replaced by aliases[i] otherwise.

    Raises
    ------
    InputError
        If a weight is negative or not finite, or their sum is zero.

    Examples
    --------
    >>> table = alias_table(np.array([0.0, 1.0]))
    >>> nobody = np.array([0, 0]), np.zeros(0, dtype=np.int32), np.zeros(1, dtype=np.int32)
    >>> draw_negatives(*nobody, 2, 4, seed=0, step=0, table=table)
    array([[1, 1, 1, 1]], dtype=int32)
    """
    total = float(weights.sum(dtype=np.float64))
    if not (np.isfinite(total) and total > 0 and weights.min() >= 0):
        required = "weights must be finite, not negative, and not all zero"
        raise InputError(required, f"a sum of {total}", "Check them.")
    share = weights.astype(np.float64) * (len(weights) / total)
    thresholds, aliases = np.full(len(share), 2**32, np.uint64), np.arange(len(share), dtype=np.int32)
    _fill_alias_table(share, thresholds, aliases)
    return thresholds, aliases


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
        key = (key ^ (int(part) & mask)) + 0x9E3779B97F4A7C15 & mask
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
def _draw_negatives(indptr, indices, users, n_items, key, first, out):  # type: ignore[no-untyped-def]
    batch, n = out.shape
    for b in prange(batch):
        start, stop = indptr[users[b]], indptr[users[b] + 1]
        for j in range(n):
            out[b, j] = _outside(indices, start, stop, n_items, key, (first + b) * n + j)


@njit(cache=True)
def _outside(indices, start, stop, n_items, key, counter):  # type: ignore[no-untyped-def]
    """A uniform item outside the history indices[start:stop]; any item if that holds all."""
    if stop - start >= n_items:
        start = stop
    rank = _below(key, counter, n_items - (stop - start))
    low, high = start, stop
    while low < high:
        middle = (low + high) // 2
        if indices[middle] - (middle - start) > rank:
            high = middle
        else:
            low = middle + 1
    return rank + (low - start)


@njit(parallel=True, cache=True)
def _draw_by_table(  # type: ignore[no-untyped-def]
    indptr, indices, users, n_items, key, first, thresholds, aliases, out
):
    batch, n = out.shape
    for b in prange(batch):
        start, stop = indptr[users[b]], indptr[users[b] + 1]
        for j in range(n):
            counter = (first + b) * n + j
            own_key, item = _random(key, counter), np.int64(-1)
            for attempt in range(_ATTEMPTS):
                code = _below(own_key, 2 * attempt, n_items)
                is_kept = _random(own_key, 2 * attempt + 1) >> np.uint64(32) < thresholds[code]
                code = code if is_kept else np.int64(aliases[code])
                place = start + np.searchsorted(indices[start:stop], code)
                if place == stop or indices[place] != code:
                    item = code
                    break
            out[b, j] = item if item >= 0 else _outside(indices, start, stop, n_items, key, counter)


@njit(cache=True)
def _fill_alias_table(share, thresholds, aliases):  # type: ignore[no-untyped-def]
    """Pair each code of less than the average weight with one that still has more (Vose 1991)."""
    small, large = np.flatnonzero(share < 1), np.flatnonzero(share >= 1)
    n_small, n_large = len(small), len(large)
    waiting = np.empty(len(share), dtype=np.int64)
    waiting[:n_small] = small
    while n_small and n_large:
        low, high = waiting[n_small - 1], large[n_large - 1]
        thresholds[low], aliases[low] = np.uint64(share[low] * 2.0**32), high
        share[high] -= 1 - share[low]
        n_small -= 1
        if share[high] < 1:
            waiting[n_small] = high
            n_small, n_large = n_small + 1, n_large - 1


@njit(parallel=True, cache=True)
def _hash_uniform(rows, key, out):  # type: ignore[no-untyped-def]
    n_columns = out.shape[1]
    for i in prange(len(rows)):
        for j in range(n_columns):
            bits = _random(_random(key, rows[i]), j) >> np.uint64(40)
            out[i, j] = np.float32(bits) * np.float32(2.0**-24)
