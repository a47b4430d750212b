"""Accuracy by stratum: for popular and rare items, for people with short and long histories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphrec_lm.errors import InputError, check_number
from graphrec_lm.metrics import ranking_metrics

Floats = NDArray[np.float64]

POPULARITY_STRATA = ("head", "mid", "tail")
HISTORY_STRATA = ("short", "long")


def popularity_strata(item_counts: ArrayLike) -> NDArray[np.int8]:
    """Sort each item into head (0), mid (1) or tail (2) by its number of training interactions.

    Items in descending order of that number, equal ones in code order: an item belongs to the head if those
    before it hold less than a third of all interactions, to the mid if they hold less than two thirds,
    else to the tail. So the head is the smallest set of items with at least a third. Items that nobody
    touched are tail.

    Parameters
    ----------
    item_counts : int [n_items]
        E.g. `train.item_counts`.

    Returns
    -------
    int8 array [n_items]
        Places in `POPULARITY_STRATA`.

    Raises
    ------
    InputError
        If the counts are negative or all zero.

    Examples
    --------
    >>> popularity_strata([0, 4, 1, 2, 1, 1])
    array([2, 0, 2, 1, 2, 2], dtype=int8)
    """
    counts = np.asarray(item_counts, dtype=np.int64)
    if counts.ndim != 1 or not counts.any() or counts.min() < 0:
        found = f"shape {counts.shape}, sum {counts.sum()}"
        remedy = "Pass the training counts of all items."
        raise InputError("`item_counts` must be counts >= 0 of at least one interaction", found, remedy)
    order = np.argsort(-counts, kind="stable")
    before = np.cumsum(counts[order]) - counts[order]
    strata = np.empty(len(counts), dtype=np.int8)
    # in integers: a third of 9 is 3, whatever the rounding
    strata[order] = np.where(counts[order] == 0, 2, np.minimum(2, 3 * before // counts.sum()))
    return strata


def by_popularity(
    recommended: ArrayLike,
    indptr: ArrayLike,
    indices: ArrayLike,
    item_counts: ArrayLike,
    *,
    k: int,
    metrics: Sequence[str] = ("recall", "ndcg"),
) -> dict[str, dict[str, Floats]]:
    """Measure the same lists against the relevant items of one stratum at a time.

    The lists stay whole: an item of another stratum takes its place and counts for nothing. Recall is the
    share of the user's relevant items of the stratum that are found; NDCG has gains for them alone, and its
    ideal is a list that begins with them.

    Parameters
    ----------
    recommended, indptr, indices, k, metrics
        As for `metrics.ranking_metrics`.
    item_counts : int [n_items]
        Training interactions of each item.

    Returns
    -------
    dict of str to dict of str to float64 [users]
        Stratum of `POPULARITY_STRATA` -> "ndcg@20" -> values; NaN for a user without relevant items in it.

    Raises
    ------
    InputError
        As `popularity_strata` and `ranking_metrics`.

    Examples
    --------
    >>> found = by_popularity([[0, 2]], [0, 2], [0, 1], [3, 2, 1], k=2, metrics=["recall"])
    >>> {stratum: values["recall@2"].tolist() for stratum, values in found.items()}
    {'head': [1.0], 'mid': [0.0], 'tail': [nan]}
    """
    starts, codes = np.asarray(indptr), np.asarray(indices)
    strata = popularity_strata(item_counts)
    if codes.size and codes.max() >= len(strata):
        remedy = "Pass one count for each item."
        raise InputError(f"`indices` must be below {len(strata)}, the items counted", codes.max(), remedy)
    found = {}
    for place, name in enumerate(POPULARITY_STRATA):
        inside = strata[codes] == place
        kept = np.concatenate([[0], np.cumsum(inside)])[starts]
        found[name] = ranking_metrics(recommended, kept, codes[inside], k=k, metrics=metrics)
    return found


def by_history(
    per_user: Mapping[str, ArrayLike], lengths: ArrayLike, *, boundary: float | None = None
) -> dict[str, dict[str, Floats]]:
    """Split per-user metrics by the length of the users' histories.

    Parameters
    ----------
    per_user : mapping
        "ndcg@20" -> float [users], e.g. `Evaluation.per_user`.
    lengths : int [users]
        Training interactions of the same users.
    boundary : float, optional
        Histories of at most so many items are short; None is the median of `lengths`.

    Returns
    -------
    dict of str to dict of str to float64 [users]
        "short" and "long" -> metric -> values; NaN for users of the other stratum.

    Raises
    ------
    InputError
        If the lengths are not one number a user.

    Examples
    --------
    >>> by_history({"ndcg@20": [0.1, 0.5, 0.3]}, [3, 40, 8])["long"]["ndcg@20"].tolist()
    [nan, 0.5, nan]
    """
    sizes = np.asarray(lengths)
    columns = {name: np.asarray(values, dtype=np.float64) for name, values in per_user.items()}
    if sizes.ndim != 1 or not sizes.size or any(column.shape != sizes.shape for column in columns.values()):
        found = f"shapes {sizes.shape} and {[column.shape for column in columns.values()]}"
        remedy = "Pass the histories' lengths of the evaluated users."
        raise InputError("`lengths` must be one number for each user of `per_user`", found, remedy)
    if boundary is not None:
        check_number("boundary", boundary, least=0)
    is_short = sizes <= (np.median(sizes) if boundary is None else boundary)
    return {
        stratum: {name: np.where(inside, column, np.nan) for name, column in columns.items()}
        for stratum, inside in zip(HISTORY_STRATA, (is_short, ~is_short), strict=True)
    }
