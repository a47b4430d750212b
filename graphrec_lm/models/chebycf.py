"""ChebyCF: a polynomial graph filter of whole histories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.polynomial.chebyshev import chebinterpolate
from numpy.typing import NDArray
from scipy import sparse

from graphrec_lm.data import Dataset
from graphrec_lm.errors import check_number
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.kernels import pattern_matrix, spmm, topk_blocks
from graphrec_lm.models.base import Recommender
from graphrec_lm.models.fitted import Fitted
from graphrec_lm.models.people import People
from graphrec_lm.models.spectrum import normalised_interactions, right_singular_vectors
from graphrec_lm.training.callbacks import Callback

Float32 = NDArray[np.float32]


class ChebyCF(Recommender):
    """A Chebyshev interpolation of a low-pass graph filter (Kim et al., SIGIR 2025, arXiv 2505.00552).

    With R̃ = D_u^-½ R D_i^-½, L̃ = I - 2 R̃ᵀR̃ (eigenvalues from -1, smooth, to 1) and V the first right
    singular vectors of R̃, the scores of a history x are (eq. 9-13)

        x D_i^-β (Σ_k c_k T_k(L̃) + α V Vᵀ) D_i^β

    c interpolates the plateau h(z) = ½ - ½ sign(z) |z|^φ by a polynomial of degree `order`, T_k are
    Chebyshev's. No item-to-item matrix is formed: 2 · `order` sparse products a block of people, and
    n_items · `rank` numbers, so that it reaches large catalogues.

    Where we differ from the authors' code: it puts the values of h at the points cos((K - k)π / K) onto the
    nodes of the interpolation, which lie elsewhere, and rounds them to three digits; here h is taken at the
    nodes. Exact for new people.

    Parameters
    ----------
    order : int
        K >= 1; the authors: 8.
    flatness : float
        φ > 0; the authors: 1.5 (Gowalla), 10 (Amazon-book).
    rank : int
        Singular vectors of the ideal filter, if there are so many; 0 does without. The authors: 512.
    alpha : float
        Weight of the ideal filter, >= 0.
    power : float
        β >= 0: popularity leaves the history and comes back with the scores.
    seed : int
        Start vector of the Lanczos iteration.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"user_id": [1, 1, 2, 2, 3], "item_id": ["a", "b", "a", "b", "c"]})
    >>> ChebyCF(rank=1).fit(Dataset.from_frame(rows)).recommend(history=[["a"]], k=1)["item_id"].tolist()
    ['b']
    """

    def __init__(
        self,
        order: int = 8,
        flatness: float = 1.5,
        rank: int = 256,
        alpha: float = 0.2,
        power: float = 0.4,
        seed: int = 0,
    ) -> None:
        self.order, self.flatness, self.rank = order, flatness, rank
        self.alpha, self.power, self.seed = alpha, power, seed

    def _fit(self, dataset: Dataset, valid: Dataset | None, callbacks: Sequence[Callback]) -> Fitted:
        check_number("order", self.order, least=1, integer=True)
        check_number("flatness", self.flatness, above=0)
        check_number("rank", self.rank, least=0, integer=True)
        check_number("alpha", self.alpha, least=0)
        check_number("power", self.power, least=0)
        check_number("seed", self.seed, least=0, integer=True)
        graph, counts = BipartiteGraph.from_dataset(dataset), np.maximum(dataset.item_counts, 1)
        low = np.zeros((dataset.n_items, 0), dtype=np.float32)
        if self.rank and self.alpha:
            low = right_singular_vectors(normalised_interactions(dataset), self.rank, self.seed)
        plateau: Any = self._plateau  # numpy's types know functions of numbers alone
        arrays = {
            "indptr": graph.indptr,
            "indices": graph.indices,
            "back.indptr": graph.item_indptr,
            "back.indices": graph.item_indices,
            "user_scale": graph.user_scale,
            "item_scale": graph.item_scale,
            "popularity": (counts**self.power).astype(np.float32),
            "coefficients": chebinterpolate(plateau, self.order).astype(np.float32),
            "low": low * np.float32(np.sqrt(self.alpha)),
        }
        return Fitted.of(dataset, valid, arrays)

    def _plateau(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(0.5 - 0.5 * np.sign(z) * np.abs(z) ** self.flatness)

    def _scores(self, people: People) -> Float32:
        return self._filtered(pattern_matrix(people.indptr, people.indices, self._state.dataset.n_items))

    def _filtered(self, histories: sparse.csr_array) -> Float32:
        """Histories [n, n_items] through the filter, dense."""
        arrays = self._state.arrays
        popularity, low = arrays["popularity"][:, None], arrays["low"]
        before, now = None, np.ascontiguousarray(histories.toarray().T.astype(np.float32) / popularity)
        found = arrays["coefficients"][0] * now + low @ (low.T @ now)
        for weight in arrays["coefficients"][1:]:
            turned = self._turned(now)
            before, now = now, turned if before is None else 2 * turned - before
            found += weight * now
        return np.ascontiguousarray((found * popularity).T)

    def _turned(self, x: Float32) -> Float32:
        """L̃ x, [n_items, n]."""
        arrays = self._state.arrays
        there, back = ((arrays[f"{way}indptr"], arrays[f"{way}indices"]) for way in ("", "back."))
        by_user, by_item = arrays["user_scale"], arrays["item_scale"]
        users = spmm(*there, x, row_scale=by_user, col_scale=by_item)
        return spmm(*back, users, row_scale=-2 * by_item, col_scale=by_user, add=x)

    def _text_scores(self, texts: Float32, titles: Float32) -> Float32:
        """What a history of the items of near titles is recommended."""
        return self._filtered(self._text_mixtures(texts, titles))

    def _similar(self, codes: NDArray[np.int32], k: int) -> tuple[Any, Any]:
        """What a history of that item alone would be recommended."""
        itself = np.arange(len(codes) + 1, dtype=np.int64), codes
        alone = People(np.arange(len(codes)), None, *itself)

        def score(start: int, stop: int) -> Float32:
            return self._scores(alone.part(start, stop))

        return topk_blocks(score, len(codes), self._state.dataset.n_items, k, seen=itself)
