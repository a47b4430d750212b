"""Small operations on CSR patterns: transpose, take rows, join rows, give them values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray
from scipy.sparse import csr_array

from graphrec_lm.kernels.read_only import read_only

Int = NDArray[np.integer]
Pattern = tuple[NDArray[np.int64], NDArray[np.int32]]


def transpose(indptr: Int, indices: Int, n_columns: int, *, positions: bool = False) -> Pattern:
    """Transpose a CSR pattern by counting sort; columns come out sorted.

    Parameters
    ----------
    indptr, indices : int arrays
        The pattern of a [rows, n_columns] matrix.
    n_columns : int
    positions : bool
        Return each entry's position in `indices` instead of its row.

    Returns
    -------
    indptr : int64 array [n_columns + 1]
    indices : int32 array [nnz]
        Row codes (or positions), ascending within each column.

    Examples
    --------
    >>> transpose(np.array([0, 2, 3]), np.array([0, 1, 1]), 2)
    (array([0, 1, 3]), array([0, 0, 1], dtype=int32))
    """
    counts = np.bincount(indices, minlength=n_columns)
    starts = np.zeros(n_columns + 1, dtype=np.int64)
    np.cumsum(counts, out=starts[1:])
    rows = np.empty(len(indices), dtype=np.int32)
    _transpose(*read_only(indptr, indices), starts[:-1].copy(), positions, rows)
    return starts, rows


def csr_of(values: NDArray[Any], indices: Int, indptr: Int, shape: tuple[int, int]) -> csr_array:
    """A csr_array of these parts, `indptr` of the type of `indices`: of two scipy makes one, by a copy.

    >>> csr_of(np.ones(1), np.array([1], dtype=np.int32), np.array([0, 1]), (1, 2)).indptr.dtype
    dtype('int32')
    """
    if len(values) <= np.iinfo(indices.dtype).max:
        indptr = indptr.astype(indices.dtype, copy=False)
    return csr_array((values, indices, indptr), shape=shape)


def pattern_matrix(indptr: Int, indices: Int, n_columns: int, dtype: Any = np.float32) -> csr_array:
    """The 0/1 matrix of a CSR pattern, [rows, n_columns].

    >>> pattern_matrix(np.array([0, 1, 1]), np.array([1], dtype=np.int32), 2).toarray()
    array([[0., 1.],
           [0., 0.]], dtype=float32)
    """
    return csr_of(np.ones(len(indices), dtype=dtype), indices, indptr, (len(indptr) - 1, n_columns))


def take_rows(indptr: Int, indices: Int, rows: Int) -> Pattern:
    """The CSR pattern of the given rows, in the given order.

    >>> take_rows(np.array([0, 1, 3]), np.array([5, 6, 7]), np.array([1, 1]))
    (array([0, 2, 4]), array([6, 7, 6, 7], dtype=int32))
    """
    starts, counts = indptr[rows], indptr[np.asarray(rows) + 1] - indptr[rows]
    out = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum(counts, out=out[1:])
    taken = np.empty(out[-1], dtype=np.int32)
    _take_rows(*read_only(indices), starts, out, taken)
    return out, taken


def rows_between(pattern: Pattern, start: int, stop: int) -> Pattern:
    """The rows start..stop-1 of a CSR pattern; their indices are a view.

    >>> rows_between((np.array([0, 1, 3]), np.array([5, 6, 7])), 1, 2)
    (array([0, 2]), array([6, 7]))
    """
    bounds = pattern[0][start : stop + 1]
    return bounds - bounds[0], pattern[1][bounds[0] : bounds[-1]]


def join_rows(first: Pattern, second: Pattern) -> Pattern:
    """The rows of two patterns side by side: row r holds the columns of both rows r.

    >>> one = np.array([0, 1]), np.array([4], dtype=np.int32)
    >>> join_rows(one, one)
    (array([0, 2]), array([4, 4], dtype=int32))
    """
    counts = [np.diff(first[0]), np.diff(second[0])]
    rows = np.concatenate([np.repeat(np.arange(len(c)), c) for c in counts])
    order = np.argsort(rows, kind="stable")
    columns = np.concatenate([first[1], second[1]])
    return first[0] + second[0], np.asarray(columns[order], dtype=np.int32)


def subtract_rows(first: Pattern, second: Pattern, n_columns: int) -> Pattern:
    """The columns of each row of `first` that are not in the same row of `second`.

    >>> one = np.array([0, 2]), np.array([4, 5], dtype=np.int32)
    >>> subtract_rows(one, (np.array([0, 1]), np.array([4], dtype=np.int32)), 6)
    (array([0, 1]), array([5], dtype=int32))
    """
    rows = np.repeat(np.arange(len(first[0]) - 1), np.diff(first[0]))
    others = np.repeat(np.arange(len(second[0]) - 1), np.diff(second[0]))
    kept = ~np.isin(rows * n_columns + first[1], others * n_columns + second[1])
    counts = np.bincount(rows[kept], minlength=len(first[0]) - 1)
    return np.concatenate([[0], np.cumsum(counts)]), np.asarray(first[1][kept], dtype=np.int32)


@njit(parallel=True, cache=True)
def _take_rows(indices, starts, bounds, out):  # type: ignore[no-untyped-def]
    for row in prange(len(starts)):
        start = starts[row]
        for place in range(bounds[row], bounds[row + 1]):
            out[place] = indices[start + place - bounds[row]]


@njit(cache=True)
def _transpose(indptr, indices, cursor, positions, rows):  # type: ignore[no-untyped-def]
    for row in range(len(indptr) - 1):
        for edge in range(indptr[row], indptr[row + 1]):
            column = indices[edge]
            rows[cursor[column]] = edge if positions else row
            cursor[column] += 1
