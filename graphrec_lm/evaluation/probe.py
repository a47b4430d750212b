"""Linear probes: how well a ridge regression reads something off vectors it was not fitted on."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphrec_lm.errors import InputError, check_number

Floats = NDArray[np.float64]

_PENALTIES = np.logspace(-3, 3, 13)  # in units of the mean eigenvalue


def held_out_r2(x: ArrayLike, y: ArrayLike, *, test: float = 0.2, seed: int = 0) -> float:
    """R² on held-out rows of a ridge regression of `y` on `x` (a linear probe; Alain & Bengio, 2016).

    R² is 1 - ‖Y - Ŷ‖² / ‖Y - Ȳ‖² over all columns of Y together, Ȳ the column means of the held-out rows:
    1 is a linear map, 0 no better than the mean, and below 0 worse than it.

    Parameters
    ----------
    x, y : float arrays [n, d], [n, m]
    test : float
        Share of the rows that is held out, in (0, 1).
    seed : int
        Of the split.

    Raises
    ------
    InputError
        If the arrays do not fit each other or fewer than 2 rows would be held out or fitted.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((200, 5))
    >>> held_out_r2(x, x @ np.ones((5, 2))) > 0.999
    True
    """
    check_number("test", test, above=0, most=1)
    given, wanted = _pair(x, y)
    order = np.random.default_rng(seed).permutation(len(given))
    held, fitted = np.split(order, [round(test * len(order))])
    if min(len(held), len(fitted)) < 2:
        remedy = "Pass more rows, or another share."
        raise InputError(
            "`test` must leave at least 2 rows on either side", f"{test} of {len(order)}", remedy
        )
    return r2(wanted[held], _predict(given[fitted], wanted[fitted], given[held]))


def out_of_fold(x: ArrayLike, y: ArrayLike, *, folds: int = 5, seed: int = 0) -> Floats:
    """Predict every row of `y` by a ridge regression on `x` that was fitted without its fold.

    Parameters
    ----------
    x, y : float arrays [n, d], [n] or [n, m]
    folds : int
        From 2 to n / 2.
    seed : int
        Which row is in which fold.

    Returns
    -------
    float64 array of the shape of `y`

    Raises
    ------
    InputError
        If the arrays do not fit each other, or there are too few rows for the folds.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((100, 3))
    >>> bool(np.allclose(out_of_fold(x, x.sum(1)), x.sum(1), atol=0.01))
    True
    """
    check_number("folds", folds, least=2, integer=True)
    given, wanted = _pair(x, y)
    if len(given) < 2 * folds:
        found = f"{len(given)} rows for {folds} folds"
        raise InputError("`folds` must be at most half the rows", found, "Pass more rows, or ask for fewer.")
    fold = np.random.default_rng(seed).permutation(len(given)) % folds
    predicted = np.empty_like(wanted)
    for place in range(folds):
        inside = fold == place
        predicted[inside] = _predict(given[~inside], wanted[~inside], given[inside])
    return predicted.reshape(np.shape(y))


def r2(truth: Floats, predicted: Floats) -> float:
    """Share of the variance that is explained, over all columns together; NaN where nothing varies.

    >>> r2(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 2.0]))
    0.5
    """
    total = ((truth - truth.mean(axis=0)) ** 2).sum()
    return float(1 - ((truth - predicted) ** 2).sum() / total) if total > 0 else float("nan")


def _predict(x: Floats, y: Floats, new: Floats) -> Floats:
    """Ridge with an intercept; the penalty has the least generalised cross-validation error.

    GCV(λ) = n ‖Y - Ŷ‖² / (n - df)², df = 1 + Σ e / (e + λ) over the eigenvalues e of XᵀX (Golub, Heath &
    Wahba, Technometrics 1979); in their basis every λ costs d · m.
    """
    centre, mean = x.mean(axis=0), y.mean(axis=0)
    centred, target = x - centre, y - mean
    values, basis = np.linalg.eigh(centred.T @ centred)
    values = np.maximum(values, 0)
    if not values.any():
        return np.broadcast_to(mean, (len(new), len(mean))).copy()
    turned = basis.T @ (centred.T @ target)
    penalties = _PENALTIES * values.mean()
    weights = turned / (values[:, None] + penalties[_least_gcv(values, turned, target, penalties)])
    return (new - centre) @ (basis @ weights) + mean


def _least_gcv(values: Floats, turned: Floats, target: Floats, penalties: Floats) -> int:
    power, total, n = (turned**2).sum(axis=1), (target**2).sum(), len(target)
    shrunk = values[:, None] + penalties
    rest = total - ((2 / shrunk - values[:, None] / shrunk**2) * power[:, None]).sum(axis=0)
    freedom = 1 + (values[:, None] / shrunk).sum(axis=0)
    return int(np.argmin(np.maximum(rest, 0) / np.maximum(n - freedom, 1e-9) ** 2))


def _pair(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Both as float64 matrices of as many rows."""
    given, wanted = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    wanted = wanted[:, None] if wanted.ndim == 1 else wanted
    if given.ndim != 2 or wanted.ndim != 2 or len(given) != len(wanted):
        found = f"shapes {given.shape} and {np.shape(y)}"
        raise InputError("`x` and `y` must have one row for each item", found, "Pass [n, d] and [n, m].")
    if not (np.isfinite(given).all() and np.isfinite(wanted).all()):
        raise InputError("`x` and `y` must be finite", "NaN or infinity", "Leave these rows out.")
    return given, wanted
