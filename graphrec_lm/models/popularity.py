"""Popularity: everyone gets the items that most users touched."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.data import Dataset
from graphrec_lm.models.base import Recommender
from graphrec_lm.models.fitted import Arrays, Fitted
from graphrec_lm.models.people import People
from graphrec_lm.training.callbacks import Callback


class Popularity(Recommender):
    """Rank items by their number of users; the score is that number.

    Parameters
    ----------
    seed : int
        Unused; for the common signature.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"user_id": ["ann", "bob", "bob"], "item_id": [7, 7, 8]})
    >>> Popularity().fit(Dataset.from_frame(rows)).recommend(["ann"], filter_seen=False)["item_id"].tolist()
    [7, 8]
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def _fit(self, dataset: Dataset, valid: Dataset | None, callbacks: Sequence[Callback]) -> Fitted:
        return Fitted.of(dataset, valid, self._regrown(dataset))

    def _regrown(self, dataset: Dataset) -> Arrays:
        return {"popularity": dataset.item_counts.astype(np.float32)}

    def _scores(self, people: People) -> NDArray[np.float32]:
        popularity = self._state.arrays["popularity"]
        return np.broadcast_to(popularity, (len(people), len(popularity)))
