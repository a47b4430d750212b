"""The ridge towards titles for many items: every item is regressed on its neighbours alone.

P = (RᵀR + λI)⁻¹ needs n_items² numbers. Instead, with s_i = λ / (n_i + λ), what P does to an item alone,
column j of the weights is the shrunken prior and a correction on the support S, the items that most often
occur with j:

    b_j = κ s∘C_j + δ_j,   (G_SS + λI) δ_S = G_Sj + κ (λ C_Sj - ((G + λI) (s∘C_j))_S)

the same minimum as the dense ridge's if δ may differ from zero on S only; all other items as S give the dense
solution. G (s∘L) = Rᵀ (R (s∘L)) is thin, so neither C nor G is formed. Linear in κ: two solutions with one
factorisation serve every κ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from graphrec_lm.data import Dataset
from graphrec_lm.kernels import co_occurring, local_ridge, nearest_of, pair_products, spmm, transpose
from graphrec_lm.models.ridge import TextPrior
from graphrec_lm.models.thin_plus_sparse import ThinPlusSparse

Float32 = NDArray[np.float32]

_WIDER = 4  # neighbours kept of the Gram matrix, for each that an item is regressed on


class Supports(NamedTuple):
    """What does not depend on λ, κ or titles.

    Attributes
    ----------
    regressors : csr_array [n_items, n_items]
        Row j: counts G_ij of the items i that j is regressed on.
    gram : csr_array [n_items, n_items]
        Off-diagonal co-occurrence counts, symmetric.
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
        return cls(regressors, wide.maximum(wide.T).tocsr(), dataset.item_counts.astype(np.float32))


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
) -> list[SparsePath]:
    """Weights for one λ and each prior of the titles, from one factorisation a support."""
    shrink = regularization / (supports.counts + regularization)
    rows, columns = supports.regressors.nonzero()
    sides, thin = [supports.regressors.data], []
    for prior in priors:
        left, right, diagonal = (part.numpy() for part in prior)
        shrunk = shrink[:, None] * left
        smoothed = _gram_times(dataset, shrunk) + regularization * (shrunk - left)
        side = pair_products(smoothed, right, columns, rows)
        sides.append(supports.regressors.data * (shrink * diagonal)[rows] - side)
        thin.append((shrunk, right, shrink * diagonal))
    diagonal = supports.counts + np.float32(regularization)
    solved = local_ridge(supports.regressors, supports.gram, diagonal, np.stack(sides).astype(np.float32))
    interactions, *corrections = (_weights(supports.regressors, values) for values in solved)
    if not priors:
        return [SparsePath(interactions, None)]
    return [
        SparsePath(interactions, ThinPlusSparse(left, right, (part - diags_array(on_diagonal)).tocsr()))
        for (left, right, on_diagonal), part in zip(thin, corrections, strict=True)
    ]


def _gram_times(dataset: Dataset, left: Float32) -> Float32:
    """RᵀR · left, [n_items, d]."""
    by_item = transpose(dataset.indptr, dataset.indices, dataset.n_items)
    return spmm(*by_item, spmm(dataset.indptr, dataset.indices, left))


def _weights(support: csr_array, values: Float32) -> Any:
    """Item-to-item weights from values that stand at [column, row]."""
    return csr_array((values, support.indices, support.indptr), shape=support.shape).T.tocsr()
