"""The best k so far of every query, in heaps, while scores arrive tile by tile."""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from graphrec_lm.errors import check_number

Float32 = NDArray[np.float32]
Codes = NDArray[np.int32]
Pattern = tuple[NDArray[np.integer], NDArray[np.integer]]

_CHUNK = 64  # scores compared with the threshold at once


class Best:
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
            check_number("candidates", int(np.min(candidates, initial=0)), least=0)
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
                values[item] = np.float32(-np.inf) if hidden[first + item] else values[item]
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
            sift(best, codes, values[place], first + place, len(best))


@njit(cache=True)
def sift(best, codes, value, code, size):  # type: ignore[no-untyped-def]
    """Put a score in the root's stead, and restore the heap of the first `size` entries."""
    place = 0
    while True:
        child = 2 * place + 1
        if child + 1 < size and is_worse(best[child + 1], codes[child + 1], best[child], codes[child]):
            child += 1
        if child >= size or not is_worse(best[child], codes[child], value, code):
            break
        best[place], codes[place] = best[child], codes[child]
        place = child
    best[place], codes[place] = value, code


@njit(cache=True)
def is_worse(score, code, other_score, other_code):  # type: ignore[no-untyped-def]
    """Whether a score ranks below another: less, or equal with the greater code."""
    return score < other_score or (score == other_score and code > other_code)


@njit(parallel=True, cache=True)
def _sort(indices, scores):  # type: ignore[no-untyped-def]
    """Turn the heaps into lists, best first."""
    for row in prange(len(indices)):
        best, codes = scores[row], indices[row]
        for last in range(len(best) - 1, 0, -1):
            value, code = best[last], codes[last]
            best[last], codes[last] = best[0], codes[0]
            sift(best, codes, value, code, last)
