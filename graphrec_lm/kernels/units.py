"""Unit rows of a table, and the gradient of a table through its unit rows."""

from __future__ import annotations

import numpy as np
from numba import get_num_threads, njit, prange
from numpy.typing import NDArray

from graphrec_lm.kernels.memory import empty
from graphrec_lm.kernels.read_only import read_only

Float32 = NDArray[np.float32]
Codes = NDArray[np.int32]

_SMALLEST = np.float32(1e-12)  # as in torch.nn.functional.normalize


def unit_rows(rows: Float32) -> Float32:
    """Scale rows to length 1; zero rows stay zero.

    >>> unit_rows(np.array([[3, 4], [0, 0]], dtype=np.float32))
    array([[0.6, 0.8],
           [0. , 0. ]], dtype=float32)
    """
    table = np.ascontiguousarray(rows, dtype=np.float32)
    return unit_rows_of(table, np.arange(len(table), dtype=np.int32))[0]


def unit_rows_of(table: Float32, codes: Codes, *, multiple: int = 1) -> tuple[Float32, Float32]:
    """Rows of a table scaled to length 1, and what they were multiplied with.

    Parameters
    ----------
    table : float32 array [rows, dim]
    codes : int32 array [n]
    multiple : int
        Fill up with zero columns to a multiple of this.

    Returns
    -------
    units : float32 array [n, dim or more]
        Zero rows stay zero.
    factors : float32 array [n]
        1 / max(length, 1e-12).

    Examples
    --------
    >>> unit_rows_of(np.array([[3, 4]], dtype=np.float32), np.zeros(1, dtype=np.int32))
    (array([[0.6, 0.8]], dtype=float32), array([0.2], dtype=float32))
    """
    width = -(-table.shape[1] // multiple) * multiple
    units = empty((len(codes), width))
    factors = np.empty(len(codes), dtype=np.float32)
    _unit_rows_of(*read_only(table, codes), units, factors)
    return units, factors


def table_gradient(
    codes: Codes, gradients: Float32, units: Float32, factors: Float32, shape: tuple[int, ...]
) -> Float32:
    """Gradient of a table, from that of the unit rows which `unit_rows_of` took from it.

    The derivative of x / ‖x‖ maps g to (g - (g·û) û) / ‖x‖; what falls on one row is added in
    the order of `codes`, whatever the number of threads.

    Parameters
    ----------
    codes : int32 array [n]
    gradients, units : float32 arrays [n, dim or more]
    factors : float32 array [n]
    shape : (rows, dim)
        The table's.

    Returns
    -------
    float32 array [rows, dim]
    """
    out = empty(shape)
    _table_gradient(codes, gradients, units, factors, get_num_threads(), out)
    return out


@njit(parallel=True, cache=True, fastmath={"contract", "nsz", "reassoc"}, error_model="numpy")
def _unit_rows_of(table, codes, units, factors):  # type: ignore[no-untyped-def]
    dim = table.shape[1]
    for i in prange(len(codes)):
        row, unit = table[codes[i]], units[i]
        total = np.float32(0)
        for d in range(dim):
            total += row[d] * row[d]
        factor = np.float32(1) / max(np.sqrt(total), _SMALLEST)
        for d in range(dim):
            unit[d] = row[d] * factor
        unit[dim:] = np.float32(0)
        factors[i] = factor


@njit(parallel=True, cache=True, fastmath={"contract", "nsz", "reassoc"}, error_model="numpy")
def _table_gradient(codes, gradients, units, factors, parts, out):  # type: ignore[no-untyped-def]
    rows, dim = out.shape
    for part in prange(parts):
        low, high = rows * part // parts, rows * (part + 1) // parts
        out[low:high] = np.float32(0)
        for i in range(len(codes)):
            if low <= codes[i] < high:
                gradient, unit, row = gradients[i], units[i], out[codes[i]]
                along = np.float32(0)
                for d in range(dim):
                    along += gradient[d] * unit[d]
                for d in range(dim):
                    row[d] += factors[i] * (gradient[d] - along * unit[d])
