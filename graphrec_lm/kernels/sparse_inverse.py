"""The dense inverse of a sparse positive definite matrix: what is sparse is solved before the rest.

Rows a of which no two share an entry (an independent set) have a diagonal block D. With c the others,

    M = [D, B; Bᵀ, C],  W = D⁻¹ B:   P_cc = (C - Bᵀ W)⁻¹,   P_ac = -W P_cc,   P_aa = D⁻¹ - P_ac Wᵀ

where W is sparse. C - BᵀW has an independent set again, and so on until what is left is no longer sparse:
Cholesky's n³ becomes the cube of what is left. On Amazon Games that is half of the work.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numba import njit, prange
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from graphrec_lm.kernels.patterns import csr_of
from graphrec_lm.kernels.read_only import read_only
from graphrec_lm.kernels.spd_inverse import spd_inverse

_SPARSE = 0.01  # rows that are solved first share entries with so many of the others at most,
_WORTH = 0.02  # and at least so many of the rows can be
_MOST_LEFT = 0.85  # of the rows, for the detour to be worth its memory


class _Level(NamedTuple):
    """Rows that were solved together: their codes, D and W (columns are codes of all rows)."""

    codes: NDArray[np.int32]
    diagonal: NDArray[np.float64]
    weights: csr_array


def sparse_inverse(matrix: csr_array) -> torch.Tensor:
    """Invert a sparse symmetric positive definite matrix.

    Parameters
    ----------
    matrix : csr_array [n, n]

    Returns
    -------
    float32 tensor [n, n]

    Raises
    ------
    torch.linalg.LinAlgError
        If it is not positive definite.

    Examples
    --------
    >>> sparse_inverse(csr_array(np.diag([2.0, 4.0])))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    levels, left, rest = _levels(csr_array(matrix, dtype=np.float64))
    if len(left) > _MOST_LEFT * matrix.shape[0]:
        del levels, rest
        return _by_cholesky(matrix)
    core, done = _by_cholesky(rest).numpy(), len(left)
    del rest
    order = np.concatenate([left, *(level.codes for level in reversed(levels))])
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    inverse = np.empty(matrix.shape, dtype=np.float32)
    inverse[:done, :done] = core
    del core
    for level in reversed(levels):
        weights, added = level.weights, slice(done, done + len(level.codes))
        parts = read_only(weights.indptr, place[weights.indices], weights.data.astype(np.float32))
        _mix(*parts, inverse, done, 0, done)
        inverse[:done, added] = inverse[added, :done].T
        _mix(*parts, inverse, done, done, added.stop)
        inverse[np.arange(done, added.stop), np.arange(done, added.stop)] += 1 / level.diagonal
        done = added.stop
    positions = torch.from_numpy(place)
    rows = torch.from_numpy(inverse).index_select(0, positions)
    del inverse
    return rows.index_select(1, positions)


def _by_cholesky(matrix: csr_array) -> torch.Tensor:
    return spd_inverse(torch.from_numpy(matrix.astype(np.float32).toarray()))


def _levels(matrix: csr_array) -> tuple[list[_Level], NDArray[np.int32], csr_array]:
    """Independent sets one after the other; then the codes of the rows that are left, and their matrix."""
    levels: list[_Level] = []
    size = matrix.shape[0]
    codes = np.arange(size, dtype=np.int32)
    while len(codes):
        is_alone = _independent(matrix, _SPARSE * len(codes))
        if is_alone.sum() < max(1, _WORTH * len(codes)):
            break
        diagonal = matrix.diagonal()[is_alone]
        if not (diagonal > 0).all():
            raise torch.linalg.LinAlgError("the matrix is not positive definite")
        between = matrix[is_alone][:, ~is_alone]
        weights = (diags_array(1 / diagonal) @ between).tocsr()
        matrix = (matrix[~is_alone][:, ~is_alone] - between.T @ weights).tocsr()
        alone, codes = codes[is_alone], codes[~is_alone]
        among_all = csr_of(weights.data, codes[weights.indices], weights.indptr, (len(alone), size))
        levels.append(_Level(alone, diagonal, among_all))
    return levels, codes, matrix


def _independent(matrix: csr_array, most: float) -> NDArray[np.bool_]:
    """Rows with at most `most` entries of which no two share one, those with the fewest first."""
    sizes = np.diff(matrix.indptr)
    candidates = np.flatnonzero(sizes <= max(most, 1))
    is_alone = np.zeros(len(sizes), dtype=np.bool_)
    _choose(candidates[np.argsort(sizes[candidates], kind="stable")], matrix.indptr, matrix.indices, is_alone)
    return is_alone


@njit(cache=True)
def _choose(candidates, indptr, indices, is_alone):  # type: ignore[no-untyped-def]
    is_near = np.zeros(len(is_alone), np.bool_)
    for row in candidates:
        if not is_near[row]:
            is_alone[row] = True
            for place in range(indptr[row], indptr[row + 1]):
                is_near[indices[place]] = True


@njit(parallel=True, cache=True)
def _mix(indptr, indices, values, inverse, first, start, stop):  # type: ignore[no-untyped-def]
    """Rows first.. of `inverse`, columns start..stop-1: minus the mixtures of the rows before them."""
    for row in prange(len(indptr) - 1):
        mine = inverse[first + row, start:stop]
        mine[:] = 0
        for place in range(indptr[row], indptr[row + 1]):
            value, other = values[place], inverse[indices[place], start:stop]
            for column in range(stop - start):
                mine[column] -= value * other[column]
