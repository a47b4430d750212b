"""Models whose weights know no user and no item: they go on with new items, interactions, whole domains."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError, NotFittedError
from graphrec_lm.models.adds_items import AddsItems
from graphrec_lm.models.datasets import check_dataset
from graphrec_lm.models.factors import FactorRecommender
from graphrec_lm.models.fitted import Arrays, Fitted
from graphrec_lm.models.hidden import Pattern
from graphrec_lm.models.people import People
from graphrec_lm.models.text import title_vectors
from graphrec_lm.products import fast_products
from graphrec_lm.text import TextEncoder, resolve_encoder

Float32 = NDArray[np.float32]


class Transferable(AddsItems, FactorRecommender):
    """Base of text models; a model writes `_carry` and `_item_rows`.

    Among its arrays are `titles`, float16 [n_items, d_LM], and, if new people are summed from propagated
    items, `fold` or several `*.fold`, [n_items, dim], zero for an item that nobody touched.
    """

    encoder: Any

    @abstractmethod
    def _carry(self, weights: Arrays, dataset: Dataset, titles: Float32) -> Arrays:
        """All arrays of a fit that has these weights, on a dataset with these title vectors."""

    @abstractmethod
    def _item_rows(self, titles: Float32) -> Float32:
        """Representations of items that nobody touched, [n, dim], from title vectors [n, d_LM]."""

    @property
    def _mixes_wishes(self) -> bool:
        """Whether a wish is mixed with the history before the projection; else their scores are fused."""
        return True

    def _wished_top(self, people: People, k: int, hidden: Pattern, candidates: Any) -> tuple[Any, Any]:
        rank = self._top if self._mixes_wishes else super()._wished_top
        return rank(people, k, hidden, candidates)

    def _wished_scores(self, people: People) -> Callable[[Float32], Float32]:
        """As functions of α: scores of the mixture (see `fold_in.own_part`)."""
        if not self._mixes_wishes:
            return super()._wished_scores(people)
        wishes: Any = people.wishes
        return lambda alphas: self._scores(replace(people, wishes=replace(wishes, alphas=alphas)))

    @fast_products()
    def adapt(self, dataset: Dataset, *, valid: Any = None, encoder: Any = None) -> Self:
        """A model of the same weights on another dataset: zero-shot, without a gradient step.

        Its titles get vectors, its interactions, if any, become graph and histories. This model stays.

        Parameters
        ----------
        dataset : Dataset
            With titles.
        valid : Dataset or dataframe, optional
            Hidden by `evaluate`, as that of `fit`; nothing is chosen by it.
        encoder : optional
            Instead of the model's own, e.g. precomputed vectors of the new titles by the same LM.

        Raises
        ------
        InputError
            If the dataset has no titles, or the encoder is not the one that the weights were learned on.
        """
        state = self._result
        check_dataset(dataset)
        made = type(self)(**state.params)
        chosen = same_encoder(state.notes, self._own_encoder() if encoder is None else encoder)
        made.encoder = self.encoder if encoder is None else encoder
        made._opened = made.encoder, chosen
        titles = title_vectors(dataset, chosen)[0]
        aligned = None if valid is None else dataset.align(valid)
        fitted = Fitted.of(dataset, aligned, made._carry(state.arrays, dataset, titles))
        kept = {name: value for name, value in state.notes.items() if name != "domains"}
        fitted = replace(fitted, history=state.history, notes=kept, encoders=state.encoders)
        made._fitted = replace(fitted, params=made.get_params())
        return made

    def _regrown(self, dataset: Dataset) -> Arrays:
        """Everything propagated again with frozen weights: what `adapt` gives on all interactions."""
        arrays = self._state.arrays
        return self._as_fitted()._carry(arrays, dataset, arrays["titles"].astype(np.float32))

    def _more(self, titles: Float32, encoder: TextEncoder) -> Arrays:
        known = self._state.arrays
        rows = {"items": self._as_fitted()._item_rows(titles), "titles": titles.astype(np.float16)}
        for name, table in known.items():
            if name.rpartition(".")[2] == "fold":
                rows[name] = np.zeros((len(titles), table.shape[1]), dtype=np.float32)
        return {name: np.concatenate([known[name], new]) for name, new in rows.items()}

    def _as_fitted(self) -> Self:
        """This model with the parameters of its fit, whatever was set since."""
        made = type(self)(**self._state.params)
        made._fitted = self._fitted
        return made


def same_encoder(notes: Mapping[str, Any], encoder: Any) -> TextEncoder:
    """The TextEncoder that `encoder` stands for; InputError unless it is that of a fit with these notes."""
    chosen = resolve_encoder(encoder)
    try:
        found = f"{chosen.name!r} with another fingerprint"
        if chosen.fingerprint == notes["encoder_fingerprint"]:
            return chosen
    except NotFittedError:  # "tfidf:64" of a loaded model
        found = f"a new {chosen.name!r}"
    required = f"texts must be encoded by the model's {notes['encoder']!r}"
    raise InputError(required, found, "Pass that encoder, or precomputed vectors of it (see their `model`).")
