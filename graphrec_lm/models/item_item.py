"""Models whose score is a sum of item-to-item weights over the history."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from graphrec_lm.data.ids import frozen
from graphrec_lm.kernels import csr_of, topk_blocks, unit_rows
from graphrec_lm.models.adds_items import AddsItems
from graphrec_lm.models.fitted import Arrays
from graphrec_lm.models.grown_weights import GrownWeights, weight_products, weight_sums
from graphrec_lm.models.mixtures import predictors_of
from graphrec_lm.models.people import People
from graphrec_lm.models.thin_plus_sparse import ThinPlusSparse
from graphrec_lm.text import TextEncoder

Float32 = NDArray[np.float32]


class ItemItemRecommender(AddsItems):
    """Base of models with weights B [n_items, n_items]: the scores of a history x are x B.

    `_fit` leaves `stored(B)` among its arrays, and `titles`, float16 [n_items, d_LM], if it reads them. New
    people are served exactly: nothing about a user is stored but the history. `similar_items` ranks the row
    of an item: what a history of that item alone would be recommended.
    """

    @property
    def item_weights_(self) -> Any:
        """B [n_items, n_items]: an array, read-only, a `csr_array`, a `ThinPlusSparse`, or `GrownWeights`."""
        weights = self._weights
        return frozen(weights) if isinstance(weights, np.ndarray) else weights

    @property
    def _weights(self) -> Any:
        arrays = self._state.arrays
        known = _restored(arrays)
        if "new.indptr" not in arrays:
            return known
        values, indices, indptr = (arrays[f"new.{name}"] for name in ("values", "indices", "indptr"))
        return GrownWeights(known, csr_of(values, indices, indptr, (len(indptr) - 1, known.shape[0])))

    @property
    def _n_learned(self) -> int:
        """Items that the weights were learned for; those after them were added."""
        return int(_restored(self._state.arrays).shape[0])

    def _more(self, titles: Float32, encoder: TextEncoder) -> Arrays:
        state = self._state
        known = self._unit_titles(encoder)[: self._n_learned]
        mixtures = predictors_of(unit_rows(titles), known, self._touched())
        if "new.indptr" in state.arrays:
            mixtures = sparse.vstack([self._weights.mixtures, mixtures], format="csr")
        grown = {
            "new.values": mixtures.data,
            "new.indices": mixtures.indices.astype(np.int32, copy=False),
            "new.indptr": mixtures.indptr,
        }
        if "titles" in state.arrays:
            grown["titles"] = np.concatenate([state.arrays["titles"], titles.astype(np.float16)])
        return grown

    def _contributions(self, person: People, target: int) -> Float32:
        return self._column(person.indices, target)

    def _column(self, rows: NDArray[np.int32], column: int) -> Float32:
        """B[rows, column]."""
        weights = self._weights
        if isinstance(weights, np.ndarray):
            return weights[rows, column]
        if isinstance(weights, ThinPlusSparse | GrownWeights):
            return weights.column(rows, column)
        found: Float32 = weights[rows][:, [column]].toarray().reshape(-1)
        return found

    def _scores(self, people: People) -> Float32:
        return weight_sums(people.indptr, people.indices, self._weights)

    def _text_scores(self, texts: Float32, titles: Float32) -> Float32:
        """What a history of the items of near titles is recommended."""
        return weight_products(self._text_mixtures(texts, titles), self._weights)

    def _similar(self, codes: NDArray[np.int32], k: int) -> tuple[Any, Any]:
        weights, itself = self._weights, np.arange(len(codes) + 1, dtype=np.int64)

        def score(start: int, stop: int) -> Float32:
            return weight_sums(itself[start : stop + 1] - start, codes[start:stop], weights)

        return topk_blocks(score, len(codes), weights.shape[0], k, seen=(itself, codes))


def stored(weights: Any) -> Arrays:
    """What to keep of weights, dense, sparse (with sorted indices) or `ThinPlusSparse`."""
    if isinstance(weights, np.ndarray):
        return {"weights": np.ascontiguousarray(weights)}
    if isinstance(weights, ThinPlusSparse):
        thin = {"weights.left": weights.left, "weights.right": np.ascontiguousarray(weights.right)}
        return thin | stored(weights.sparse)
    return {
        "weights.values": weights.data.astype(np.float32, copy=False),
        "weights.indices": weights.indices.astype(np.int32, copy=False),
        "weights.indptr": weights.indptr,
    }


def _restored(arrays: Arrays) -> Any:
    """The weights that were `stored` among these arrays."""
    if "weights" in arrays:
        return arrays["weights"]
    values, indices, indptr = (arrays[f"weights.{name}"] for name in ("values", "indices", "indptr"))
    weights = csr_of(values, indices, indptr, (len(indptr) - 1,) * 2)
    if "weights.left" not in arrays:
        return weights
    return ThinPlusSparse(arrays["weights.left"], arrays["weights.right"], weights)
