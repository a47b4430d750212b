"""Ridge regression of the interactions R, towards a matrix that the titles suggest, with a zero diagonal.

    min_B ‖R - R B‖² + λ ‖B - κ C‖²,  diag(B) = 0

    P = (RᵀR + λ I)⁻¹,   B = λκ P C + I - P diag(d),   d_j = (1 + λκ (P C)_jj) / P_jj

κ = 0 is EASE (Steck, WWW 2019). C is the same solution on the titles' LM vectors (`text_prior.py`): a product
of two thin matrices without its diagonal, so P C costs no n_items³.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError, check_number
from graphrec_lm.kernels import gram, pattern_matrix, sparse_inverse, spd_inverse
from graphrec_lm.models.dense_limit import check_dense
from graphrec_lm.models.text_prior import TextPrior
from graphrec_lm.models.thin_plus_sparse import ThinPlusSparse
from graphrec_lm.models.through_users import ThroughUsers

Float32 = NDArray[np.float32]

_FEW = 1000  # users whose matrix is quickly factorised
_SPARSE = 0.02  # of all pairs of items: so few of the histories' make a sparse matrix
_STEPS = 20  # of the power method


def least_regularization(dataset: Dataset) -> float:
    """The smallest λ that float32 can tell from nothing beside the largest eigenvalue of RᵀR."""
    pattern = pattern_matrix(dataset.indptr, dataset.indices, dataset.n_items)
    vector = dataset.item_counts.astype(np.float32)
    for _ in range(_STEPS):
        vector /= np.linalg.norm(vector)
        vector = pattern.T @ (pattern @ vector)
    return float(f"{1e-5 * np.linalg.norm(vector):.3g}")


def inverse_gram(dataset: Dataset, regularization: float) -> torch.Tensor:
    """P = (RᵀR + λ I)⁻¹, float32 [n_items, n_items], by Cholesky.

    Through the smaller of RᵀR and RRᵀ: see `through_users`. Where few items have users in common, most of
    the work is spared: see `kernels.sparse_inverse`.

    Raises
    ------
    InputError
        If λ is lost in float32: it must be at least a 100,000th of the largest eigenvalue of RᵀR. Or if
        items² numbers don't fit in memory.
    """
    check_dense(dataset.n_items)
    _check(dataset, regularization)
    if has_fewer_users(dataset):
        return torch.from_numpy(ThroughUsers.of(dataset, regularization).dense())
    pairs = np.square(np.diff(dataset.indptr)).sum()
    if pairs < _SPARSE * dataset.n_items**2:
        counts = gram(dataset.indptr, dataset.indices, dataset.n_items, least=1.0)
        return sparse_inverse(counts + diags_array(np.full(dataset.n_items, regularization)))
    matrix = torch.from_numpy(gram(dataset.indptr, dataset.indices, dataset.n_items))
    matrix.diagonal().add_(regularization)
    return spd_inverse(matrix)


def _check(dataset: Dataset, regularization: float) -> None:
    check_number("regularization", regularization, least=least_regularization(dataset))


def ridge_weights(inverse: torch.Tensor, prior: TextPrior | None = None, strength: float = 0.0) -> Float32:
    """B from P; P's memory becomes B's.

    Parameters
    ----------
    inverse : float32 tensor [n_items, n_items]
        P; overwritten.
    prior : TextPrior, optional
        C.
    strength : float
        λκ.

    Raises
    ------
    InputError
        If the weights are not finite.

    Returns
    -------
    float32 array [n_items, n_items]

    Examples
    --------
    >>> ridge_weights(torch.linalg.inv(torch.tensor([[3.0, 1.0], [1.0, 2.0]])))
    array([[0.        , 0.33333334],
           [0.5       , 0.        ]], dtype=float32)
    """
    on_diagonal = inverse.diagonal().clone()
    if prior is None:
        inverse.div_(-on_diagonal)
    else:
        projected = inverse @ prior.rows
        falling = prior.diagonal_after(projected, on_diagonal)
        inverse.mul_(-(1 + strength * falling) / on_diagonal - strength * prior.diagonal)
        inverse.addmm_(projected.mul_(prior.weights), prior.right.T, alpha=strength)
    inverse.fill_diagonal_(0)
    _check_finite(float(inverse.sum()))
    weights: Float32 = inverse.numpy()
    return weights


def has_fewer_users(dataset: Dataset) -> bool:
    """Whether P is had for less through the users."""
    return 2 * dataset.n_users < dataset.n_items


def stays_thin(dataset: Dataset, width: int = 0) -> bool:
    """Whether `thin_weights`, with titles of that width, are less than half of `ridge_weights`."""
    return dataset.n_users <= _FEW and 4 * (dataset.n_users + width) < dataset.n_items


def thin_weights(
    dataset: Dataset, regularization: float, prior: TextPrior | None = None, strength: float = 0.0
) -> ThinPlusSparse:
    """B where users are few, as a product as wide as there are users and title dimensions; P is not formed.

    With the A of `through_users` and the Z, w, T, c of the prior,

        q_j = (1 + λκ (P C)_jj) / P_jj + λκ c_j
        B = λκ (P Z) diag(w) Tᵀ + Rᵀ A diag(q) / λ   off its diagonal

    Parameters
    ----------
    dataset : Dataset
    regularization : float
        λ.
    prior : TextPrior, optional
        C.
    strength : float
        λκ.

    Raises
    ------
    InputError
        As `inverse_gram`, but for memory; if the weights are not finite.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"user_id": [1, 1, 1, 2], "item_id": ["a", "b", "c", "d"]})
    >>> weights = thin_weights(Dataset.from_frame(rows), 1.0)
    >>> weights.left.shape
    (4, 2)
    >>> weights.column(np.arange(4), 0).round(3)
    array([0.   , 0.333, 0.333, 0.   ], dtype=float32)
    """
    _check(dataset, regularization)
    inverse = ThroughUsers.of(dataset, regularization)
    scale = 1 / (1 - inverse.reached)  # 1 / (λ P_jj)
    left, of_titles = inverse.items.toarray(), []
    if prior is not None:
        projected = inverse.times(prior.rows.numpy())  # P Z
        on_diagonal = torch.from_numpy(inverse.diagonal).float()
        falling = prior.diagonal_after(torch.from_numpy(projected), on_diagonal).numpy()
        scale = scale * (1 + strength * falling) + strength / regularization * prior.diagonal.numpy()
        left = np.hstack([projected * (np.float32(strength) * prior.weights.numpy()), left])
        of_titles = [prior.right.numpy()]
    right = np.hstack([*of_titles, inverse.solved * scale.astype(np.float32)[:, None]])
    diagonal = -np.einsum("nd,nd->n", left, right)
    _check_finite(float(diagonal.sum()))
    return ThinPlusSparse(left, right, csr_array(diags_array(diagonal)))


def _check_finite(total: float) -> None:
    if not math.isfinite(total):
        raise InputError("the weights must be finite", "NaN or infinity", "Raise the regularization.")
