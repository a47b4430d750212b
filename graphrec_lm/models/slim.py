"""SLIM: sparse item-to-item weights by elastic nets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from graphrec_lm.data import Dataset
from graphrec_lm.errors import check_bool, check_number
from graphrec_lm.kernels import elastic_net, gram
from graphrec_lm.models.fitted import Fitted
from graphrec_lm.models.item_item import ItemItemRecommender, stored
from graphrec_lm.models.item_knn import largest_others
from graphrec_lm.progress import Progress
from graphrec_lm.training.callbacks import Callback

_COLUMNS = 512  # solved together: as many dense rows of weights are held


class SLIM(ItemItemRecommender):
    """Sparse linear method (Ning & Karypis, ICDM 2011, eq. 4).

    Each column of the interactions is regressed on all others, min ½‖R - R W‖² + ½ l2 ‖W‖² + l1 ‖W‖₁ with a
    zero diagonal and, as published, W >= 0: EASE with sparse weights of one sign. Coordinate descent on the
    items' co-occurrence counts, see `kernels.elastic_net`; only items with more than l1 users in common can
    get a positive weight, and only these are looked at, which loses nothing. The authors' library descends in
    the same way, over all items.

    Parameters
    ----------
    l1, l2 : float
        > 0 and >= 0, counts of users: scikit-learn's ElasticNet with alpha = (l1 + l2) / n_users and
        l1_ratio = l1 / (l1 + l2).
    nonnegative : bool
        False lets weights be negative; every item is then looked at for every column, and the weights are
        less sparse.
    neighbors : int, optional
        Let only the items with most users in common get a weight, so many for each column (fsSLIM of the
        paper, section IV, with counts for the similarity). None: all.
    tolerance : float
        Coordinate descent stops when no weight of a column moves by more than this.
    sweeps : int
        At most, over a column.
    seed : int
        Unused; for the common signature.
    verbose : bool

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"user_id": [1, 1, 2, 2, 3], "item_id": ["a", "b", "a", "b", "c"]})
    >>> model = SLIM(l1=0.5, l2=0.5, verbose=False).fit(Dataset.from_frame(rows))
    >>> model.item_weights_.toarray()
    array([[0. , 0.6, 0. ],
           [0.6, 0. , 0. ],
           [0. , 0. , 0. ]], dtype=float32)
    """

    def __init__(
        self,
        l1: float = 1.0,
        l2: float = 30.0,
        nonnegative: bool = True,
        neighbors: int | None = None,
        tolerance: float = 1e-4,
        sweeps: int = 100,
        seed: int = 0,
        verbose: bool = True,
    ) -> None:
        self.l1, self.l2, self.nonnegative, self.neighbors = l1, l2, nonnegative, neighbors
        self.tolerance, self.sweeps, self.seed, self.verbose = tolerance, sweeps, seed, verbose

    def _fit(self, dataset: Dataset, valid: Dataset | None, callbacks: Sequence[Callback]) -> Fitted:
        self._check()
        counts = gram(dataset.indptr, dataset.indices, dataset.n_items, least=1)
        near = None if self.neighbors is None else largest_others(counts, self.neighbors)
        candidates = None if near is None else (near.indptr, near.indices)
        n_items, rows = dataset.n_items, []
        with Progress(n_items, type(self).__name__, "items", enabled=self.verbose) as bar:
            for start in range(0, n_items, _COLUMNS):
                columns = np.arange(start, min(start + _COLUMNS, n_items))
                weights = elastic_net(
                    counts, columns, l1=self.l1, l2=self.l2, nonnegative=self.nonnegative,
                    candidates=candidates, tolerance=self.tolerance, sweeps=self.sweeps,
                )  # fmt: skip
                rows.append(sparse.csr_array(weights))
                bar.advance(len(columns))
        weights = sparse.vstack(rows).T.tocsr()
        weights.sort_indices()
        return Fitted.of(dataset, valid, stored(weights))

    def _check(self) -> None:
        check_number("l1", self.l1, above=0)
        check_number("l2", self.l2, least=0)
        check_bool("nonnegative", self.nonnegative)
        if self.neighbors is not None:
            check_number("neighbors", self.neighbors, least=1, integer=True)
        check_number("tolerance", self.tolerance, above=0)
        check_number("sweeps", self.sweeps, least=1, integer=True)
