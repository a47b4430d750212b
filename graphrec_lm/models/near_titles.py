"""What an item's nearest titles add to the ridge: the prior C of `text_prior` is linear, and blurs them.

    N = diag(s) Wᵀ,   s_i = λ / (n_i + λ),   W = `predictors_of` the titles from their nearest others

s is what P does to an item alone, so that titles speak where interactions are few. N is added to B as it
is: passing it through P, as C is, gained nothing on validation (docs/decisions.md, 96).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from graphrec_lm.models.mixtures import predictors_by_noise
from graphrec_lm.models.thin_plus_sparse import ThinPlusSparse, add_scaled_rows

Float32 = NDArray[np.float32]

_NEAREST = 100


class NearTitles:
    """N of a dataset for any λ and several noises; W is computed when it is first asked for.

    Parameters
    ----------
    titles : float32 array [n_items, d_LM]
        Unit rows.
    counts : int array [n_items]
        How many people touched each item; what nobody touched says nothing of others.
    noises : sequence of float
        Of `predictors_of`.

    Examples
    --------
    >>> titles = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    >>> NearTitles(titles, np.array([1, 1, 1]), [1.0]).weights(1.0, 1.0).toarray().round(2)
    array([[0.  , 0.25, 0.  ],
           [0.25, 0.  , 0.  ],
           [0.  , 0.  , 0.  ]], dtype=float32)
    """

    def __init__(self, titles: Float32, counts: NDArray[np.int64], noises: Sequence[float]) -> None:
        self.titles, self.counts, self.noises = titles, counts, noises

    def weights(self, regularization: float, noise: float) -> csr_array:
        """N, float32 csr_array [n_items, n_items], zero on the diagonal."""
        shrink = (regularization / (self.counts + regularization)).astype(np.float32)
        weights = (self._predictors[noise] @ diags_array(shrink)).T.tocsr()
        weights.sort_indices()
        return weights

    @cached_property
    def _predictors(self) -> dict[float, csr_array]:
        """W for each noise."""
        items = len(self.titles)
        itself = np.arange(items + 1, dtype=np.int64), np.arange(items, dtype=np.int32)
        touched = np.flatnonzero(self.counts).astype(np.int32)
        found = predictors_by_noise(self.titles, self.titles, touched, _NEAREST, self.noises, itself)
        return dict(zip(self.noises, found, strict=True))


def with_near(weights: Any, near: csr_array, strength: float) -> Any:
    """B + μ N, for B of any kind; a dense B is changed in place."""
    if isinstance(weights, ThinPlusSparse):
        together = (weights.sparse + np.float32(strength) * near).tocsr()
        together.sort_indices()
        return weights._replace(sparse=together)
    return add_scaled_rows(weights, near, strength)
