"""EASE: a linear item-to-item model in closed form."""

from __future__ import annotations

from collections.abc import Sequence

from graphrec_lm.data import Dataset
from graphrec_lm.errors import check_number
from graphrec_lm.models.fitted import Fitted
from graphrec_lm.models.item_item import ItemItemRecommender, stored
from graphrec_lm.models.ridge_solvers import DenseSolver
from graphrec_lm.training.callbacks import Callback


class EASE(ItemItemRecommender):
    """Embarrassingly shallow autoencoder (Steck, WWW 2019, arXiv 1905.03375, eq. 8).

    Ridge regression of each item on all others: min ‖R - R B‖² + λ‖B‖² with a zero diagonal. The items'
    Gram matrix is inverted in place, by Cholesky: n_items² · 4 bytes. The few lines of numpy in the paper
    (algorithm 1) invert it in float64; the weights are the same. Up to 1,000 users, and fewer than a quarter
    as many as items, it is the users' Gram matrix instead, and the weights are left as a product of two
    matrices [n_items, n_users].

    Parameters
    ----------
    regularization : float
        λ, > 0.
    seed : int
        Unused; for the common signature.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"user_id": [1, 1, 2, 2, 3], "item_id": ["a", "b", "a", "b", "c"]})
    >>> model = EASE(regularization=1.0).fit(Dataset.from_frame(rows))
    >>> model.recommend(history=[["a"]], k=1)["item_id"].tolist()
    ['b']
    """

    def __init__(self, regularization: float = 100.0, seed: int = 0) -> None:
        self.regularization, self.seed = regularization, seed

    def _fit(self, dataset: Dataset, valid: Dataset | None, callbacks: Sequence[Callback]) -> Fitted:
        check_number("regularization", self.regularization, above=0)
        weights = DenseSolver(dataset).weights(self.regularization, None, 0.0)
        return Fitted.of(dataset, valid, stored(weights))
