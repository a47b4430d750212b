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
_GROUP = 4  # blocks of queries that are searched together: threads start once for all
_TILE = 4096  # items scored at once: 128 queries' scores of them stay in the cache
_CHUNK = 64  # scores compared with the threshold at once


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
    state = _Best(len(queries), len(items), k, seen, candidates)
    padded = torch.zeros((_GROUP * _MOST_ROWS, queries.shape[1]), dtype=torch.float32)
    buffer = np.empty(len(padded) * _TILE, dtype=np.float32)
    for start in range(0, len(queries), len(padded)):
        stop = min(start + len(padded), len(queries))
        padded[: stop - start] = torch.from_numpy(queries[start:stop])
        for first in range(0, len(items), _TILE):
            part = columns[:, first : first + _TILE]
            tile = buffer[: len(padded) * part.shape[1]].reshape(len(padded), -1)
            for row in range(0, stop - start, _MOST_ROWS):
                block = slice(row, row + _MOST_ROWS)
                torch.mm(padded[block], part, out=torch.from_numpy(tile[block]))
            state.add(start, stop, first, tile)
    return state.finish()


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
    state = _Best(n, n_items, k, seen, candidates)
    rows = block_rows(n_items)
    for start in range(0, n, rows):
        stop = min(start + rows, n)
        block = np.array(score(start, stop), dtype=np.float32, order="C")
        state.add(start, stop, 0, block)
    return state.finish()


def topk_scores(scores: Float32, k: int, *, seen: Pattern | None = None) -> tuple[Codes, Float32]:
    """Rank items by scores that are all there, float32 [n, n_items]; see `topk_blocks`.

    >>> topk_scores(np.array([[1, 3, 2]], dtype=np.float32), 2)[0]
    array([[1, 2]], dtype=int32)
    """
    n, n_items = scores.shape
    return topk_blocks(lambda start, stop: scores[start:stop], n, n_items, k, seen=seen)


def block_rows(n_items: int) -> int:
    """Number of queries scored at once: a function of the item count only, so that the shape of
    the matrix product, and with it every rounding, is the same for one user as for all.

    >>> block_rows(1000), block_rows(1_000_000)
    (128, 8)
    """
    return max(1, min(_MOST_ROWS, _BLOCK_BYTES // (4 * max(1, n_items))))


class _Best:
    """The best k so far of every query, while scores arrive tile by tile, items ascending.

    Each query has a heap with the worst of its k at the root: the threshold that a score must pass.
    """

    def __init__(
        self, n: int, n_items: int, k: int, seen: Pattern | None, candidates: NDArray[np.integer] | None
    ) -> None:
        self.indices = np.full((n, k), -1, dtype=np.int32)
        self.scores = np.full((n, k), -np.inf, dtype=np.float32)
        self.seen = seen if seen is not None else (np.zeros(n + 1, np.int64), np.zeros(0, np.int32))
        self.hidden = np.zeros(0, dtype=np.bool_)
        if candidates is not None:
            self.hidden = np.ones(n_items, dtype=np.bool_)
            self.hidden[candidates] = False

    def add(self, start: int, stop: int, first: int, tile: Float32) -> None:
        """Take the scores of items first.. for queries start..stop; `tile` is overwritten."""
        bounds = np.asarray(self.seen[0][start : stop + 1], dtype=np.int64)
        outs = self.indices[start:stop], self.scores[start:stop]
        _select(tile, first, bounds, self.seen[1], self.hidden, *outs)

    def finish(self) -> tuple[Codes, Float32]:
        """Item codes and scores, best first."""
        _sort(self.indices, self.scores)
        return self.indices, self.scores


@njit(parallel=True, cache=True)
def _select(tile, first, indptr, seen, hidden, indices, scores):  # type: ignore[no-untyped-def]
    width = tile.shape[1]
    for row in prange(len(indices)):
        values, best, codes = tile[row], scores[row], indices[row]
        for edge in range(indptr[row], indptr[row + 1]):
            item = seen[edge] - first
            if 0 <= item < width:
                values[item] = -np.inf
        if len(hidden):
            for item in range(width):
                if hidden[first + item]:
                    values[item] = -np.inf
        whole = width - width % _CHUNK
        for start in range(0, whole, _CHUNK):
            above = np.int32(0)
            for place in range(_CHUNK):
                above += np.int32(values[start + place] > best[0])
            if above:
                _offer(values, first, start, start + _CHUNK, best, codes)
        _offer(values, first, whole, width, best, codes)


@njit(cache=True)
def _offer(values, first, start, stop, best, codes):  # type: ignore[no-untyped-def]
    for place in range(start, stop):
        if values[place] > best[0]:
            _sift(best, codes, values[place], first + place, len(best))


@njit(cache=True)
def _sift(best, codes, value, code, size):  # type: ignore[no-untyped-def]
    """Put a score in the root's stead, and restore the heap of the first `size` entries."""
    place = 0
    while True:
        child = 2 * place + 1
        if child + 1 < size and _worse(best[child + 1], codes[child + 1], best[child], codes[child]):
            child += 1
        if child >= size or not _worse(best[child], codes[child], value, code):
            break
        best[place], codes[place] = best[child], codes[child]
        place = child
    best[place], codes[place] = value, code


@njit(cache=True)
def _worse(score, code, other_score, other_code):  # type: ignore[no-untyped-def]
    return score < other_score or (score == other_score and code > other_code)


@njit(parallel=True, cache=True)
def _sort(indices, scores):  # type: ignore[no-untyped-def]
    """Turn the heaps into lists, best first."""
    for row in prange(len(indices)):
        best, codes = scores[row], indices[row]
        for last in range(len(best) - 1, 0, -1):
            value, code = best[last], codes[last]
            best[last], codes[last] = best[0], codes[0]
            _sift(best, codes, value, code, last)
