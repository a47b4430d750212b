"""Sparse pattern × dense matrix, with row and column scales applied on the fly."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import get_num_threads, njit, prange
from numpy.typing import NDArray

from graphrec_lm.errors import InputError
from graphrec_lm.kernels.memory import empty
from graphrec_lm.kernels.read_only import read_only
from graphrec_lm.kernels.vectors import AHEAD, LANES, WIDTH, add_scaled, fetch_row, scaled, store, zeros

Float32 = NDArray[np.float32]
Int = NDArray[np.integer]


def spmm(
    indptr: Int,
    indices: Int,
    x: Float32 | NDArray[np.uint16],
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
        Need not start at 0: a slice of a longer one picks its rows.
    indices : int array [nnz]
        Column codes, all < `len(x)`.
    x : float32 array [columns, dim], C-contiguous
        Or uint16, from `to_bfloat16`: read at half the traffic, summed in float32; `dim` must then be
        a multiple of 16.
    row_scale : float32 array [rows], optional
    col_scale : float32 array [columns], optional
    add : float32 array [rows, dim], optional
    factor : float
    out : float32 array [rows, dim], optional
        Overwritten and returned.

    Returns
    -------
    float32 array [rows, dim]

    Raises
    ------
    InputError
        If shapes or types don't fit.

    Examples
    --------
    >>> indptr, indices = np.array([0, 2, 2]), np.array([0, 1])
    >>> spmm(indptr, indices, np.ones((2, 3), dtype=np.float32))
    array([[2., 2., 2.],
           [0., 0., 0.]], dtype=float32)
    """
    rows = len(indptr) - 1
    _check(x, rows, row_scale, col_scale, add, out)
    if indptr[-1] > len(indices):
        raise InputError(f"`indptr` must end at most at {len(indices)}", indptr[-1], "Check the pattern.")
    if out is None:
        out = empty((rows, x.shape[1]))
    row_scale = np.ones(rows, dtype=np.float32) if row_scale is None else row_scale
    col_scale = np.ones(len(x), dtype=np.float32) if col_scale is None else col_scale
    start = np.zeros((1, x.shape[1]), dtype=np.float32) if add is None else add
    bounds = _balanced(indptr, 8 * get_num_threads())
    pattern, inputs = read_only(indptr, indices), read_only(x, row_scale, col_scale, start)
    _spmm(*pattern, *inputs, np.float32(factor), bounds, out)
    return out


def _check(
    x: NDArray[Any],
    rows: int,
    row_scale: Float32 | None,
    col_scale: Float32 | None,
    add: Float32 | None,
    out: Float32 | None,
) -> None:
    """The loops trust shapes: what is too short would be read from beyond its end."""
    if x.dtype == np.uint16 and x.shape[1] % LANES:
        remedy = "Fill it up with zero columns."
        raise InputError(f"the width of a bfloat16 `x` must be a multiple of {LANES}", x.shape[1], remedy)
    if x.dtype not in (np.float32, np.uint16) or x.ndim != 2 or not x.flags.c_contiguous:
        found = f"{x.dtype} {list(x.shape)}"
        raise InputError("`x` must be a float32 matrix, C-contiguous", found, "Use np.ascontiguousarray.")
    matrix = rows, x.shape[1]
    for name, array, shape in (
        ("row_scale", row_scale, (rows,)),
        ("col_scale", col_scale, (len(x),)),
        ("add", add, matrix),
        ("out", out, matrix),
    ):
        if array is None:
            continue
        if array.shape != shape or array.dtype != np.float32 or not array.flags.c_contiguous:
            found = f"{array.dtype} {list(array.shape)}"
            required = f"`{name}` must be float32 {list(shape)}, C-contiguous"
            raise InputError(required, found, "Check it against the pattern.")


