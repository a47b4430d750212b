"""New items of models that learn a vector for each item: predicted from those of the items of near titles."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.kernels import unit_rows
from graphrec_lm.models.adds_items import AddsItems
from graphrec_lm.models.factors import FactorRecommender
from graphrec_lm.models.fitted import Arrays
from graphrec_lm.models.mixtures import predictors_of
from graphrec_lm.text import TextEncoder

Float32 = NDArray[np.float32]


class MixesItems(AddsItems, FactorRecommender):
    """Base of factor models whose new items have, in every table, the rows that `predictors_of` foretells.

    So a new item is scored as its neighbours foretell, and counts so in a history: by inner product less
    where none is near, by cosine not.
    """

    _item_tables: ClassVar[tuple[str, ...]] = ("items", "fold")  # arrays with a row for each item

    def _more(self, titles: Float32, encoder: TextEncoder) -> Arrays:
        known = self._state.arrays
        mixtures = predictors_of(unit_rows(titles), self._unit_titles(encoder), self._touched())
        rows = {name: np.asarray(mixtures @ known[name]) for name in self._item_tables if name in known}
        if self._state.notes.get("cosine"):
            rows["items"] = unit_rows(rows["items"])
        if "titles" in known:
            rows["titles"] = titles.astype(np.float16)
        return {name: np.concatenate([known[name], more]) for name, more in rows.items()}
