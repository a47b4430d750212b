"""Inner products whose rounding depends on the two rows alone, whatever else is computed beside them.

A matrix product rounds differently for one row than for a thousand, so that its scores would too.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from graphrec_lm.kernels.read_only import read_only
from graphrec_lm.kernels.vectors import LANES, WIDTH, add_product, load, total, zeros

Float32 = NDArray[np.float32]

FEW = 16  # rows at once that are scored without a matrix product
_STRIPE = 64  # items that a thread scores for all queries in turn


def dots(queries: Float32, items: Float32) -> Float32:
    """All inner products of a few rows, float32 [n, m]; much slower than a matrix product for many.

    Parameters
    ----------
    queries, items : float32 arrays [n, dim], [m, dim], C-contiguous

    Examples
    --------
    >>> dots(np.ones((1, 2), dtype=np.float32), np.eye(2, dtype=np.float32))
    array([[1., 1.]], dtype=float32)
    """
    out = np.empty((len(queries), len(items)), dtype=np.float32)
    _dots(*read_only(queries, items), out)
    return out


@njit(error_model="numpy")
def dot(one, at, other, there, dim):  # type: ignore[no-untyped-def]
    """Inner product of one[at : at + dim] and other[there : there + dim], in one order of summation."""
    a, b, c, d = zeros(), zeros(), zeros(), zeros()
    place = 0
    while place + WIDTH <= dim:
        a = add_product(a, load(one, at + place), other, there + place)
        b = add_product(b, load(one, at + place + LANES), other, there + place + LANES)
        c = add_product(c, load(one, at + place + 2 * LANES), other, there + place + 2 * LANES)
        d = add_product(d, load(one, at + place + 3 * LANES), other, there + place + 3 * LANES)
        place += WIDTH
    while place + LANES <= dim:
        a = add_product(a, load(one, at + place), other, there + place)
        place += LANES
    summed = (total(a) + total(b)) + (total(c) + total(d))
    while place < dim:
        summed += one[at + place] * other[there + place]
        place += 1
    return summed


@njit(parallel=True, cache=True, error_model="numpy")
def _dots(queries, items, out):  # type: ignore[no-untyped-def]
    dim = items.shape[1]
    one, other = queries.reshape(-1), items.reshape(-1)
    for stripe in prange(-(-len(items) // _STRIPE)):
        for item in range(stripe * _STRIPE, min((stripe + 1) * _STRIPE, len(items))):
            for row in range(len(queries)):
                out[row, item] = dot(one, row * dim, other, item * dim, dim)
