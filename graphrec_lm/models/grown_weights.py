"""Item-to-item weights with new items, each predicted from the items whose titles are nearest to its own.

With W [n_new, n_items] of `mixtures.predictors_of`, the weights of old and new items are

    B' = [B, (B + gI) Wᵀ; W (B + gI), W (B + gI) Wᵀ]

so that nothing of B is computed again: a new item in a history counts as what predicts it, and its score is
predicted from theirs. Among new items of MovieLens even an average of the nearest ranks nearly three times as
well as the columns that the ridge itself gives to items nobody touched, which take "not touched yet" for
"not liked" (docs/decisions.md, 66 and 87).
g is what an item says for itself, since B has no diagonal: what is called like an item of the history gains.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from graphrec_lm.kernels import add_row_sums, spmm
from graphrec_lm.models.thin_plus_sparse import ThinPlusSparse

Float32 = NDArray[np.float32]
Pattern = tuple[NDArray[np.int64], NDArray[np.int32]]

OWN = np.float32(0.3)  # g


class GrownWeights(NamedTuple):
    """B' above, never formed.

    Attributes
    ----------
    known : float32 array, csr_array or ThinPlusSparse [n_items, n_items]
        B.
    mixtures : float32 csr_array [n_new, n_items]
        W.

    Examples
    --------
    >>> half = sparse.csr_array(np.array([[0.5, 0.5]], dtype=np.float32))
    >>> weights = GrownWeights(np.array([[0, 2], [4, 0]], dtype=np.float32), half)
    >>> weights.sums(np.array([0, 1, 2]), np.array([0, 2], dtype=np.int32)).round(2)
    array([[0.  , 2.  , 1.15],
           [2.15, 1.15, 1.65]], dtype=float32)
    """

    known: Any
    mixtures: sparse.csr_array

    @property
    def shape(self) -> tuple[int, int]:
        """(old and new items, old and new items)."""
        size = sum(self.mixtures.shape)
        return (size, size)

    def sums(self, indptr: NDArray[np.int64], indices: NDArray[np.int32]) -> Float32:
        """Sums of the rows of B' over each history [people], float32 [people, n_items + n_new]."""
        n_items = self.mixtures.shape[1]
        is_old = indices < n_items
        starts = np.concatenate([[0], np.cumsum(is_old)])[indptr].astype(np.int64)
        scores = weight_sums(starts, indices[is_old], self.known)
        if not is_old.all():
            new = indptr - starts, indices[~is_old] - np.int32(n_items)
            used, places = np.unique(new[1], return_inverse=True)
            mixed = self.mixtures[used]
            reached = weight_products(mixed, self.known) + OWN * mixed.toarray()
            scores += spmm(new[0], places.astype(np.int32), reached)
        owners = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        own = sparse.csr_array((np.full(len(owners), OWN), (owners, indices[is_old])), shape=scores.shape)
        return self._joined(scores, own)

    def products(self, mixtures: sparse.csr_array) -> Float32:
        """`mixtures` [n, n_items + n_new] times B'."""
        n_items = self.mixtures.shape[1]
        old, new = mixtures[:, :n_items], mixtures[:, n_items:] @ self.mixtures
        scores = weight_products(old + new, self.known) + OWN * new.toarray()
        return self._joined(scores, OWN * old)

    def _joined(self, scores: Float32, own: sparse.csr_array) -> Float32:
        """Scores of old items and, from them and from what old items of the history add, of new ones."""
        back = self.mixtures.T
        new = scores @ back + (own @ back).toarray()
        return np.concatenate([scores, new], axis=1, dtype=np.float32)

    def column(self, rows: NDArray[Any], column: int) -> Float32:
        """B'[rows, column]."""
        alone = np.arange(len(rows) + 1, dtype=np.int64), np.asarray(rows, dtype=np.int32)
        return np.ascontiguousarray(self.sums(*alone)[:, column])


def weight_sums(indptr: NDArray[np.int64], indices: NDArray[np.int32], weights: Any) -> Float32:
    """Sums of the rows of `weights`, of any kind, over each history, each in the order of its items."""
    if isinstance(weights, np.ndarray):
        return spmm(indptr, indices, weights)
    if isinstance(weights, ThinPlusSparse | GrownWeights):
        return weights.sums(indptr, indices)
    nothing = np.zeros((len(indptr) - 1, weights.shape[1]), dtype=np.float32)
    return add_row_sums(nothing, indptr, indices, weights)


def weight_products(mixtures: sparse.csr_array, weights: Any) -> Float32:
    """Mixtures of the rows of `weights`, of any kind, float32 [n, n_items]."""
    if isinstance(weights, GrownWeights):
        return weights.products(mixtures)
    if isinstance(weights, ThinPlusSparse):
        first, rest = (mixtures @ weights.left) @ weights.right.T, weights.sparse
    elif sparse.issparse(weights):
        first, rest = np.zeros((mixtures.shape[0], weights.shape[1]), dtype=np.float32), weights
    else:
        return np.ascontiguousarray(mixtures @ weights, dtype=np.float32)
    parts = mixtures.indptr, mixtures.indices, rest, mixtures.data
    return add_row_sums(np.ascontiguousarray(first, dtype=np.float32), *parts)
