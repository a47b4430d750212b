"""Ridge regression of every column on few others: many small systems instead of one large inverse."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import get_num_threads, njit, prange
from numpy.typing import NDArray

from graphrec_lm.kernels.read_only import read_only

Float32 = NDArray[np.float32]


def local_ridge(support: Any, gram: Any, diagonal: Float32, right_sides: Float32) -> Float32:
    """Solve (A_SS) x = b for every column j, S the columns in row j of `support`.

    A is `gram` with the given diagonal. By Cholesky in float64; each system is solved by one thread, so the
    result does not depend on their number. Where A_SS is not positive definite (a `gram` that leaves out
    entries may not be), its diagonal alone is used.

    Parameters
    ----------
    support : csr_array [n, n]
        The pattern is used; row j must not hold j. The longest row bounds the work: cubic in it.
    gram : float32 csr_array [n, n]
        Off-diagonal entries of a symmetric matrix, each in either of its two rows, or in both; those on the
        diagonal are passed over.
    diagonal : float32 array [n]
        > 0.
    right_sides : float32 array [sides, nnz of support]
        b, aligned with the entries of `support`.

    Returns
    -------
    float32 array [sides, nnz of support]
        x, aligned alike.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> support = csr_array(np.array([[0, 1], [1, 0]], dtype=np.float32))
    >>> local_ridge(support, support, np.array([2, 4], np.float32), np.ones((1, 2), np.float32))
    array([[0.25, 0.5 ]], dtype=float32)
    """
    out = np.empty_like(right_sides)
    widest = int(np.diff(support.indptr).max(initial=0))
    patterns = (support.indptr, support.indices, gram.indptr, gram.indices, gram.data)
    _solve_all(*read_only(*patterns, diagonal, right_sides), widest, get_num_threads(), out)
    return out


@njit(parallel=True, cache=True)
def _solve_all(  # type: ignore[no-untyped-def]
    starts, codes, indptr, indices, values, diagonal, sides, widest, parts, out
):
    n = len(starts) - 1
    for part in prange(parts):
        place = np.full(n, -1, np.int32)
        matrix, x = np.empty((widest, widest)), np.empty((widest, sides.shape[0]))
        for column in range(part, n, parts):
            first, last = starts[column], starts[column + 1]
            chosen = codes[first:last]
            _take_system(chosen, indptr, indices, values, diagonal, place, matrix)
            x[: len(chosen)] = sides[:, first:last].T
            if _factor(matrix, len(chosen)):
                _substitute(matrix, x, len(chosen))
            else:
                for a in range(len(chosen)):
                    x[a] /= diagonal[chosen[a]]
            out[:, first:last] = x[: len(chosen)].T


@njit(cache=True)
def _take_system(chosen, indptr, indices, values, diagonal, place, matrix):  # type: ignore[no-untyped-def]
    """The lower triangle of A's rows and columns `chosen`; `place` is -1 everywhere before and after."""
    for a in range(len(chosen)):
        place[chosen[a]] = a
        matrix[a, :a] = 0
        matrix[a, a] = diagonal[chosen[a]]
    for a in range(len(chosen)):
        for edge in range(indptr[chosen[a]], indptr[chosen[a] + 1]):
            at = place[indices[edge]]
            if 0 <= at != a:
                matrix[max(a, at), min(a, at)] = values[edge]
    for a in range(len(chosen)):
        place[chosen[a]] = -1


@njit(cache=True, fastmath={"reassoc", "contract"})
def _factor(matrix, size):  # type: ignore[no-untyped-def]
    """Cholesky in place, lower triangle; False if not positive definite."""
    for i in range(size):
        for j in range(i):
            value = matrix[i, j]
            for q in range(j):
                value -= matrix[i, q] * matrix[j, q]
            matrix[i, j] = value / matrix[j, j]
        rest = matrix[i, i]
        for q in range(i):
            rest -= matrix[i, q] * matrix[i, q]
        if rest <= 1e-9 * matrix[i, i]:
            return False
        matrix[i, i] = np.sqrt(rest)
    return True


@njit(cache=True)
def _substitute(lower, x, size):  # type: ignore[no-untyped-def]
    for side in range(x.shape[1]):
        for i in range(size):
            value = x[i, side]
            for q in range(i):
                value -= lower[i, q] * x[q, side]
            x[i, side] = value / lower[i, i]
        for i in range(size - 1, -1, -1):
            value = x[i, side] / lower[i, i]
            x[i, side] = value
            for q in range(i):
                x[q, side] -= lower[i, q] * value


def pair_products(left: Float32, right: Float32, left_rows: Any, right_rows: Any) -> Float32:
    """Inner products left[left_rows[e]] · right[right_rows[e]], float32 [pairs].

    >>> one = np.ones((1, 3), np.float32)
    >>> pair_products(one, 2 * one, np.zeros(1, np.int32), np.zeros(1, np.int32))
    array([6.], dtype=float32)
    """
    ones = np.ones((1, left.shape[1]), dtype=np.float32)
    found: Float32 = weighted_products(left, right, ones, left_rows, right_rows)[0]
    return found


def weighted_products(
    left: Float32, right: Float32, weights: Float32, left_rows: Any, right_rows: Any
) -> Float32:
    """Σ_d w_d · left[left_rows[e], d] · right[right_rows[e], d] for each row w of `weights`.

    Parameters
    ----------
    left, right : float32 arrays [n, d], [m, d]
    weights : float32 array [count, d]
    left_rows, right_rows : int arrays [pairs]

    Returns
    -------
    float32 array [count, pairs]

    Examples
    --------
    >>> one, zero = np.ones((1, 3), np.float32), np.zeros(1, np.int32)
    >>> weighted_products(one, 2 * one, np.array([[1, 1, 1], [0, 1, 0]], np.float32), zero, zero)
    array([[6.],
           [2.]], dtype=float32)
    """
    out = np.empty((len(weights), len(left_rows)), dtype=np.float32)
    _weighted(*read_only(left, right, weights, left_rows, right_rows), out)
    return out


@njit(parallel=True, cache=True, fastmath={"reassoc", "contract"})
def _weighted(left, right, weights, left_rows, right_rows, out):  # type: ignore[no-untyped-def]
    for pair in prange(out.shape[1]):
        i, j = left_rows[pair], right_rows[pair]
        for n in range(len(weights)):
            total = np.float32(0)
            for d in range(left.shape[1]):
                total += weights[n, d] * left[i, d] * right[j, d]
            out[n, pair] = total
