"""TitleCosine: what the titles alone say, without training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.data import Dataset
from graphrec_lm.kernels import unit_rows
from graphrec_lm.models.fitted import Arrays, Fitted
from graphrec_lm.models.fold_in import own_part
from graphrec_lm.models.people import People
from graphrec_lm.models.text import history_means, title_vectors
from graphrec_lm.models.transfer import Transferable
from graphrec_lm.text import DEFAULT_ENCODER
from graphrec_lm.training.callbacks import Callback


class TitleCosine(Transferable):
    """Rank items by cosine(mean title vector of the user's history, title vector of the item).

    Exact for new people: a history gets what a fitted user of that history gets.

    Parameters
    ----------
    encoder : name, folder, TextEncoder, or list of them
        What turns titles into vectors.
    seed : int
        Unused; for the common signature.

    Examples
    --------
    >>> import pandas as pd
    >>> from graphrec_lm.text import PrecomputedEncoder
    >>> encoder = PrecomputedEncoder(texts=["Alien", "Aliens", "Heat"], embeddings=[[1, 0], [1, 0.1], [0, 1]])
    >>> items = pd.DataFrame({"item_id": [1, 2, 3], "title": ["Alien", "Aliens", "Heat"]})
    >>> rows = pd.DataFrame({"user_id": ["ann", "bob"], "item_id": [1, 3]})
    >>> TitleCosine(encoder).fit(Dataset.from_frame(rows, items)).recommend(["ann"], k=1)["title"].tolist()
    ['Aliens']
    """

    uses_text = True

    def __init__(self, encoder: Any = DEFAULT_ENCODER, seed: int = 0) -> None:
        self.encoder, self.seed = encoder, seed

    def _fit(self, dataset: Dataset, valid: Dataset | None, callbacks: Sequence[Callback]) -> Fitted:
        titles, notes = title_vectors(dataset, self._own_encoder())
        return Fitted.of(dataset, valid, self._carry({}, dataset, titles), notes=notes)

    def _carry(self, weights: Arrays, dataset: Dataset, titles: NDArray[np.float32]) -> Arrays:
        means = history_means(titles, dataset.indptr, dataset.indices)
        return {"users": unit_rows(means), "items": unit_rows(titles), "titles": titles.astype(np.float16)}

    def _item_rows(self, titles: NDArray[np.float32]) -> NDArray[np.float32]:
        return unit_rows(titles)

    def _fold_in(self, people: People) -> NDArray[np.float32]:
        return unit_rows(own_part(self._state.arrays["titles"], people))
