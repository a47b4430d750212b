"""Ranks of a few items on a path of scores, constant + κ · slope, without ranking the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from graphrec_lm.kernels.read_only import read_only

Float32 = NDArray[np.float32]
Int = NDArray[np.integer]
Pattern = tuple[Int, Int]

_CHUNK = 256  # scores that are compared between two looks at the count


def path_ranks(
    constant: Float32, slope: Float32, strengths: Sequence[float], seen: Pattern, asked: Pattern, most: int
) -> NDArray[np.int32]:
    """Where the asked items stand among those unseen when ranked by ``constant + κ · slope``.

    Of equal scores the smaller code is first, as in `topk`. The best of the asked items is first looked for,
    and none after one that `most` others stand before.

    Parameters
    ----------
    constant, slope : float32 arrays [n, n_items], C-contiguous
    strengths : sequence of float
        The κ.
    seen, asked : patterns (int [n + 1], int [entries])
        Item codes of each row, those asked ascending; those seen are not ranked.
    most : int
        Ranks beyond it are not told apart.

    Returns
    -------
    int32 array [strengths, entries of asked]
        From 1; `most` + 1 stands for all ranks beyond `most`, and for items that were seen.

    Examples
    --------
    >>> constant, slope = np.array([[3, 2, 1]], np.float32), np.array([[0, 0, 1]], np.float32)
    >>> nothing, last = (np.array([0, 0]), np.zeros(0, np.int32)), (np.array([0, 1]), np.array([2]))
    >>> path_ranks(constant, slope, [0, 1.5], nothing, last, 5)
    array([[3],
           [2]], dtype=int32)
    """
    ranks = np.empty((len(strengths), len(asked[1])), dtype=np.int32)
    factors = np.array(strengths, dtype=np.float32)
    _rank_all(*read_only(constant, slope, factors, *seen, *asked), most, ranks)
    return ranks


@njit(parallel=True, cache=True)
def _rank_all(constant, slope, factors, starts, seen, bounds, asked, most, ranks):  # type: ignore[no-untyped-def]
    ranks[:] = most + 1
    for row in prange(len(constant)):
        scores, first = np.empty(constant.shape[1], np.float32), bounds[row]
        wanted = asked[first : bounds[row + 1]]
        for n in range(len(factors)):
            for item in range(len(scores)):
                scores[item] = constant[row, item] + factors[n] * slope[row, item]
            for edge in range(starts[row], starts[row + 1]):
                scores[seen[edge]] = -np.inf
            for place in np.argsort(-scores[wanted], kind="mergesort"):
                rank = _rank(scores, wanted[place], most)
                if rank > most:
                    break
                ranks[n, first + place] = rank


@njit(cache=True)
def _rank(scores, item, most):  # type: ignore[no-untyped-def]
    own, before = scores[item], np.int64(0)
    if not own > -np.inf:  # hidden, or not a number
        return most + 1
    for start in range(0, len(scores), _CHUNK):
        stop = min(start + _CHUNK, len(scores))
        middle = min(max(item, start), stop)
        count = np.int32(0)
        for other in range(start, middle):
            count += np.int32(scores[other] >= own)
        for other in range(middle, stop):
            count += np.int32(scores[other] > own)
        before += count
        if before >= most:
            break
    return before + 1
