"""Models whose score is an inner product of a user vector and an item vector."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.data import Dataset
from graphrec_lm.data.ids import frozen
from graphrec_lm.errors import check_number
from graphrec_lm.kernels import topk, unit_rows
from graphrec_lm.kernels.dots import FEW, dots
from graphrec_lm.kernels.topk import block_rows
from graphrec_lm.models import frames
from graphrec_lm.models.base import Recommender
from graphrec_lm.models.fitted import Arrays
from graphrec_lm.models.hidden import Pattern
from graphrec_lm.models.people import People, known_codes

Float32 = NDArray[np.float32]


class FactorRecommender(Recommender):
    """Base of factor models; a model writes `_fit` and `_fold_in`.

    `_fit` leaves the arrays `users` [n_users, dim] and `items` [n_items, dim], of unit rows where
    the score is a cosine.
    """

    @abstractmethod
    def _fold_in(self, people: People) -> Float32:
        """Vectors of new people from their histories, float32 [people, dim]."""

    @property
    def user_vectors_(self) -> Float32:
        """Final user representations, float32 [n_users, dim], in code order; read-only."""
        return frozen(self._users)

    @property
    def item_vectors_(self) -> Float32:
        """Final item representations, float32 [n_items, dim], in code order; read-only."""
        return frozen(self._items)

    @property
    def _users(self) -> Float32:
        return self._state.arrays["users"]

    @property
    def _items(self) -> Float32:
        return self._state.arrays["items"]

    @property
    def _knows_nobody(self) -> bool:
        """Whether the model learned what to show to people without a history."""
        return False

    def _vectors(self, people: People) -> Float32:
        """Of people without a history or a wish zeros, unless the model has learned about such."""
        vectors = self._all_vectors(people)
        if people.wishes is None and not self._knows_nobody:
            nobody = np.diff(people.indptr) == 0
            if nobody.any():
                vectors = np.where(nobody[:, None], np.float32(0), vectors)
        return vectors

    def _all_vectors(self, people: People) -> Float32:
        if people.codes is not None and people.wishes is None:
            return self._users[people.codes]
        vectors = np.empty((len(people), self._items.shape[1]), dtype=np.float32)
        size = block_rows(len(self._items))
        for start in range(0, len(people), size):
            part = people.part(start, min(start + size, len(people)))
            vectors[start : start + size] = self._fold_in(part.padded(size))[: len(part)]
        return vectors

    def _scores(self, people: People) -> Float32:
        """Few people without a matrix product, which takes 128 rows at least (docs/decisions.md, 6)."""
        vectors, items = self._vectors(people), self._items
        if len(vectors) <= FEW:
            return dots(vectors, items)
        padded = np.zeros((block_rows(len(items)), items.shape[1]), dtype=np.float32)
        padded[: len(vectors)] = vectors
        scores: Float32 = (padded @ items.T)[: len(vectors)]
        return scores

    def _scores_of(self, people: People, rows: NDArray[np.int64], items: NDArray[np.int32]) -> Float32:
        vectors, size = self._vectors(people), 1 << 14
        found = np.empty(len(items), dtype=np.float32)
        for start in range(0, len(items), size):
            part = slice(start, start + size)
            found[part] = np.einsum("nd,nd->n", vectors[rows[part]], self._items[items[part]])
        return found

    def _top(self, people: People, k: int, hidden: Pattern, candidates: Any) -> tuple[Any, Any]:
        return topk(self._vectors(people), self._items, k, seen=hidden, candidates=candidates)

    def _regrown(self, dataset: Dataset) -> Arrays:
        return super()._regrown(dataset) | {"users": self._grown_users(dataset)}

    def _changed(self, dataset: Dataset) -> NDArray[np.integer]:
        """Codes of the users before whose histories are longer in `dataset`."""
        before = self._state.dataset.user_counts
        return np.flatnonzero(before != dataset.user_counts[: len(before)])

    def _grown_users(self, dataset: Dataset) -> Float32:
        """Vectors of users whose histories changed, as of new people; the others keep theirs."""
        known, n_before = self._users, self._state.dataset.n_users
        new = np.arange(n_before, dataset.n_users)
        codes = np.concatenate([self._changed(dataset), new]).astype(np.int32)
        users = np.zeros((dataset.n_users, known.shape[1]), dtype=np.float32)
        users[:n_before] = known
        users[codes] = self._vectors(replace(People.fitted(dataset, codes), codes=None))
        return users

    def similar_users(self, users: Any, k: int = 10, *, on_unknown: str = "raise") -> Any:
        """The `k` users whose vectors have the largest cosine with that of each of `users`, itself left out.

        Parameters
        ----------
        users : list of user ids
        k : int
        on_unknown : {"raise", "drop"}

        Returns
        -------
        dataframe
            `user_id, target_user_id, rank, score`, best first. Users without a history are alike to nobody
            (their score is 0), save for models that have learned something of them: `MultVAE`, and `KAR` with
            texts of the users.

        Raises
        ------
        UnknownIdError, InputError
        """
        dataset = self._state.dataset
        check_number("k", k, least=1, integer=True)
        codes = known_codes(dataset.users, users, "user", on_unknown)
        unit = unit_rows(self._vectors(People.by_id(dataset, None, on_unknown)))
        itself = np.arange(len(codes) + 1, dtype=np.int64)
        found, scores = topk(unit[codes], unit, min(k, dataset.n_users), seen=(itself, codes))
        return frames.similar_users(dataset, codes, found, scores)

    def _similar(self, codes: NDArray[np.int32], k: int) -> tuple[Any, Any]:
        unit = unit_rows(self._items)
        itself = np.arange(len(codes) + 1, dtype=np.int64), codes
        return topk(unit[codes], unit, k, seen=itself)
