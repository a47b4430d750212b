"""How often users and items are positive; a training row is told without its own label, out of fold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

FOLDS = 10
SHRINK_ITEM, SHRINK_USER = 10.0, 5.0
LOWEST = 0.02


def draw_folds(n_rows: int, seed: int) -> Codes:
    """A fold for each row, of equal sizes, at random."""
    return np.random.default_rng(seed).permutation(n_rows) % FOLDS


@dataclass(frozen=True)
class Means:
    """Shrunken means of a value by group: sum / (count + shrink), 0 for a group never seen.

    Attributes
    ----------
    mean, count : float64 [n_groups]
        Of all training rows; code 0 is the unknown group.
    """

    mean: Floats
    count: Floats

    @classmethod
    def fit(
        cls, groups: Codes, size: int, values: Floats, folds: Codes, shrink: float
    ) -> tuple[Means, Floats, Floats]:
        """The means, and for each training row mean and count of its group without the row's fold.

        >>> means, own, _ = Means.fit(np.array([1, 1]), 2, np.array([1.0, 0.0]), np.array([0, 1]), shrink=1)
        >>> means.mean, own
        (array([0.        , 0.33333333]), array([0. , 0.5]))
        """
        cell = groups * FOLDS + folds
        sums = np.bincount(cell, values, size * FOLDS).reshape(size, FOLDS)
        counts = np.bincount(cell, minlength=size * FOLDS).reshape(size, FOLDS).astype(np.float64)
        sums[0] = counts[0] = 0
        total, count = sums.sum(1), counts.sum(1)
        others = count[groups] - counts[groups, folds]
        own = (total[groups] - sums[groups, folds]) / (others + shrink)
        return cls(total / (count + shrink), count), own, others


@dataclass(frozen=True)
class Rates:
    """A base rate for each pair: mean label + item's deviation + user's deviation.

    The item's deviation is the shrunken mean of label − mean, the user's of what the item leaves (Koren et
    al., 2009, eq. 3, each estimated in one pass). Training rows get estimates from the other folds.
    """

    mean: float
    users: Means
    items: Means

    @classmethod
    def fit(
        cls, users: Codes, items: Codes, sizes: tuple[int, int], labels: Floats, folds: Codes
    ) -> tuple[Rates, Floats]:
        """The rates; the columns of `features` for the training rows, out of fold."""
        mean = float(labels.mean())
        by_item, item, item_count = Means.fit(items, sizes[1], labels - mean, folds, SHRINK_ITEM)
        by_user, user, user_count = Means.fit(users, sizes[0], labels - mean - item, folds, SHRINK_USER)
        rates = cls(mean, by_user, by_item)
        return rates, rates._columns(user, item, user_count, item_count)

    def features(self, users: Codes, items: Codes) -> Floats:
        """Logit of the base rate, both deviations, both log counts: float64 [n, 5]."""
        return self._columns(
            self.users.mean[users], self.items.mean[items], self.users.count[users], self.items.count[items]
        )

    def _columns(self, user: Floats, item: Floats, user_count: Floats, item_count: Floats) -> Floats:
        base = np.clip(self.mean + user + item, LOWEST, 1 - LOWEST)
        logit = np.log(base / (1 - base))
        return np.stack([logit, user, item, np.log1p(user_count), np.log1p(item_count)], axis=1)
