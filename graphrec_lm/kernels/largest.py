"""The largest entries of each row of a sparse matrix."""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from scipy.sparse import csr_array

from graphrec_lm.errors import check_number
from graphrec_lm.kernels.patterns import csr_of
from graphrec_lm.kernels.read_only import read_only


def keep_largest(matrix: csr_array, count: int) -> csr_array:
    """Keep the `count` largest positive entries of each row; of equal ones those of lower columns.

    Parameters
    ----------
    matrix : csr_array [rows, columns]
    count : int
        >= 0.

    Returns
    -------
    csr_array [rows, columns]
        With sorted columns.

    Examples
    --------
    >>> keep_largest(csr_array(np.array([[3.0, 1.0, 2.0]])), 2).toarray()
    array([[3., 0., 2.]])
    """
    check_number("count", count, least=0, integer=True)
    if not matrix.has_sorted_indices:
        matrix = matrix.sorted_indices()
    is_kept, sizes = np.zeros(matrix.nnz, dtype=np.bool_), np.zeros(matrix.shape[0] + 1, dtype=np.int64)
    _choose(*read_only(matrix.indptr, matrix.data), count, is_kept, sizes)
    return csr_of(matrix.data[is_kept], matrix.indices[is_kept], np.cumsum(sizes), matrix.shape)


@njit(parallel=True, cache=True)
def _choose(indptr, values, count, is_kept, sizes):  # type: ignore[no-untyped-def]
    for row in prange(len(indptr) - 1):
        part = values[indptr[row] : indptr[row + 1]]
        kept = are_largest(np.where(part > 0, part, 0), count) & (part > 0)
        is_kept[indptr[row] : indptr[row + 1]], sizes[row + 1] = kept, kept.sum()


@njit(cache=True)
def are_largest(values, count):  # type: ignore[no-untyped-def]
    """Which are the `count` largest, bool; of those that equal the least of them, the first."""
    if len(values) <= count:
        return np.ones(len(values), np.bool_)
    if count == 0:
        return np.zeros(len(values), np.bool_)
    bound = np.partition(values, len(values) - count)[len(values) - count]
    found = values > bound
    ties = count - found.sum()
    for place in range(len(values)):
        if ties > 0 and values[place] == bound:
            found[place] = True
            ties -= 1
    return found
