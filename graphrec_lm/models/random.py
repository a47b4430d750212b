"""Random: the floor of every comparison."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.data import Dataset
from graphrec_lm.errors import check_number
from graphrec_lm.kernels import hash_uniform
from graphrec_lm.models.base import Recommender
from graphrec_lm.models.fitted import Fitted
from graphrec_lm.models.people import People
from graphrec_lm.training.callbacks import Callback


class Random(Recommender):
    """Score every pair by a number in [0, 1) that depends on (seed, user, item) alone.

    Parameters
    ----------
    seed : int

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"user_id": ["ann", "bob"], "item_id": [7, 8]})
    >>> len(Random(seed=3).fit(Dataset.from_frame(rows)).recommend(["ann"]))
    1
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    @property
    def exact_for_new_people(self) -> bool:
        """No: each user has a draw of their own."""
        return False

    def _fit(self, dataset: Dataset, valid: Dataset | None, callbacks: Sequence[Callback]) -> Fitted:
        check_number("seed", self.seed, least=0, integer=True)
        return Fitted.of(dataset, valid, {}, notes={"seed": int(self.seed)})

    def _scores(self, people: People) -> NDArray[np.float32]:
        rows = people.codes if people.codes is not None else people.ids
        return hash_uniform(rows, self._state.dataset.n_items, seed=self._state.notes["seed"])
