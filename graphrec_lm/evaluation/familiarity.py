"""Items the language model seems to know: accuracy on them, and on the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphrec_lm.errors import InputError
from graphrec_lm.evaluation.item_strata import by_item_strata, fitted_dataset
from graphrec_lm.evaluation.probe import out_of_fold, r2
from graphrec_lm.evaluation.report import Report
from graphrec_lm.evaluation.strata import popularity_strata
from graphrec_lm.evaluation.years import NO_YEAR, release_years, without_year
from graphrec_lm.text import DEFAULT_ENCODER, embed
from graphrec_lm.text.base import check_texts

Floats = NDArray[np.float64]

FAMILIARITY = ("recalled", "not recalled")


class YearRecall(NamedTuple):
    """What titles without their year tell of it.

    Attributes
    ----------
    years : int64 array [n]
        The truth; -1 where the title has none.
    predicted : float64 array [n]
        Out of fold; NaN where there is no truth.
    r2 : float
        1: the years are in the vectors; 0: nothing of them is.
    error, constant_error : float
        Mean absolute error in years, and that of the median year for all.
    """

    years: NDArray[np.int64]
    predicted: Floats
    r2: float
    error: float
    constant_error: float


def year_recall(
    titles: Sequence[str], encoder: Any = DEFAULT_ENCODER, *, folds: int = 5, seed: int = 0
) -> YearRecall:
    """Predict the year of each title from the vector of the title without it, out of fold, by a ridge probe.

    A proxy for memorisation, since an encoder of sentences can't be asked to recite a catalogue: that "Heat"
    is of 1995 stands nowhere in the word, so a vector that tells is of a model that read about the film.
    Its limits: years also show in style, in numbers within titles and in sequels, whose neighbours stand in
    other folds; what a linear probe finds is not all that is remembered; a title can be known without its
    year; remakes share one vector. It ranks items, it proves nothing about any one of them.

    Compare `r2` with that of an encoder that has read nothing, `TfidfEncoder(384)`: what the LM has above
    that may be memory. Where it has nothing above it, there is no sign of memory to stratify by, and
    `familiarity_strata` are chance. On MovieLens all-MiniLM-L6-v2 has 0.05, TF-IDF 0.03.

    Parameters
    ----------
    titles : sequence of str [n]
    encoder : name, folder, TextEncoder, or list of them
        The one the audited model uses.
    folds, seed : int
        As for `probe.out_of_fold`.

    Returns
    -------
    YearRecall

    Raises
    ------
    InputError
        If fewer than 2 titles a fold carry a year.

    Examples
    --------
    >>> from graphrec_lm.text import PrecomputedEncoder
    >>> titles = [f"film {n} ({1950 + n})" for n in range(60)]
    >>> knows = PrecomputedEncoder(texts=[t[:-7] for t in titles], embeddings=[[n, 1] for n in range(60)])
    >>> recall = year_recall(titles, knows)
    >>> recall.r2 > 0.99, recall.error < 1 < recall.constant_error
    (True, True)
    """
    titles = check_texts(titles)
    years = release_years(titles)
    dated = np.flatnonzero(years != NO_YEAR)
    if not len(dated):
        raise InputError('titles must carry years, as in "Heat (1995)"', "none that does", "Add them.")
    bare = without_year([titles[int(place)] for place in dated])
    truth = years[dated].astype(np.float64)
    found = out_of_fold(embed(bare, encoder), truth, folds=folds, seed=seed)
    predicted = np.full(len(years), np.nan)
    predicted[dated] = found
    errors = np.abs(found - truth).mean(), np.abs(np.median(truth) - truth).mean()
    return YearRecall(years, predicted, r2(truth, found), float(errors[0]), float(errors[1]))


def familiarity_strata(recall: YearRecall, item_counts: ArrayLike) -> NDArray[np.int8]:
    """Halve the items by the error of their predicted year, within each decade and popularity stratum.

    Errors are largest far from the mean year whatever the language model knows, and popular items are easier
    to recommend: halving within groups of like age and popularity leaves neither to tell the halves apart.

    Parameters
    ----------
    recall : YearRecall
    item_counts : int [n]
        Training interactions, see `popularity_strata`.

    Returns
    -------
    int8 array [n]
        Places in `FAMILIARITY`; -1 without a year, and for the middle item of an odd group.

    Raises
    ------
    InputError
        As `popularity_strata`, or if there is not one count for each item.

    Examples
    --------
    >>> recall = YearRecall(np.array([1995, 1996, -1]), np.array([1995.5, 1980.0, np.nan]), 0.5, 8.0, 0.5)
    >>> familiarity_strata(recall, [0, 0, 9])
    array([ 0,  1, -1], dtype=int8)
    """
    groups = popularity_strata(item_counts).astype(np.int64)
    if len(groups) != len(recall.years):
        required = f"`item_counts` must be one for each of the {len(recall.years)} titles"
        raise InputError(required, len(groups), "Pass the training counts of all items.")
    groups += 3 * (recall.years // 10)
    errors = np.abs(recall.predicted - recall.years)
    strata = np.full(len(groups), -1, dtype=np.int8)
    dated = recall.years != NO_YEAR
    for group in np.unique(groups[dated]):
        members = np.flatnonzero(dated & (groups == group))
        ranks = np.argsort(np.argsort(errors[members], kind="stable"), kind="stable")
        half = len(members) // 2
        strata[members[ranks < half]] = 0
        strata[members[ranks >= len(members) - half]] = 1
    return strata


def by_familiarity(
    models: Mapping[str, Any], test: Any, recall: YearRecall, *, k: int = 20, metric: str = "ndcg"
) -> Report:
    """Evaluate models on items whose year the language model recalls, and on like items whose it does not.

    Pass a model without text too, and one of random vectors: if a text model's lead over them is larger where
    the year is recalled, it may owe it to texts about these items. See `year_recall` for what this proxy
    cannot tell.

    Parameters
    ----------
    models, test, k, metric
        As for `by_item_strata`.
    recall : YearRecall
        Of the titles of the fitted items.

    Returns
    -------
    Report
        Rows "recalled" and "not recalled".

    Raises
    ------
    InputError
        As `by_item_strata` and `familiarity_strata`.

    Examples
    --------
    >>> import graphrec_lm as gl
    >>> from graphrec_lm.text import TfidfEncoder
    >>> train, _, test = gl.load_dataset("movielens-small").split("from_column")
    >>> recall = year_recall(train.titles, TfidfEncoder(64))
    >>> report = by_familiarity({"Popularity": gl.Popularity().fit(train)}, test, recall)
    >>> list(report.column("Popularity"))
    ['recalled', 'not recalled']
    """
    strata = familiarity_strata(recall, fitted_dataset(models).item_counts)
    report = by_item_strata(models, test, strata, FAMILIARITY, k=k, metric=metric)
    errors = f"{recall.error:.1f} years, {recall.constant_error:.1f} for the median year"
    return Report(
        report.rows, f"{report.note} Years out of titles without them: R2 {recall.r2:.2f}, off by {errors}."
    )
