"""Item-to-item weights too many to be stored: a product of two thin matrices and a sparse one."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from graphrec_lm.kernels import add_row_sums, spmm
from graphrec_lm.kernels.dots import FEW, dots

Float32 = NDArray[np.float32]


class ThinPlusSparse(NamedTuple):
    """B = left · rightᵀ + sparse, never formed.

    Attributes
    ----------
    left, right : float32 arrays [n_items, d]
    sparse : float32 csr_array [n_items, n_items]

    Examples
    --------
    >>> thin = np.ones((2, 1), np.float32)
    >>> weights = ThinPlusSparse(thin, thin, csr_array(-np.eye(2, dtype=np.float32)))
    >>> weights.sums(np.array([0, 1]), np.array([0], np.int32))
    array([[0., 1.]], dtype=float32)
    """

    left: Float32
    right: Float32
    sparse: csr_array

    @property
    def shape(self) -> tuple[int, int]:
        """(n_items, n_items)."""
        return (len(self.left), len(self.right))

    @property
    def nnz(self) -> int:
        """Numbers that are stored."""
        return int(self.left.size + self.right.size + self.sparse.nnz)

    def toarray(self) -> Float32:
        """B itself, float32 [n_items, n_items]."""
        return add_scaled_rows(self.left @ self.right.T, self.sparse)

    def sums(self, indptr: NDArray[np.int64], indices: NDArray[np.int32]) -> Float32:
        """Sums of the rows of B over each history [people], float32 [people, n_items].

        A few people are scored without a matrix product, whose threads would linger in the way of those
        that rank; their scores may differ in the last bits from those in a large batch.
        """
        thin = spmm(indptr, indices, self.left)
        scores: Float32 = dots(thin, self.right) if len(thin) <= FEW else thin @ self.right.T
        return add_row_sums(scores, indptr, indices, self.sparse)

    def column(self, rows: NDArray[Any], column: int) -> Float32:
        """B[rows, column]."""
        thin: Float32 = self.left[rows] @ self.right[column]
        return thin + self.sparse[rows][:, [column]].toarray().reshape(-1)


def add_scaled_rows(dense: Float32, sparse: csr_array, factor: float = 1.0) -> Float32:
    """Compute ``dense += factor · sparse`` in place, float32 [n_items, n_items], and return it.

    >>> add_scaled_rows(np.ones((1, 1), np.float32), csr_array(np.ones((1, 1), np.float32)), 2.0)
    array([[3.]], dtype=float32)
    """
    items = np.arange(len(dense) + 1, dtype=np.int32)
    return add_row_sums(dense, items, items[:-1], sparse, np.full(len(dense), factor, dtype=np.float32))
