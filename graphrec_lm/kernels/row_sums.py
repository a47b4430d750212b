"""Sums of the rows of a sparse matrix, added to a dense one where they lie."""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray
from scipy.sparse import csr_array

from graphrec_lm.errors import InputError
from graphrec_lm.kernels.read_only import read_only

Float32 = NDArray[np.float32]


def add_row_sums(
    sums: Float32,
    indptr: NDArray[np.integer],
    indices: NDArray[np.int32],
    matrix: csr_array,
    values: Float32 | None = None,
) -> Float32:
    """Compute ``sums += A @ matrix`` in place, A a sparse matrix [n, rows] given by its parts.

    Each row is summed in the order of A's indices by one thread, whatever else is computed beside it.

    Parameters
    ----------
    sums : float32 array [n, columns], C-contiguous
        Returned.
    indptr, indices : int arrays [n + 1], [nnz]
        The pattern of A; all codes < rows, which is not checked.
    matrix : float32 csr_array [rows, columns]
    values : float32 array [nnz], optional
        The values of A; all 1 if not given.

    Raises
    ------
    InputError
        If `sums` has another shape.

    Examples
    --------
    >>> matrix = csr_array(np.array([[0, 2], [3, 0]], dtype=np.float32))
    >>> add_row_sums(np.ones((1, 2), np.float32), np.array([0, 2]), np.array([0, 1], np.int32), matrix)
    array([[4., 3.]], dtype=float32)
    """
    shape = len(indptr) - 1, matrix.shape[1]
    if sums.shape != shape:
        raise InputError(f"`sums` must have shape {shape}", f"shape {sums.shape}", "Give a row for each sum.")
    values = np.ones(len(indices), dtype=np.float32) if values is None else values
    parts = read_only(indptr.astype(np.int64), indices, values, matrix.indptr, matrix.indices, matrix.data)
    _add(*parts, sums)
    return sums


@njit(parallel=True, cache=True)
def _add(indptr, indices, values, starts, columns, numbers, sums):  # type: ignore[no-untyped-def]
    for row in prange(len(indptr) - 1):
        mine = sums[row]
        for place in range(indptr[row], indptr[row + 1]):
            value, item = values[place], indices[place]
            for entry in range(starts[item], starts[item + 1]):
                mine[columns[entry]] += value * numbers[entry]
