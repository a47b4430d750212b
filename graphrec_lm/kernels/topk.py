"""The k best items of every query, block by block: never a [queries, items] matrix in memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numba import njit, prange
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Codes = NDArray[np.int32]
Pattern = tuple[NDArray[np.integer], NDArray[np.integer]]

_BLOCK_BYTES = 32 << 20
_MOST_ROWS = 128


def topk(
    queries: Float32,
    items: Float32,
    k: int,
    *,
    seen: Pattern | None = None,
    candidates: NDArray[np.integer] | None = None,
) -> tuple[Codes, Float32]:
    """Rank items for queries by inner product.

    Parameters
    ----------
    queries : float32 array [n, dim]
    items : float32 array [m, dim]
    k : int
    seen : (indptr, indices), optional
        CSR pattern [n, m] of items that are never returned.
    candidates : int array, optional
        Codes of the only items that may be returned.

    Returns
    -------
    indices : int32 array [n, k]
        Item codes, best first, equal scores by ascending code; -1 where fewer than k are left.
    scores : float32 array [n, k]
        -inf where the index is -1.

    Examples
    --------
    >>> items = np.eye(3, dtype=np.float32)
    >>> topk(items[:1], items, 2)
    (array([[0, 1]], dtype=int32), array([[1., 0.]], dtype=float32))
    """
    columns = torch.from_numpy(np.ascontiguousarray(items)).T
    rows = block_rows(len(items))
    padded = torch.zeros((rows, queries.shape[1]), dtype=torch.float32)
    block = torch.empty((rows, len(items)), dtype=torch.float32)

    def score(start: int, stop: int) -> Float32:
        padded[: stop - start] = torch.from_numpy(queries[start:stop])
        torch.mm(padded, columns, out=block)
        return block[: stop - start].numpy()

    return topk_blocks(score, len(queries), len(items), k, seen=seen, candidates=candidates)


def topk_blocks(
    score: Callable[[int, int], Float32],
    n: int,
    n_items: int,
    k: int,
    *,
    seen: Pattern | None = None,
    candidates: NDArray[np.integer] | None = None,
) -> tuple[Codes, Float32]:
    """Rank items for `n` queries whose scores come block by block.

    Parameters
    ----------
    score : callable (start, stop) -> float32 array [stop - start, n_items]
        Scores of those queries; called with at most `block_rows(n_items)` of them.
    n, n_items, k : int
    seen, candidates
        As for `topk`.

    Returns
    -------
    As `topk`.

    Examples
    --------
    >>> topk_blocks(lambda start, stop: np.array([[1, 3, 2]], dtype=np.float32), 1, 3, 2)
    (array([[1, 2]], dtype=int32), array([[3., 2.]], dtype=float32))
    """
    indices = np.empty((n, k), dtype=np.int32)
    scores = np.empty((n, k), dtype=np.float32)
    indptr, hidden = seen if seen is not None else (np.zeros(n + 1, np.int64), np.zeros(0, np.int32))
    allowed = np.ones(n_items, dtype=np.bool_)
    if candidates is not None:
        allowed[:] = False
        allowed[candidates] = True
    rows = block_rows(n_items)
    for start in range(0, n, rows):
        stop = min(start + rows, n)
        block = np.ascontiguousarray(score(start, stop), dtype=np.float32)
        bounds = np.ascontiguousarray(indptr[start : stop + 1], dtype=np.int64)
        _select(block, bounds, hidden, allowed, indices[start:stop], scores[start:stop])
    return indices, scores


def block_rows(n_items: int) -> int:
    """Number of queries scored at once: a function of the item count only, so that the shape of
    the matrix product, and with it every rounding, is the same for one user as for all.

    >>> block_rows(1000), block_rows(1_000_000)
    (128, 8)
    """
    return max(1, min(_MOST_ROWS, _BLOCK_BYTES // (4 * max(1, n_items))))


@njit(parallel=True, cache=True)
def _select(block, indptr, hidden, allowed, indices, scores):  # type: ignore[no-untyped-def]
    n, n_items = block.shape
    k = indices.shape[1]
    for row in prange(n):
        values = block[row].copy()
        for edge in range(indptr[row], indptr[row + 1]):
            values[hidden[edge]] = -np.inf
        best, codes = scores[row], indices[row]
        count = 0
        threshold = np.float32(-np.inf)
        for item in range(n_items):
            value = values[item]
            if value > threshold and allowed[item]:
                place = min(count, k - 1)
                while place > 0 and best[place - 1] < value:
                    best[place] = best[place - 1]
                    codes[place] = codes[place - 1]
                    place -= 1
                best[place] = value
                codes[place] = item
                if count < k:
                    count += 1
                if count == k:
                    threshold = best[k - 1]
        for place in range(count, k):
            best[place] = -np.inf
            codes[place] = -1
