"""New items by title alone."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.errors import InputError
from graphrec_lm.kernels import unit_rows
from graphrec_lm.models.base import Recommender
from graphrec_lm.models.fitted import Arrays
from graphrec_lm.models.text import encoded
from graphrec_lm.products import fast_products
from graphrec_lm.text import TextEncoder

Float32 = NDArray[np.float32]


class AddsItems(Recommender):
    """Base of models that take new items without a fit; a model writes `_more`."""

    @abstractmethod
    def _more(self, titles: Float32, encoder: TextEncoder) -> Arrays:
        """The arrays that change for new items with these title vectors [n, d_LM], n > 0."""

    @fast_products()
    def add_items(self, items: Any, *, encoder: Any = None) -> Self:
        """Add items by title alone: they are recommended and found similar at once.

        For a model that propagates titles this is what `adapt` gives on the larger item table, since an item
        that nobody touched changes nothing about the others. For other models a new one is predicted from the
        items whose titles are nearest to its own, in histories, too (see `GrownWeights`, `MixesItems`).

        Parameters
        ----------
        items : dataframe
            `item_id`, `title`, and any other columns of the item table.
        encoder : optional
            Instead of the model's own, e.g. precomputed vectors of the new titles by the same LM; for a
            model without text, instead of the default one.

        Raises
        ------
        InputError
            If an id is there already, a title is missing, the fitted Dataset has no titles, or the encoder
            is not that of the fit; the model then stays as it was.
        """
        state = self._state
        if not state.dataset.has_titles:
            remedy = "Make it with an item table that has them."
            raise InputError("the fitted Dataset must have titles to take items by title", "none", remedy)
        dataset = state.dataset.with_items(items)
        chosen = self._intent_encoder(encoder)
        new = dataset.item_table["title"].slice(state.dataset.n_items).to_pylist()
        if not new:
            return self
        titles = encoded(new, chosen)[0]
        more, kept = self._more(titles, chosen), self._titles_of
        self._fitted = replace(state, dataset=dataset, arrays=state.arrays | more)
        if kept is not None and kept[0] == chosen.fingerprint and kept[1] is state.dataset:
            self._titles_of = kept[0], dataset, np.concatenate([kept[2], unit_rows(titles)])
        return self
