"""The user x item pattern: positive pairs merged, sorted, in compressed sparse rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse

from graphrec_lm.errors import InputError


class Edges(NamedTuple):
    """CSR arrays: indptr int64 [n_users + 1], indices int32 [n], weights float32 [n] or None."""

    indptr: np.ndarray
    indices: np.ndarray
    weights: np.ndarray | None

    @property
    def users(self) -> np.ndarray:
        """The user code of every edge, int32 [n]."""
        return np.repeat(np.arange(len(self.indptr) - 1, dtype=np.int32), np.diff(self.indptr))

    def select(self, keep: np.ndarray) -> Edges:
        """Return the edges where the bool mask `keep` [n] holds; the users stay."""
        before = np.concatenate([[0], np.cumsum(keep)])
        weights = None if self.weights is None else self.weights[keep]
        return Edges(before[self.indptr].astype(np.int64), self.indices[keep], weights)


def pair_keys(user_codes: np.ndarray, item_codes: np.ndarray, n_items: int) -> np.ndarray:
    """Return one int64 key for each pair; keys sort by user, then by item."""
    keys = user_codes.astype(np.int64)
    keys *= n_items
    keys += item_codes
    return keys


def merge_pairs(
    user_codes: np.ndarray,
    item_codes: np.ndarray,
    weights: np.ndarray | None,
    n_users: int,
    n_items: int,
) -> Edges:
    """Merge repeated pairs into one edge whose weight is the sum of theirs.

    The sum runs in float64 in ascending order of the weights, so the order of the rows never shows. One that
    float32 takes for 0 or infinite is an InputError.

    >>> edges = merge_pairs(np.array([1, 0, 1]), np.array([2, 0, 2]), np.array([1.0, 1.0, 0.5]), 2, 3)
    >>> edges.indptr, edges.indices, edges.weights
    (array([0, 1, 2]), array([0, 2], dtype=int32), array([1. , 1.5], dtype=float32))
    """
    if weights is None:
        rows = sparse.coo_array(
            (np.ones(len(user_codes), bool), (user_codes, item_codes)), (n_users, n_items)
        )
        merged = rows.tocsr()
        return Edges(merged.indptr.astype(np.int64), merged.indices.astype(np.int32, copy=False), None)
    keys = pair_keys(user_codes, item_codes, n_items)
    order = np.lexsort((weights, keys))
    keys = keys[order]
    starts = group_starts(keys)
    sums = np.add.reduceat(weights[order].astype(np.float64), starts) if len(starts) else weights[:0]
    indptr = np.searchsorted(keys[starts], np.arange(n_users + 1) * n_items)
    return Edges(indptr, (keys[starts] % n_items).astype(np.int32), _held(sums))


def _held(sums: np.ndarray) -> np.ndarray:
    """The weights as they are kept, float32."""
    with np.errstate(over="ignore", under="ignore"):
        held = sums.astype(np.float32)
    wrong = ~(np.isfinite(held) & (held > 0))
    if wrong.any():
        required = "the weight of every pair must be finite and > 0 in float32"
        raise InputError(required, sums[wrong][0], "Rescale the weights, or leave those rows out.")
    return held


def group_starts(keys: np.ndarray) -> np.ndarray:
    """Return where each run of equal keys begins in a sorted array.

    >>> group_starts(np.array([3, 3, 8]))
    array([0, 2])
    """
    return np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])[: len(keys)])
