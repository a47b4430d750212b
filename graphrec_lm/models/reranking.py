"""Ranking each person's own candidates, as a stage after retrieval."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.kernels import subtract_rows
from graphrec_lm.kernels.topk import block_rows

Codes = NDArray[np.int32]
Float32 = NDArray[np.float32]
Pattern = tuple[NDArray[np.int64], Codes]


def top_of(
    score: Callable[[int, int], Float32], candidates: Pattern, n_items: int, k: int, hidden: Pattern
) -> tuple[Codes, Float32]:
    """The k best of each person's candidates; equal scores in the order of the item table.

    Parameters
    ----------
    score : callable
        (start, stop) -> scores of all items, float32 [stop - start, n_items].
    candidates, hidden : (indptr, indices)
        CSR patterns [people, n_items]: what may be shown, and what not.
    n_items, k : int

    Returns
    -------
    codes, scores : int32, float32 arrays [people, k]
        -1 and -inf where there are fewer.

    Examples
    --------
    >>> everyone = np.array([[1.0, 3.0, 2.0]], dtype=np.float32)
    >>> own = np.array([0, 2]), np.array([0, 2], np.int32)
    >>> nothing = np.zeros(2, int), np.zeros(0, np.int32)
    >>> top_of(lambda start, stop: everyone[start:stop], own, 3, 2, nothing)[0]
    array([[2, 0]], dtype=int32)
    """
    indptr, items = subtract_rows(candidates, hidden, n_items)
    people, size = len(indptr) - 1, block_rows(n_items)
    codes = np.full((people, k), -1, dtype=np.int32)
    scores = np.full((people, k), -np.inf, dtype=np.float32)
    for start in range(0, people, size):
        stop = min(start + size, people)
        of = slice(indptr[start], indptr[stop])
        rows = np.repeat(np.arange(start, stop), np.diff(indptr[start : stop + 1]))
        found = score(start, stop)[rows - start, items[of]]
        order = np.lexsort((items[of], -found, rows))
        place = np.arange(len(order)) - (indptr[rows] - indptr[start])
        kept = place < k
        codes[rows[kept], place[kept]] = items[of][order][kept]
        scores[rows[kept], place[kept]] = found[order][kept]
    return codes, scores
