"""Sparse pattern × dense matrix, with row and column scales applied on the fly."""

from __future__ import annotations

import numpy as np
from numba import get_num_threads, njit, prange
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Int = NDArray[np.integer]

_WIDTH = 64  # columns summed at a time: known to the compiler, they stay in vector registers


def spmm(
    indptr: Int,
    indices: Int,
    x: Float32,
    *,
    row_scale: Float32 | None = None,
    col_scale: Float32 | None = None,
    add: Float32 | None = None,
    factor: float = 1.0,
    out: Float32 | None = None,
) -> Float32:
    """Compute ``factor · (add + diag(row_scale) · A · diag(col_scale) · x)``, A a 0/1 matrix in CSR form.

    No values are stored: the pattern is summed and the scales are applied in flight, so that a
    symmetrically normalised adjacency costs its indices alone. Each row is summed by one thread, in
    one order: the result does not depend on the number of threads.

    Parameters
    ----------
    indptr : int array [rows + 1]
    indices : int array [nnz]
        Column codes, all < `len(x)`.
    x : float32 array [columns, dim], C-contiguous
    row_scale : float32 array [rows], optional
    col_scale : float32 array [columns], optional
    add : float32 array [rows, dim], optional
    factor : float
    out : float32 array [rows, dim], optional
        Overwritten and returned.

    Returns
    -------
    float32 array [rows, dim]

    Examples
    --------
    >>> indptr, indices = np.array([0, 2, 2]), np.array([0, 1])
    >>> spmm(indptr, indices, np.ones((2, 3), dtype=np.float32))
    array([[2., 2., 2.],
           [0., 0., 0.]], dtype=float32)
    """
    rows = len(indptr) - 1
    if out is None:
        out = np.empty((rows, x.shape[1]), dtype=np.float32)
    row_scale = np.ones(rows, dtype=np.float32) if row_scale is None else row_scale
    col_scale = np.ones(len(x), dtype=np.float32) if col_scale is None else col_scale
    start = np.zeros((1, x.shape[1]), dtype=np.float32) if add is None else add
    bounds = _balanced(indptr, 8 * get_num_threads())
    _spmm(indptr, indices, x, row_scale, col_scale, start, np.float32(factor), bounds, out)
    return out


def _balanced(indptr: Int, parts: int) -> NDArray[np.int64]:
    """Row boundaries of `parts` slices that hold about equally many rows + non-zeros."""
    rows = len(indptr) - 1
    work = indptr + np.arange(rows + 1)
    targets = np.linspace(0, work[-1], parts + 1)
    bounds = np.searchsorted(work, targets).astype(np.int64)
    bounds[0], bounds[-1] = 0, rows
    return bounds


@njit(parallel=True, cache=True, fastmath={"contract", "nsz"}, error_model="numpy")
def _spmm(indptr, indices, x, row_scale, col_scale, add, factor, bounds, out):  # type: ignore[no-untyped-def]
    for part in prange(len(bounds) - 1):
        for block in range(x.shape[1] // _WIDTH):
            _wide(indptr, indices, x, row_scale, col_scale, add, factor, bounds, part, block, out)
        if x.shape[1] % _WIDTH:
            _rest(indptr, indices, x, row_scale, col_scale, add, factor, bounds, part, out)


@njit(inline="always")
def _wide(indptr, indices, x, row_scale, col_scale, add, factor, bounds, part, block, out):  # type: ignore[no-untyped-def]
    """One block of _WIDTH columns of a part's rows, four edges at a time."""
    start = block * _WIDTH
    for row in range(bounds[part], bounds[part + 1]):
        edge, end = indptr[row], indptr[row + 1]
        for d in range(_WIDTH):
            out[row, start + d] = np.float32(0)
        while edge + 4 <= end:
            a, b, c, e = indices[edge], indices[edge + 1], indices[edge + 2], indices[edge + 3]
            p, q, r, s = col_scale[a], col_scale[b], col_scale[c], col_scale[e]
            for d in range(_WIDTH):
                at = start + d
                out[row, at] += p * x[a, at] + q * x[b, at] + r * x[c, at] + s * x[e, at]
            edge += 4
        while edge < end:
            a = indices[edge]
            p = col_scale[a]
            for d in range(_WIDTH):
                out[row, start + d] += p * x[a, start + d]
            edge += 1
        own = min(row, len(add) - 1)
        p = row_scale[row]
        for d in range(_WIDTH):
            out[row, start + d] = factor * (add[own, start + d] + p * out[row, start + d])


@njit(inline="always")
def _rest(indptr, indices, x, row_scale, col_scale, add, factor, bounds, part, out):  # type: ignore[no-untyped-def]
    """The columns after the last whole block."""
    start = max(x.shape[1] // _WIDTH, 0) * _WIDTH  # the compiler must see that it is not negative
    width = x.shape[1] - start
    for row in range(bounds[part], bounds[part + 1]):
        for d in range(width):
            out[row, start + d] = np.float32(0)
        for edge in range(indptr[row], indptr[row + 1]):
            column = indices[edge]
            scale = col_scale[column]
            for d in range(width):
                out[row, start + d] += scale * x[column, start + d]
        own = min(row, len(add) - 1)
        scale = row_scale[row]
        for d in range(width):
            out[row, start + d] = factor * (add[own, start + d] + scale * out[row, start + d])
