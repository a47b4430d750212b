"""Add rows to the rows of a table, in a fixed order."""

from __future__ import annotations

import numpy as np
from numba import get_num_threads, njit, prange
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


def add_rows(table: Float32, codes: NDArray[np.int32], rows: Float32, scale: float = 1.0) -> Float32:
    """table[codes[i]] += scale · rows[i] for every i in order; codes may repeat.

    Each thread owns a range of the table: the result doesn't depend on their number.

    Parameters
    ----------
    table : float32 array [n, dim]
        Changed in place and returned.
    codes : int32 array [batch]
    rows : float32 array [batch, dim]
    scale : float

    Examples
    --------
    >>> table, codes = np.zeros((2, 1), dtype=np.float32), np.array([1, 1], dtype=np.int32)
    >>> add_rows(table, codes, np.ones((2, 1), dtype=np.float32))
    array([[0.],
           [2.]], dtype=float32)
    """
    _add_rows(table, codes, rows, np.float32(scale), get_num_threads())
    return table


@njit(parallel=True, cache=True, error_model="numpy")
def _add_rows(table, codes, rows, scale, parts):  # type: ignore[no-untyped-def]
    n, dim = table.shape
    for part in prange(parts):
        low, high = n * part // parts, n * (part + 1) // parts
        for i in range(len(codes)):
            if low <= codes[i] < high:
                for d in range(dim):
                    table[codes[i], d] += scale * rows[i, d]
