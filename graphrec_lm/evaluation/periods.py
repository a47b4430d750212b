"""Accuracy by year of release: has the language model read about the old items?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.errors import InputError
from graphrec_lm.evaluation.item_strata import by_item_strata, fitted_dataset
from graphrec_lm.evaluation.report import Report
from graphrec_lm.evaluation.years import NO_YEAR, release_years


def by_period(
    models: Mapping[str, Any],
    test: Any,
    *,
    edges: Sequence[int] | None = None,
    k: int = 20,
    metric: str = "ndcg",
) -> Report:
    """Evaluate models on items by year of release, read from the titles.

    A language model has read about old items what people wrote after they had watched them, and nothing
    about items younger than its training texts: a lead over models without text that is lost on the youngest
    items is a sign of leakage. Compare with such a model, since items of a period differ in more than age.

    Parameters
    ----------
    models, test, k, metric
        As for `by_item_strata`.
    edges : sequence of int, optional
        First years of all periods but the first, ascending. None: quartiles of the test interactions.

    Returns
    -------
    Report
        A row a period, and "no year" if test items without one exist.

    Raises
    ------
    InputError
        As `by_item_strata`, or if no title of a test item has a year, or the edges do not ascend.

    Examples
    --------
    >>> import graphrec_lm as gl
    >>> train, _, test = gl.load_dataset("movielens-small").split("from_column")
    >>> report = by_period({"Popularity": gl.Popularity().fit(train)}, test, edges=[1990, 2000])
    >>> list(report.column("items"))
    ['before 1990', '1990-1999', 'from 2000']
    """
    dataset = fitted_dataset(models)
    years = release_years(dataset.titles)
    tested = years[dataset.align(test).indices]
    if not (tested != NO_YEAR).any():
        remedy = "Use `by_item_strata` with strata of your own."
        raise InputError(
            'titles of test items must carry years, as in "Heat (1995)"', "none that does", remedy
        )
    bounds = _edges(tested[tested != NO_YEAR], edges)
    periods = np.where(years == NO_YEAR, len(bounds) + 1, np.searchsorted(bounds, years, side="right"))
    names = [*_period_names(bounds), "no year"]
    report = by_item_strata(models, test, periods, names, k=k, metric=metric)
    kept = tuple(row for row in report.rows if row["stratum"] != "no year" or row["items"])
    return Report(kept, report.note)


def _edges(years: NDArray[np.int64], edges: Sequence[int] | None) -> NDArray[np.int64]:
    if edges is None:
        return np.unique(np.quantile(years, [0.25, 0.5, 0.75], method="higher"))
    bounds = np.asarray(edges)
    if bounds.ndim != 1 or not bounds.size or bounds.dtype.kind != "i" or (np.diff(bounds) <= 0).any():
        raise InputError("`edges` must be years that ascend", list(edges), "Pass e.g. [1980, 1990, 2000].")
    return bounds.astype(np.int64)


def _period_names(bounds: NDArray[np.int64]) -> list[str]:
    between = [f"{low}-{high - 1}" for low, high in pairwise(bounds)]
    return [f"before {bounds[0]}", *between, f"from {bounds[-1]}"]
