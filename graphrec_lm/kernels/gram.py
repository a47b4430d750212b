"""Item co-occurrence counts: the Gram matrix of an interaction pattern."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import get_num_threads, njit, prange
from numpy.typing import NDArray

from graphrec_lm.errors import check_number
from graphrec_lm.kernels.patterns import csr_of, transpose

Float32 = NDArray[np.float32]
Int = NDArray[np.integer]


def gram(
    indptr: Int,
    indices: Int,
    n_columns: int,
    *,
    row_weight: Float32 | None = None,
    least: float | None = None,
) -> Any:
    """Compute XᵀWX of a 0/1 matrix X in CSR form, W the diagonal of `row_weight`.

    Each row of the result is summed by one thread in the order of the rows of X: it doesn't depend
    on the number of threads, and without weights it is exact up to 2²⁴ rows.

    Parameters
    ----------
    indptr : int array [rows + 1]
    indices : int array [nnz]
        Column codes, distinct within a row.
    n_columns : int
    row_weight : float32 array [rows], optional
        None counts each row once.
    least : float, optional
        Keep only the entries >= this (and > 0), in a sparse result.

    Returns
    -------
    float32 array [n_columns, n_columns], or with `least` a `scipy.sparse.csr_array` of float32

    Examples
    --------
    >>> gram(np.array([0, 2, 3]), np.array([0, 1, 1], dtype=np.int32), 2)
    array([[1., 1.],
           [1., 2.]], dtype=float32)
    """
    by_column = transpose(indptr, indices, n_columns)
    weight = np.ones(len(indptr) - 1, dtype=np.float32) if row_weight is None else row_weight
    if least is None:
        dense = np.zeros((n_columns, n_columns), dtype=np.float32)
        _dense(indptr, indices, *by_column, weight, dense)
        return dense
    check_number("least", least)
    return _thresholded(indptr, indices, by_column, weight, np.float32(least), n_columns)


def _thresholded(
    indptr: Int, indices: Int, by_column: Any, weight: Float32, least: np.float32, n_columns: int
) -> Any:
    """Two passes, the first counts what the second keeps: the memory is that of the result."""
    parts, nothing = get_num_threads(), (np.zeros(0, np.int32), np.zeros(0, np.float32))
    starts = np.zeros(n_columns + 1, dtype=np.int64)
    _sparse(indptr, indices, *by_column, weight, least, parts, starts, False, *nothing)
    np.cumsum(starts, out=starts)
    kept = np.empty(starts[-1], dtype=np.int32), np.empty(starts[-1], dtype=np.float32)
    _sparse(indptr, indices, *by_column, weight, least, parts, starts, True, *kept)
    return csr_of(kept[1], kept[0], starts, (n_columns, n_columns))


@njit(parallel=True, cache=True)
def _dense(indptr, indices, starts, rows, weight, out):  # type: ignore[no-untyped-def]
    for column in prange(len(starts) - 1):
        for place in range(starts[column], starts[column + 1]):
            row = rows[place]
            for edge in range(indptr[row], indptr[row + 1]):
                out[column, indices[edge]] += weight[row]


@njit(parallel=True, cache=True)
def _sparse(  # type: ignore[no-untyped-def]
    indptr, indices, starts, rows, weight, least, parts, bounds, keep, codes, values
):
    n = len(starts) - 1
    for part in prange(parts):
        sums, touched = np.zeros(n, dtype=np.float32), np.empty(n, dtype=np.int32)
        touched_by = np.full(n, -1, dtype=np.int32)
        for column in range(part, n, parts):  # interleaved: popular columns often stand together
            size = 0
            for place in range(starts[column], starts[column + 1]):
                row = rows[place]
                for edge in range(indptr[row], indptr[row + 1]):
                    other = indices[edge]
                    if touched_by[other] != column:
                        touched_by[other] = column
                        sums[other] = np.float32(0)
                        touched[size] = other
                        size += 1
                    sums[other] += weight[row]
            count = 0
            for other in np.sort(touched[:size]) if keep else touched[:size]:
                if sums[other] >= least and sums[other] > 0:
                    if keep:
                        codes[bounds[column] + count] = other
                        values[bounds[column] + count] = sums[other]
                    count += 1
            if not keep:
                bounds[column + 1] = count
