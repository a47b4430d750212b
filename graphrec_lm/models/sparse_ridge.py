"""The ridge towards titles for many items: every item is regressed on its neighbours alone.

P = (RᵀR + λI)⁻¹ needs n_items² numbers. Instead, with s_i = λ / (n_i + λ), what P does to an item alone,
column j of the weights is the shrunken prior and a correction on the support S, the items that most often
occur with j:

    b_j = κ s∘C_j + δ_j,   (G_SS + λI) δ_S = G_Sj + κ (λ C_Sj - ((G + λI) (s∘C_j))_S)

the same minimum as the dense ridge's if δ may differ from zero on S only; all other items as S give the dense
solution. With C = Z diag(w) Tᵀ - diag(c), G (s∘Z) = Rᵀ (R (s∘Z)) is thin and serves every λ of the titles, so
neither C nor G is formed. Linear in κ: two solutions with one factorisation serve every κ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from graphrec_lm.data import Dataset
from graphrec_lm.kernels import co_occurring, local_ridge, nearest_of, spmm, transpose, weighted_products
from graphrec_lm.models.text_prior import TextPrior
from graphrec_lm.models.thin_plus_sparse import ThinPlusSparse

Float32 = NDArray[np.float32]

_COLUMNS = 64  # of the titles' axes, taken to everyone and back at a time
_WIDER = 4  # neighbours kept of the Gram matrix, for each that an item is regressed on


class Supports(NamedTuple):
    """What does not depend on λ, κ or titles.

    Attributes
    ----------
    regressors : csr_array [n_items, n_items]
        Row j: counts G_ij of the items i that j is regressed on.
    gram : csr_array [n_items, n_items]
        Off-diagonal co-occurrence counts, each in the row of one of its items at least.
    counts : float32 array [n_items]
        The diagonal of G.
    """

    regressors: csr_array
    gram: csr_array
    counts: Float32

    @classmethod
    def of(cls, dataset: Dataset, neighbours: int) -> Supports:
        """Each item's `neighbours` nearest, and four times as many for what these have in common."""
        wide = co_occurring(dataset.indptr, dataset.indices, dataset.n_items, _WIDER * neighbours)
        regressors = nearest_of(wide, dataset.item_counts, neighbours)
        return cls(regressors, wide, dataset.item_counts.astype(np.float32))


class SparsePath(NamedTuple):
    """Weights on a path of κ: without titles, and what the titles add for κ = 1.

    Attributes
    ----------
    interactions : csr_array [n_items, n_items]
    titles : ThinPlusSparse or None
    """

    interactions: csr_array
    titles: ThinPlusSparse | None

    def at(self, strength: float) -> ThinPlusSparse:
        """B for one κ."""
        if self.titles is None or not strength:
            nothing = np.zeros((self.interactions.shape[0], 1), dtype=np.float32)
            return ThinPlusSparse(nothing, nothing, self.interactions)
        thin = self.titles
        together = (self.interactions + np.float32(strength) * thin.sparse).tocsr()
        return ThinPlusSparse(np.float32(strength) * thin.left, thin.right, together)


def sparse_paths(
    dataset: Dataset, supports: Supports, regularization: float, priors: Sequence[TextPrior]
) -> Iterator[SparsePath]:
    """Weights for one λ and each prior of the same titles, from one factorisation a support."""
    shrink = _shrink(supports, regularization)
    solved = _solutions(dataset, supports, regularization, priors)
    interactions = _weights(supports.regressors, solved[0])
    if not priors:
        yield SparsePath(interactions, None)
    for prior, values in zip(priors, solved[1:], strict=True):
        left = shrink[:, None] * prior.left.numpy()
        correction = _weights(supports.regressors, values) - diags_array(shrink * prior.diagonal.numpy())
        yield SparsePath(interactions, ThinPlusSparse(left, prior.right.numpy(), correction.tocsr()))


def _shrink(supports: Supports, regularization: float) -> Float32:
    shrink: Float32 = regularization / (supports.counts + np.float32(regularization))
    return shrink


def _solutions(
    dataset: Dataset, supports: Supports, regularization: float, priors: Sequence[TextPrior]
) -> Float32:
    """δ for κ = 0, and what each prior adds to it for κ = 1, [1 + priors, entries of the regressors]."""
    sides = supports.regressors.data[None]
    if priors:
        sides = np.concatenate([sides, _title_sides(dataset, supports, regularization, priors)])
    diagonal = supports.counts + np.float32(regularization)
    return local_ridge(supports.regressors, supports.gram, diagonal, sides)


def _title_sides(
    dataset: Dataset, supports: Supports, regularization: float, priors: Sequence[TextPrior]
) -> Float32:
    """λ C_Sj - ((G + λI) (s∘C_j))_S for each prior, [priors, entries of the regressors]."""
    shrink, axes = _shrink(supports, regularization), priors[0].rows.numpy()
    columns, sizes = supports.regressors.indices, np.diff(supports.regressors.indptr)
    rows = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    pulled = _pulled(dataset, axes, shrink, regularization)
    weights = np.stack([prior.weights.numpy() for prior in priors])
    sides = weighted_products(pulled, axes, weights, columns, rows)
    for prior, side in zip(priors, sides, strict=True):
        side *= -prior.scale.numpy()[rows]
        side += supports.regressors.data * (shrink * prior.diagonal.numpy())[rows]
    return sides


def _pulled(dataset: Dataset, axes: Float32, shrink: Float32, regularization: float) -> Float32:
    """(G + λI) (s∘Z) - λ Z, [n_items, d_LM]; users' rows of it exist a few columns at a time."""
    by_item, found = transpose(dataset.indptr, dataset.indices, dataset.n_items), np.empty_like(axes)
    falling = (regularization * (shrink - 1))[:, None]
    for start in range(0, axes.shape[1], _COLUMNS):
        part = np.ascontiguousarray(axes[:, start : start + _COLUMNS])
        users = spmm(dataset.indptr, dataset.indices, shrink[:, None] * part)
        found[:, start : start + _COLUMNS] = spmm(*by_item, users, add=falling * part)
    return found


def _weights(support: csr_array, values: Float32) -> Any:
    """Item-to-item weights from values that stand at [column, row]."""
    return csr_array((values, support.indices, support.indptr), shape=support.shape).T.tocsr()