def _balanced(indptr: Int, parts: int) -> NDArray[np.int64]:
    """Row boundaries of `parts` slices that hold about equally many rows + non-zeros."""
    rows = len(indptr) - 1
    work = indptr + np.arange(rows + 1)
    targets = np.linspace(work[0], work[-1], parts + 1)
    bounds = np.searchsorted(work, targets).astype(np.int64)
    bounds[0], bounds[-1] = 0, rows
    return bounds


@njit(parallel=True, cache=True, error_model="numpy")
def _spmm(indptr, indices, x, row_scale, col_scale, add, factor, bounds, out):  # type: ignore[no-untyped-def]
    dim = x.shape[1]
    table, result, more = x.reshape(-1), out.reshape(-1), add.reshape(-1)
    for part in prange(len(bounds) - 1):
        rows = bounds[part], bounds[part + 1]
        column = 0
        while column + WIDTH <= dim:
            _four(indptr, indices, table, row_scale, col_scale, more, factor, rows, dim, column, result)
            column += WIDTH
        while column + LANES <= dim:
            _one(indptr, indices, table, row_scale, col_scale, more, factor, rows, dim, column, result)
            column += LANES
        if column < dim:
            _rest(indptr, indices, x, row_scale, col_scale, add, factor, rows, column, out)


@njit(error_model="numpy")
def _four(indptr, indices, table, row_scale, col_scale, add, factor, rows, dim, column, out):  # type: ignore[no-untyped-def]
    """64 columns of some rows; the table's row that comes AHEAD edges later is already fetched."""
    final = len(indices) - 1
    for row in range(rows[0], rows[1]):
        a, b, c, d = zeros(), zeros(), zeros(), zeros()
        for edge in range(indptr[row], indptr[row + 1]):
            fetch_row(table, np.int64(indices[min(edge + AHEAD, final)]) * dim + column)
            scale, at = col_scale[indices[edge]], np.int64(indices[edge]) * dim + column
            a = add_scaled(a, scale, table, at)
            b = add_scaled(b, scale, table, at + LANES)
            c = add_scaled(c, scale, table, at + 2 * LANES)
            d = add_scaled(d, scale, table, at + 3 * LANES)
        at, own = row * dim + column, min(row * dim, len(add) - dim) + column
        _finish(out, at, a, row_scale[row], add, own, factor)
        _finish(out, at + LANES, b, row_scale[row], add, own + LANES, factor)
        _finish(out, at + 2 * LANES, c, row_scale[row], add, own + 2 * LANES, factor)
        _finish(out, at + 3 * LANES, d, row_scale[row], add, own + 3 * LANES, factor)


@njit(error_model="numpy")
def _one(indptr, indices, table, row_scale, col_scale, add, factor, rows, dim, column, out):  # type: ignore[no-untyped-def]
    """16 columns of some rows."""
    for row in range(rows[0], rows[1]):
        a = zeros()
        for edge in range(indptr[row], indptr[row + 1]):
            at = np.int64(indices[edge]) * dim + column
            a = add_scaled(a, col_scale[indices[edge]], table, at)
        own = min(row * dim, len(add) - dim) + column
        _finish(out, row * dim + column, a, row_scale[row], add, own, factor)


@njit(inline="always")
def _finish(out, at, summed, scale, add, own, factor):  # type: ignore[no-untyped-def]
    """out = factor · (add + scale · summed), sixteen columns."""
    store(out, at, add_scaled(scaled(summed, factor * scale), factor, add, own))


@njit(error_model="numpy")
def _rest(indptr, indices, x, row_scale, col_scale, add, factor, rows, column, out):  # type: ignore[no-untyped-def]
    """The last columns, fewer than sixteen."""
    for row in range(rows[0], rows[1]):
        for d in range(column, x.shape[1]):
            summed = np.float32(0)
            for edge in range(indptr[row], indptr[row + 1]):
                summed += col_scale[indices[edge]] * x[indices[edge], d]
            out[row, d] = factor * (add[min(row, len(add) - 1), d] + row_scale[row] * summed)
