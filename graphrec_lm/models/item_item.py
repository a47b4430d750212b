"""Models whose score is a sum of item-to-item weights over the history."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from graphrec_lm.errors import check_number
from graphrec_lm.kernels import spmm, topk_blocks
from graphrec_lm.models import frames
from graphrec_lm.models.base import Recommender
from graphrec_lm.models.fitted import Arrays
from graphrec_lm.models.people import People

Float32 = NDArray[np.float32]


class ItemItemRecommender(Recommender):
    """Base of models with weights B [n_items, n_items]: the scores of a history x are x B.

    `_fit` leaves `dense(B)` or `compressed(B)` among its arrays. New people are served exactly: nothing
    about a user is stored but the history. `similar_items` ranks the row of an item: what a history of
    that item alone would be recommended.
    """

    @property
    def item_weights_(self) -> Any:
        """B, a float32 array or a `scipy.sparse.csr_array` [n_items, n_items]."""
        arrays = self._state.arrays
        if "weights" in arrays:
            return arrays["weights"]
        n_items = self._state.dataset.n_items
        parts = (arrays[f"weights.{name}"] for name in ("values", "indices", "indptr"))
        return sparse.csr_array(tuple(parts), shape=(n_items, n_items))

    def explain(self, user: Any, item: Any, k: int = 5) -> Any:
        """Which items of a user's history speak for an item, exactly: the score is their sum.

        Parameters
        ----------
        user, item : ids
        k : int
            Items of the history, at most.

        Returns
        -------
        dataframe
            `item_id, title, rank, score`: the history's largest contributions first, `title` only if
            the Dataset has titles.

        Raises
        ------
        UnknownIdError, InputError
        """
        dataset = self._state.dataset
        check_number("k", k, least=1, integer=True)
        code, target = dataset.users.codes([user], what="user")[0], dataset.items.codes([item])[0]
        history = dataset.indices[slice(*dataset.indptr[code : code + 2])]
        weights = self.item_weights_
        if isinstance(weights, np.ndarray):
            values = weights[history, target]
        else:
            values = weights[history][:, [target]].toarray().reshape(-1)
        order = np.argsort(-values, kind="stable")[:k]
        columns = frames.item_columns(dataset, history[order])
        return dataset.frame(columns | {"rank": np.arange(1, len(order) + 1), "score": values[order]})

    def _scores(self, people: People) -> Float32:
        return _sums(people.indptr, people.indices, self.item_weights_)

    def _similar(self, codes: NDArray[np.int32], k: int) -> tuple[Any, Any]:
        weights, itself = self.item_weights_, np.arange(len(codes) + 1, dtype=np.int64)

        def score(start: int, stop: int) -> Float32:
            return _sums(itself[start : stop + 1] - start, codes[start:stop], weights)

        return topk_blocks(score, len(codes), weights.shape[0], k, seen=(itself, codes))


def dense(weights: Float32) -> Arrays:
    """What to keep of dense weights."""
    return {"weights": np.ascontiguousarray(weights)}


def compressed(weights: Any) -> Arrays:
    """What to keep of sparse weights, a `csr_array` with sorted indices."""
    return {
        "weights.values": weights.data.astype(np.float32),
        "weights.indices": weights.indices.astype(np.int32),
        "weights.indptr": weights.indptr.astype(np.int64),
    }


def _sums(indptr: NDArray[np.int64], indices: NDArray[np.int32], weights: Any) -> Float32:
    """Sums of the rows of `weights` over each history, each in the order of its items."""
    if isinstance(weights, np.ndarray):
        return spmm(indptr, indices, weights)
    ones = np.ones(len(indices), dtype=np.float32)
    people = sparse.csr_array((ones, indices, indptr), shape=(len(indptr) - 1, weights.shape[0]))
    scores: Float32 = (people @ weights).toarray()
    return scores
