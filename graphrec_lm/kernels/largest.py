"""The largest entries of each row of a sparse matrix."""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from scipy.sparse import csr_array

from graphrec_lm.errors import check_number
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
    if count:
        _choose(*read_only(matrix.indptr, matrix.data), count, is_kept, sizes)
    parts = matrix.data[is_kept], matrix.indices[is_kept], np.cumsum(sizes)
    return csr_array(parts, shape=matrix.shape)


@njit(parallel=True, cache=True)
def _choose(indptr, values, count, is_kept, sizes):  # type: ignore[no-untyped-def]
    for row in prange(len(indptr) - 1):
        part, kept = values[indptr[row] : indptr[row + 1]], is_kept[indptr[row] : indptr[row + 1]]
        positive = part[part > 0]
        if len(positive) <= count:
            kept[:] = part > 0
            sizes[row + 1] = len(positive)
            continue
        bound = np.partition(positive, len(positive) - count)[len(positive) - count]
        ties = count - (positive > bound).sum()
        for t in range(len(part)):
            if part[t] > bound or (part[t] == bound and ties > 0):
                ties -= part[t] == bound
                kept[t] = True
        sizes[row + 1] = count
