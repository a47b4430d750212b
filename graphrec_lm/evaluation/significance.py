"""Whether models differ on the same users: paired bootstrap of every pair, corrected for their number."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphrec_lm.errors import InputError, check_number, first_few
from graphrec_lm.models.evaluation import Evaluation

Floats = NDArray[np.float64]

_DRAWS = 4_000_000  # users drawn together
_FEW = 30  # with fewer, equal models differ at p < .05 more often than one time in twenty

logger = logging.getLogger("graphrec_lm")


class Difference(NamedTuple):
    """The difference of two models' means over the same users.

    Attributes
    ----------
    first, second : str
        `difference` is first - second.
    difference : float
    low, high : float
        Percentile interval, not corrected for the number of pairs.
    p_value : float
        Two-sided, of the hypothesis that the means are equal.
    adjusted : float
        The same, corrected by Holm's method over all pairs.
    """

    first: str
    second: str
    difference: float
    low: float
    high: float
    p_value: float
    adjusted: float


def paired_bootstrap(
    values: Mapping[str, Evaluation | ArrayLike],
    metric: str | None = None,
    *,
    n_resamples: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
) -> list[Difference]:
    r"""Compare every pair of models by resampling users, the same ones for all models.

    With d the difference of the means and d* that of a resample, the interval holds the middle `level` of d*,
    and the p-value is that of the bootstrap centred at zero,

    .. math:: p = (1 + \#\{|d^* - d| \ge |d|\}) / (1 + n)

    (Efron & Tibshirani, An Introduction to the Bootstrap, ch. 13 and 16), so never below 1 / (n + 1): with
    many pairs take so many resamples that this times the number of pairs is well below the level of the test.
    Of fewer than 30 users p-values are too small (a warning says so): .07 instead of .05 with 18, .14 with 5.

    Parameters
    ----------
    values : mapping
        What to call a model -> its Evaluation, or its metric for each user, float [users], the same users in
        the same order for all. Several seeds of a model: their mean for each user.
    metric : str, optional
        Of Evaluations, e.g. "ndcg@20".
    n_resamples : int
    level : float
        Of the intervals, in (0, 1).
    seed : int

    Returns
    -------
    list of Difference
        One for each pair, in the order of `values`.

    Raises
    ------
    InputError
        For fewer than two models or users, other users or lengths, NaN, or an option out of range.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> one = rng.random(500)
    >>> pair = paired_bootstrap({"A": one, "B": one + 0.01 * rng.standard_normal(500)}, n_resamples=999)[0]
    >>> pair.low < pair.difference < pair.high, pair.p_value > 0.05
    (True, True)

    Of two evaluations:

    >>> one = Evaluation({"ndcg@20": np.array([0.1, 0.3])}, np.array(["ann", "bob"]))
    >>> other = Evaluation({"ndcg@20": np.array([0.2, 0.0])}, np.array(["bob", "ann"]))
    >>> round(paired_bootstrap({"A": one, "B": other}, "ndcg@20")[0].difference, 9)
    0.1
    """
    check_number("n_resamples", n_resamples, least=1, integer=True)
    check_number("level", level, above=0, below=1)
    check_number("seed", seed, least=0, integer=True)
    if not hasattr(values, "items"):
        remedy = 'Write {"A": a, "B": b}.'
        raise InputError("`values` must be a mapping from name to model", type(values).__name__, remedy)
    names, table = _table(values if metric is None else _per_user(values, metric))
    means = table.mean(axis=0)
    drawn = _resampled_means(table, n_resamples, seed)
    tails = (1 - level) / 2, (1 + level) / 2
    found = []
    for one, other in combinations(range(len(names)), 2):
        difference = means[one] - means[other]
        resampled = drawn[:, one] - drawn[:, other]
        # a rounding error of a mean must not make two equal models differ
        extreme = np.abs(resampled - difference) >= np.abs(difference) - 1e-12
        p_value = (1 + int(np.count_nonzero(extreme))) / (1 + n_resamples)
        low, high = np.quantile(resampled, tails)
        found.append((names[one], names[other], float(difference), float(low), float(high), p_value))
    adjusted = holm([pair[-1] for pair in found])
    return [Difference(*pair, float(p)) for pair, p in zip(found, adjusted, strict=True)]


def holm(p_values: ArrayLike) -> Floats:
    """Correct p-values for their number, so that the chance of any false alarm stays below the level.

    The i-th smallest of m is multiplied by m - i + 1; none may fall below a smaller one's, none exceeds 1
    (Holm, Scandinavian Journal of Statistics 1979).

    Parameters
    ----------
    p_values : float [m]

    Returns
    -------
    float64 array [m]
        In the order given.

    Raises
    ------
    InputError
        If one is no number from 0 to 1.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    given = np.asarray(p_values, dtype=np.float64)
    if given.ndim != 1 or not ((given >= 0) & (given <= 1)).all():
        required = "`p_values` must be numbers from 0 to 1, in one dimension"
        raise InputError(required, given.tolist(), "Pass the p-values of one family of tests.")
    order = np.argsort(given, kind="stable")
    scaled = given[order] * np.arange(len(given), 0, -1)
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return adjusted


def p_text(p_value: float, least: float = 0.0) -> str:
    """A p-value as papers write it; `least` is the smallest that so many resamples can give.

    >>> p_text(0.0123), p_text(0.0002), p_text(0.01, least=0.01)
    ('p = .012', 'p < .001', 'p ≤ .010')
    """
    if p_value < 1e-3:
        return "p < .001"
    sign = "≤" if p_value <= least * (1 + 1e-9) else "="
    return f"p {sign} {p_value:.3f}".replace("0.", ".", 1)


def _per_user(values: Mapping[str, Any], metric: str) -> dict[str, Floats]:
    """The metric of each Evaluation, its users in one order."""
    columns: dict[str, Floats] = {}
    asked: NDArray[Any] | None = None
    for name, evaluation in values.items():
        if not isinstance(evaluation, Evaluation):
            found = f"{type(evaluation).__name__} for {name!r}"
            raise InputError(
                "with `metric`, `values` must be Evaluations", found, "Pass what `evaluate` returns."
            )
        if metric not in evaluation:
            valid = f"Valid: {', '.join(evaluation)}."
            raise InputError("`metric` must be one of each Evaluation", f"{metric!r} for {name!r}", valid)
        order = np.argsort(evaluation.user_ids, kind="stable")
        users = evaluation.user_ids[order]
        if asked is not None and not np.array_equal(asked, users):
            others = sorted(set(asked.tolist()) ^ set(users.tolist()), key=str)
            found = f"{first_few(others, len(others))} not in all of them"
            raise InputError(
                "`values` must be of the same users", found, "Evaluate all models on one `test`."
            )
        asked = users
        columns[name] = evaluation.per_user[metric][order]
    return columns


def _table(values: Mapping[str, Any]) -> tuple[list[str], Floats]:
    """The models' names, and their values as float64 [users, models]."""
    evaluations = [name for name, column in values.items() if isinstance(column, Evaluation)]
    if evaluations:
        required = "`metric` must say which of the Evaluations' metrics is compared"
        raise InputError(required, None, f"Valid: {', '.join(map(repr, values[evaluations[0]]))}.")
    columns = {name: np.asarray(column, dtype=np.float64) for name, column in values.items()}
    if len(columns) < 2:
        raise InputError(
            "`values` must hold at least two models", len(columns), "Pass {name: per-user array}."
        )
    shapes = {column.shape for column in columns.values()}
    if len(shapes) > 1 or any(len(shape) != 1 or shape[0] == 0 for shape in shapes):
        remedy = "Evaluate all models on the same users."
        raise InputError("`values` must be one number a user for every model", f"shapes {shapes}", remedy)
    for name, column in columns.items():
        if not np.isfinite(column).all():
            found = f"NaN or infinity for {name!r}"
            raise InputError("`values` must be finite", found, "Leave out users without test items.")
    n_users = shapes.pop()[0]
    if n_users < 2:
        raise InputError("`values` must be of at least two users", n_users, "Evaluate on more of them.")
    if n_users < _FEW:
        logger.warning("%d users are few to resample: p-values and intervals are too small", n_users)
    return list(columns), np.column_stack(list(columns.values()))


def _resampled_means(table: Floats, n_resamples: int, seed: int) -> Floats:
    """Means of each model over users drawn with replacement, float64 [n_resamples, models]."""
    generator, n_users = np.random.default_rng(seed), len(table)
    size = max(1, min(n_resamples, _DRAWS // n_users))
    offsets = np.arange(size, dtype=np.int64)[:, None] * n_users
    means = np.empty((n_resamples, table.shape[1]))
    for start in range(0, n_resamples, size):
        rows = min(size, n_resamples - start)
        drawn = generator.integers(n_users, size=(rows, n_users)) + offsets[:rows]
        counts = np.bincount(drawn.ravel(), minlength=rows * n_users).reshape(rows, n_users)
        means[start : start + rows] = counts.astype(np.float64) @ table / n_users
    return means
