"""Principal components of title vectors: made alike, or the largest taken away."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphrec_lm.errors import check_number
from graphrec_lm.evaluation.spaces import as_space

Floats = NDArray[np.float64]

_RANK = 1e-9  # of the largest variance: below, a component is rounding


def whitened(vectors: ArrayLike) -> Floats:
    """Coordinates on the principal components, each scaled to variance 1.

    (x - x̄) V Λ^{-1/2} (Su et al., Whitening Sentence Representations, arXiv 2103.15316); components without
    variance are left out. Rare directions weigh as much as common ones, noise among them.

    Parameters
    ----------
    vectors : float array [n, d]

    Returns
    -------
    float64 array [n, rank]

    Raises
    ------
    InputError
        As `as_space`.

    Examples
    --------
    >>> x = whitened(np.random.default_rng(0).standard_normal((50, 3)) * [1, 10, 100])
    >>> bool(np.allclose(x.T @ x / 50, np.eye(3)))
    True
    """
    centred, values, basis = _components(vectors)
    kept = values > _RANK * values[-1]
    return centred @ (basis[:, kept] / np.sqrt(values[kept]))


def without_components(vectors: ArrayLike, count: int) -> Floats:
    """Vectors without their mean and their `count` largest principal components.

    Sentence vectors share a few directions that say little of their meaning (Mu & Viswanath, All-but-the-Top,
    ICLR 2018, algorithm 1).

    Parameters
    ----------
    vectors : float array [n, d]
    count : int
        From 0 to d - 1; 0 removes the mean alone.

    Returns
    -------
    float64 array [n, d]

    Raises
    ------
    InputError
        As `as_space`, or for a count out of range.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((50, 2)) * [1, 100]
    >>> (without_components(x, 1).std(axis=0) < 2).tolist()
    [True, True]
    """
    centred, _, basis = _components(vectors)
    check_number("count", count, least=0, most=centred.shape[1] - 1, integer=True)
    top = basis[:, centred.shape[1] - count :]
    return centred - (centred @ top) @ top.T


def _components(vectors: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Centred vectors, variances ascending, and their directions in columns."""
    rows = as_space(vectors, "vectors")
    centred = rows - rows.mean(axis=0)
    values, basis = np.linalg.eigh(centred.T @ centred / len(centred))
    return centred, values, basis
