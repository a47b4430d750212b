"""How good probabilities are: ranking (AUC, GAUC), sharpness (LogLoss, Brier) and calibration (ECE)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from graphrec_lm.errors import InputError, check_number
from graphrec_lm.metrics.checks import as_real

Floats = npt.NDArray[np.float64]

PROBABILITY_METRICS = ("log_loss", "auc", "gauc", "brier", "ece")
SMALLEST = 1e-7


class Reliability(NamedTuple):
    """What was promised and what happened, bin by bin; bins without a row are left out.

    Attributes
    ----------
    predicted, observed : float64 [bins]
        Mean probability and share of positives.
    counts : int64 [bins]
    """

    predicted: Floats
    observed: Floats
    counts: npt.NDArray[np.int64]


def row_log_loss(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> Floats:
    """−log of the probability given to what happened, a value a row; kept 1e-7 from 0 and 1.

    >>> row_log_loss([1, 0], [0.5, 0.0]).round(4)
    array([0.6931, 0.    ])
    """
    y, p = _checked(labels, probabilities)
    p = np.clip(p, SMALLEST, 1 - SMALLEST)
    return -np.where(y > 0, np.log(p), np.log1p(-p))


def log_loss(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> float:
    """Mean of `row_log_loss`: lower is better; 0.6931 says nothing of a balanced label."""
    return float(row_log_loss(labels, probabilities).mean())


def brier(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> float:
    """Mean squared distance of probability and label (Brier, 1950).

    >>> brier([1, 0], [0.5, 0.5])
    0.25
    """
    y, p = _checked(labels, probabilities)
    return float(((p - y) ** 2).mean())


def auc(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> float:
    """Chance that a positive row is scored above a negative one, ties counting half.

    Raises
    ------
    InputError
        If all labels are of one class.

    Examples
    --------
    >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    y, p = _checked(labels, probabilities)
    positives = y.sum()
    if positives in (0, len(y)):
        remedy = "Evaluate on rows of both classes."
        raise InputError("`labels` must hold both classes", f"only {int(y[0])}", remedy)
    above = _ranks(p)[y > 0].sum() - positives * (positives + 1) / 2
    return float(above / (positives * (len(y) - positives)))


def gauc(labels: npt.ArrayLike, probabilities: npt.ArrayLike, groups: npt.ArrayLike) -> float:
    """AUC within each group (user), averaged by the group's rows; groups of one class don't count.

    NaN if no group holds both classes (Zhou et al., KDD 2018, section 5.2).

    >>> gauc([0, 1, 1, 0, 1], [0.1, 0.9, 0.2, 0.7, 0.5], ["ann", "ann", "bob", "bob", "cat"])
    0.5
    """
    y, p = _checked(labels, probabilities)
    try:
        codes = np.unique(np.asarray(groups), return_inverse=True)[1]
    except TypeError as error:  # None among texts
        required = "`groups` must be values of one kind"
        raise InputError(required, str(error), "Give rows without a user a name of their own.") from error
    if codes.shape != y.shape:
        raise InputError(
            f"`groups` must have one value a row ({len(y)})", len(codes), "Pass the rows' users."
        )
    rows, positives = np.bincount(codes), np.bincount(codes, y)
    ranks = _ranks(_within(codes, p))
    start = np.concatenate(([0], np.cumsum(rows)[:-1]))
    above = np.bincount(codes, y * (ranks - start[codes])) - positives * (positives + 1) / 2
    both = (positives > 0) & (positives < rows)
    if not both.any():
        return float("nan")
    values = above[both] / (positives * (rows - positives))[both]
    return float(np.average(values, weights=rows[both]))


def _ranks(values: Floats) -> Floats:
    """1 for the smallest; equal ones share the mean of their ranks."""
    from scipy.stats import rankdata  # here, since it takes a second to import

    return np.asarray(rankdata(values))


def _within(codes: npt.NDArray[Any], p: Floats) -> Floats:
    """Numbers that order rows by group, then by score, and tie where both do."""
    dense = np.unique(p, return_inverse=True)[1]
    return codes * (dense.max() + 1.0) + dense


def reliability(labels: npt.ArrayLike, probabilities: npt.ArrayLike, bins: int = 10) -> Reliability:
    """Group rows by probability into `bins` of equal width.

    >>> reliability([0, 1, 1], [0.05, 0.9, 0.98]).observed
    array([0., 1.])
    """
    check_number("bins", bins, least=1, integer=True)
    y, p = _checked(labels, probabilities)
    place = np.minimum((p * bins).astype(np.int64), bins - 1)
    counts = np.bincount(place, minlength=bins)
    filled = counts > 0
    means = [np.bincount(place, values, minlength=bins)[filled] / counts[filled] for values in (p, y)]
    return Reliability(means[0], means[1], counts[filled])


def ece(labels: npt.ArrayLike, probabilities: npt.ArrayLike, bins: int = 10) -> float:
    """Expected calibration error: mean |promised − observed| over bins of equal width (Naeini et al., 2015).

    >>> round(ece([1, 0, 1, 1], [0.7, 0.7, 0.7, 0.7]), 4)
    0.05
    """
    table = reliability(labels, probabilities, bins)
    return float(np.average(np.abs(table.predicted - table.observed), weights=table.counts))


def probability_metrics(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike, groups: npt.ArrayLike | None = None
) -> dict[str, float]:
    """All of `PROBABILITY_METRICS` by name; `gauc` only with `groups`.

    Parameters
    ----------
    labels : [n] of 0 and 1
    probabilities : float [n], in [0, 1]
    groups : [n], optional
        The rows' users.

    Examples
    --------
    >>> sorted(probability_metrics([0, 1], [0.2, 0.6]))
    ['auc', 'brier', 'ece', 'log_loss']
    """
    figures = {f.__name__: f(labels, probabilities) for f in (log_loss, auc, brier, ece)}
    if groups is not None:
        figures["gauc"] = gauc(labels, probabilities, groups)
    return {name: figures[name] for name in PROBABILITY_METRICS if name in figures}


def _checked(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> tuple[Floats, Floats]:
    y, p = as_real("labels", labels), as_real("probabilities", probabilities)
    if y.ndim != 1 or y.shape != p.shape or not len(y):
        found = f"shapes {y.shape} and {p.shape}"
        raise InputError("`labels` and `probabilities` must have one value a row", found, "Align them.")
    if not np.isin(y, (0, 1)).all():
        raise InputError("`labels` must be 0 or 1", f"{y[~np.isin(y, (0, 1))][0]:g}", "Binarise them.")
    if (p < 0).any() or (p > 1).any():
        found = f"{p[(p < 0) | (p > 1)][0]:g}"
        raise InputError("`probabilities` must lie in [0, 1]", found, "Apply the logistic function.")
    return y, p
