"""ItemKNN: the nearest items by cosine of their users."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from graphrec_lm.data import Dataset
from graphrec_lm.errors import check_number
from graphrec_lm.kernels import gram, keep_largest
from graphrec_lm.models.fitted import Fitted
from graphrec_lm.models.item_item import ItemItemRecommender, stored
from graphrec_lm.training.callbacks import Callback

_ROWS = 1024  # of the co-occurrences, looked at together


class ItemKNN(ItemItemRecommender):
    """Item-to-item collaborative filtering (Sarwar et al., WWW 2001; Deshpande & Karypis, TOIS 2004).

    The weight of item i for item j is their shrunk cosine, n_ij / (√(n_i n_j) + shrink), if j is among
    the `neighbors` items nearest to i; a score is the sum over the history. There is no authors' code; the
    shrinkage is that of the tuned baselines of Ferrari Dacrema et al. (RecSys 2019).

    Parameters
    ----------
    neighbors : int
        Kept for each item.
    shrink : float
        >= 0; weakens weights that few users support.
    seed : int
        Unused; for the common signature.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"user_id": [1, 1, 2, 2, 3], "item_id": ["a", "b", "a", "b", "c"]})
    >>> ItemKNN(shrink=0.0).fit(Dataset.from_frame(rows)).similar_items(["a"], k=1)["score"].tolist()
    [1.0]
    """

    def __init__(self, neighbors: int = 100, shrink: float = 5.0, seed: int = 0) -> None:
        self.neighbors, self.shrink, self.seed = neighbors, shrink, seed

    def _fit(self, dataset: Dataset, valid: Dataset | None, callbacks: Sequence[Callback]) -> Fitted:
        check_number("neighbors", self.neighbors, least=1, integer=True)
        check_number("shrink", self.shrink, least=0)
        counts = gram(dataset.indptr, dataset.indices, dataset.n_items, least=1)
        popularity = dataset.item_counts.astype(np.float64)
        blocks = []
        for start in range(0, dataset.n_items, _ROWS):
            block = counts[start : start + _ROWS]
            rows = start + np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
            block.data /= np.sqrt(popularity[rows] * popularity[block.indices]) + self.shrink
            block.data[rows == block.indices] = 0
            blocks.append(keep_largest(block, self.neighbors))
        return Fitted.of(dataset, valid, stored(sparse.csr_array(sparse.vstack(blocks))))


def largest_others(counts: sparse.csr_array, count: int) -> sparse.csr_array:
    """`keep_largest` of a square matrix without its diagonal.

    >>> largest_others(sparse.csr_array(np.array([[9.0, 1.0], [1.0, 9.0]])), 1).toarray()
    array([[0., 1.],
           [1., 0.]])
    """
    others = counts.copy()
    others.data[others.indices == np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))] = 0
    return keep_largest(others, count)
