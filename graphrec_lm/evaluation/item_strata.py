"""Accuracy of fitted models on the test items of one stratum at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphrec_lm.data import Dataset
from graphrec_lm.data.narrowing import with_rows
from graphrec_lm.errors import InputError
from graphrec_lm.evaluation.comparison import metric_label
from graphrec_lm.evaluation.report import Report


def by_item_strata(
    models: Mapping[str, Any],
    test: Any,
    strata: ArrayLike,
    names: Sequence[str],
    *,
    k: int = 20,
    metric: str = "ndcg",
) -> Report:
    """Evaluate models against the test items of each stratum alone, all items being ranked.

    As in `by_popularity` the lists stay whole: an item of another stratum takes its place and counts for
    nothing, and a mean is over the users who have test items in the stratum. If `test` is the `valid` that
    was given to `fit`, its items of other strata are hidden, as items of `valid` always are.

    Parameters
    ----------
    models : mapping
        What to call a model -> fitted Recommender; all on the same users and items.
    test : Dataset or dataframe
        Held-out interactions.
    strata : int [n_items]
        Places in `names`, in code order; below 0: in none of them.
    names : sequence of str
    k : int
    metric : str
        As for `Recommender.evaluate`.

    Returns
    -------
    Report
        `stratum, items, users`, and a column a model: its metric, None where no user is left. `items` have
        test interactions.

    Raises
    ------
    InputError
        If there are no models, they differ in users or items, or the strata are not one for each item.

    Examples
    --------
    >>> import graphrec_lm as gl
    >>> train, _, test = gl.load_dataset("movielens-small").split("from_column")
    >>> is_long = [len(title) > 20 for title in train.titles]
    >>> models = {"Popularity": gl.Popularity().fit(train)}
    >>> by_item_strata(models, test, is_long, ["short titles", "long titles"]).column("users")
    {'short titles': ..., 'long titles': ...}
    """
    taken = sorted({"stratum", "items", "users"} & set(models))
    if taken:
        raise InputError("a model must not be called like a column", repr(taken[0]), "Rename it.")
    dataset = fitted_dataset(models)
    given = np.asarray(strata)
    is_numeric = given.dtype.kind in "iufb" and np.isfinite(given).all()
    places = given.astype(np.int64) if is_numeric else np.full(given.shape, len(names))
    if given.shape != (dataset.n_items,) or places.max(initial=-1) >= len(names) or (places != given).any():
        largest = f"largest {given.max(initial=-1)}" if is_numeric else "no numbers"
        required = f"`strata` must be {dataset.n_items} places in the {len(names)} `names`"
        raise InputError(required, f"shape {given.shape}, {largest}", "Pass one an item, in code order.")
    aligned = dataset.align(test)
    rows = []
    for place, name in enumerate(names):
        part = _on_items(aligned, places == place)
        row = {"stratum": name, "items": int((part.item_counts > 0).sum())}
        row["users"] = int((part.user_counts > 0).sum())
        rows.append(row | {name: _value(model, part, k, metric) for name, model in models.items()})
    return Report(tuple(rows), f"{metric_label(metric)}@{k} against the test items of one stratum at a time.")


def fitted_dataset(models: Mapping[str, Any]) -> Dataset:
    """The Dataset that all the models were fitted on.

    Raises
    ------
    InputError
        If there are no models, or they differ in users or items.
    """
    datasets = [model.dataset_ for model in models.values()]
    if not datasets:
        raise InputError("`models` must not be empty", 0, "Pass {'AlphaRec': model}.")
    first: Dataset = datasets[0]
    if any(other.users != first.users or other.items != first.items for other in datasets[1:]):
        remedy = "Fit them on the same Dataset."
        raise InputError("all `models` must have the same users and items", "others", remedy)
    return first


def _on_items(test: Dataset, inside: NDArray[np.bool_]) -> Dataset:
    """The test part on some items alone; ids and codes stay."""
    return with_rows(test, test.edges.select(inside[test.indices]), test.interactions)


def _value(model: Any, test: Dataset, k: int, metric: str) -> float | None:
    return model.evaluate(test, k=k, metrics=[metric])[f"{metric}@{k}"] if test.n_interactions else None
