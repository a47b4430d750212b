"""The inverse of the items' Gram matrix where users are fewer than items: a product that is never formed.

    P = (RᵀR + λ I)⁻¹ = (I - Rᵀ A) / λ,   A = (RRᵀ + λ I)⁻¹ R

(Woodbury.) What multiplies P costs n_items · n_users, not n_items².
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array

from graphrec_lm.data import Dataset
from graphrec_lm.kernels import pattern_matrix, spd_inverse, spmm

Float32 = NDArray[np.float32]
Pattern = tuple[NDArray[np.int64], NDArray[np.int32]]


class ThroughUsers(NamedTuple):
    """P of a dataset for one λ.

    Attributes
    ----------
    regularization : float
        λ.
    items : float32 csr_array [n_items, n_users]
        Rᵀ.
    solved : float32 array [n_items, n_users]
        Aᵀ.
    reached : float64 array [n_items]
        The diagonal of Rᵀ A.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"user_id": [1, 1, 2], "item_id": ["a", "b", "c"]})
    >>> inverse = ThroughUsers.of(Dataset.from_frame(rows), 1.0)
    >>> inverse.times(np.eye(3, dtype=np.float32)).round(3)
    array([[ 0.667, -0.333,  0.   ],
           [-0.333,  0.667,  0.   ],
           [ 0.   ,  0.   ,  0.5  ]], dtype=float32)
    """

    regularization: float
    items: csr_array
    solved: Float32
    reached: NDArray[np.float64]

    @classmethod
    def of(cls, dataset: Dataset, regularization: float) -> ThroughUsers:
        """A of a dataset, solved in float64."""
        users = pattern_matrix(dataset.indptr, dataset.indices, dataset.n_items, np.float64)
        matrix = torch.from_numpy((users @ users.T).toarray())
        matrix.diagonal().add_(regularization)
        items = users.T.tocsr()
        solved = items @ spd_inverse(matrix).numpy()
        rows = np.repeat(np.arange(dataset.n_items), np.diff(items.indptr))
        reached = np.bincount(rows, solved[rows, items.indices], dataset.n_items).astype(np.float64)
        return cls(regularization, items.astype(np.float32), solved.astype(np.float32), reached)

    @property
    def diagonal(self) -> NDArray[np.float64]:
        """Of P, [n_items]."""
        found: NDArray[np.float64] = (1 - self.reached) / self.regularization
        return found

    def times(self, rows: Float32) -> Float32:
        """P · rows, [n_items, d]."""
        of_users = -(self.solved.T @ rows)
        return spmm(self.items.indptr, self.items.indices, of_users, add=rows, factor=1 / self.regularization)

    def dense(self) -> Float32:
        """P itself, [n_items, n_items]."""
        of_users = np.ascontiguousarray(self.solved.T)
        found = spmm(self.items.indptr, self.items.indices, of_users, factor=-1 / self.regularization)
        found.flat[:: len(found) + 1] += np.float32(1 / self.regularization)
        return found

    def sums(self, people: Pattern) -> Float32:
        """X P for histories X, [people, n_items]."""
        histories = pattern_matrix(*people, len(self.solved))
        met: Float32 = (histories @ self.items).toarray()
        scores: Float32 = met @ self.solved.T
        scores *= np.float32(-1 / self.regularization)
        rows = np.repeat(np.arange(len(scores)), np.diff(people[0]))
        scores[rows, people[1]] += np.float32(1 / self.regularization)
        return scores
