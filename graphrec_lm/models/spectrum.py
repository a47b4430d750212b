"""The normalised interactions and their largest singular vectors, which graph filters are made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import svds

from graphrec_lm.data import Dataset
from graphrec_lm.kernels import pattern_matrix

Float32 = NDArray[np.float32]


def normalised_interactions(dataset: Dataset) -> sparse.csr_array:
    """R̃ = D_u^-½ R D_i^-½, float32 [n_users, n_items]."""
    matrix = pattern_matrix(dataset.indptr, dataset.indices, dataset.n_items)
    users, items = (np.maximum(counts, 1) for counts in (dataset.user_counts, dataset.item_counts))
    scaled = sparse.diags_array(users**-0.5) @ matrix @ sparse.diags_array(items**-0.5)
    return scaled.astype(np.float32)


def right_singular_vectors(matrix: sparse.csr_array, rank: int, seed: int) -> Float32:
    """The first `rank` right singular vectors, or all there are, float32 [columns, rank or fewer].

    Those of singular value zero are left out: they are arbitrary.
    """
    if min(matrix.shape) <= max(2 * rank, 512):
        values, rows = np.linalg.svd(matrix.toarray(), full_matrices=False)[1:]
    else:
        start = np.random.default_rng(seed).standard_normal(min(matrix.shape)).astype(np.float32)
        values, rows = svds(matrix, k=rank, v0=start)[1:]
    order = np.argsort(-values, kind="stable")[:rank]
    kept = order[values[order] > 1e-5 * values.max()]
    vectors: Float32 = rows[kept].T.astype(np.float32)
    return vectors
