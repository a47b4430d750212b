"""Popularity carried by titles: can it be read off a title's vector?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from graphrec_lm.errors import InputError
from graphrec_lm.evaluation.probe import out_of_fold, r2


def carried_popularity(
    vectors: ArrayLike, item_counts: ArrayLike, *, folds: int = 5, seed: int = 0
) -> dict[str, float]:
    """How well a ridge probe predicts log(1 + interactions) of items from their vectors, out of fold.

    Above the shuffled control (0) the language model tells popular items from others: of some accuracy of a
    text model that is the reason.

    Parameters
    ----------
    vectors : float array [n, d]
    item_counts : int array [n]
        Training interactions.
    folds, seed : int
        Of the cross-validation.

    Returns
    -------
    dict
        `popularity R2`, and `popularity Spearman`: the rank correlation of prediction and truth.

    Raises
    ------
    InputError
        If all counts are the same or one is negative, or there are too few items for the folds.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> vectors = rng.standard_normal((200, 3))
    >>> found = carried_popularity(vectors, np.exp(3 + vectors[:, 0]).astype(int))
    >>> found["popularity R2"] > 0.9, found["popularity Spearman"] > 0.9
    (True, True)
    """
    from scipy.stats import spearmanr

    counts = np.asarray(item_counts)
    if counts.ndim != 1 or not counts.size or counts.min() < 0 or counts.min() == counts.max():
        found = f"shape {counts.shape}" + (f", all {counts.min()}" if counts.size else "")
        remedy = "Pass the training counts of items that differ in popularity."
        raise InputError("`item_counts` must be counts >= 0 that differ", found, remedy)
    logs = np.log1p(counts)
    predicted = out_of_fold(vectors, logs, folds=folds, seed=seed)
    rank = float(spearmanr(predicted, logs).statistic) if np.ptp(predicted) else 0.0
    return {"popularity R2": r2(logs, predicted), "popularity Spearman": rank}
