"""How alike two spaces are in which the same items lie: CKA, shared neighbours, Procrustes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphrec_lm.errors import InputError, check_number
from graphrec_lm.kernels import topk, unit_rows

Floats = NDArray[np.float64]
Codes = NDArray[np.int32]


def linear_cka(one: ArrayLike, other: ArrayLike) -> float:
    """Linear centred kernel alignment, from 0 (nothing in common) to 1 (equal up to rotation and scale).

    ‖YᵀX‖² / (‖XᵀX‖ ‖YᵀY‖) in Frobenius norms, columns centred (Kornblith et al., Similarity of Neural Network
    Representations Revisited, ICML 2019, section 3), which is the normalised HSIC of the kernels XXᵀ and YYᵀ
    without an n × n matrix. The estimate is biased upwards where d is not small beside n: compare
    with shuffled rows.

    Parameters
    ----------
    one, other : float arrays [n, d], [n, m]

    Returns
    -------
    float

    Raises
    ------
    InputError
        If these are not two spaces of the same items: see `as_space`.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((50, 4))
    >>> round(linear_cka(x, 3 * x[:, ::-1]), 6)
    1.0
    """
    x, y = _centred(one, other)
    norms = np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)
    return float(np.linalg.norm(y.T @ x) ** 2 / norms)


def procrustes_error(one: ArrayLike, other: ArrayLike) -> float:
    """What is left of one space after the best shift, rotation, reflection and scale onto the other, 0 to 1.

    min ‖s X Q - Y‖² / ‖Y‖² = 1 - (‖XᵀY‖_* / (‖X‖ ‖Y‖))² over s and orthogonal Q, columns centred, ‖·‖_* the
    nuclear norm (Schönemann, Psychometrika 1966; between representations: Ding et al., NeurIPS 2021). The
    narrower space is thought filled with zeros.

    Parameters
    ----------
    one, other : float arrays [n, d], [n, m]

    Returns
    -------
    float
        The same whichever space comes first.

    Raises
    ------
    InputError
        As `linear_cka`.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((50, 4))
    >>> abs(round(procrustes_error(x, 3 * x[:, ::-1] + 1), 6))
    0.0
    """
    x, y = _centred(one, other)
    aligned = np.linalg.svd(x.T @ y, compute_uv=False).sum() / (np.linalg.norm(x) * np.linalg.norm(y))
    return float(max(0.0, 1 - aligned**2))


def nearest(space: ArrayLike, k: int) -> Codes:
    """The k nearest other rows of each row by cosine, int32 [n, k], block by block.

    >>> nearest([[1, 0], [0.9, 0.1], [0, 1]], k=1).ravel().tolist()
    [1, 0, 1]
    """
    rows = unit_rows(as_space(space).astype(np.float32))
    check_number("k", k, least=1, most=len(rows) - 1, integer=True)
    itself = np.arange(len(rows) + 1, dtype=np.int64), np.arange(len(rows), dtype=np.int32)
    return topk(rows, rows, k, seen=itself)[0]


def shared_neighbours(one: Codes, other: Codes) -> float:
    """Mean share of each row's k codes that two lists [n, k] have in common; chance is k / (n - 1).

    >>> shared_neighbours(np.array([[1, 2], [0, 2], [0, 1]]), np.array([[2, 1], [3, 0], [3, 4]]))
    0.5
    """
    span = 1 + int(max(one.max(), other.max()))
    rows = np.arange(len(one), dtype=np.int64)[:, None] * span
    common = np.intersect1d(rows + one, rows + other, assume_unique=True)
    return len(common) / one.size


def neighbour_overlap(one: ArrayLike, other: ArrayLike, k: int = 10) -> float:
    """Mean share of common items among the k nearest by cosine in either space.

    Parameters
    ----------
    one, other : float arrays [n, d], [n, m]
    k : int
        Below n. Chance is k / (n - 1).

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    InputError
        As `linear_cka`, or for a k out of range.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((50, 4))
    >>> neighbour_overlap(x, 3 * x[:, ::-1], k=5)
    1.0
    """
    _same_items(one, other)
    return shared_neighbours(nearest(one, k), nearest(other, k))


def as_space(space: ArrayLike, name: str = "space") -> Floats:
    """Return vectors of items as float64 [n, d].

    Raises
    ------
    InputError
        Unless there are at least 3 rows of finite numbers, none of them zero and not all of them equal.
    """
    try:
        rows = np.asarray(space, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"`{name}` must be numbers", repr(space)[:60], "Pass one vector an item.") from None
    if rows.ndim != 2 or len(rows) < 3:
        remedy = "Pass one vector an item."
        raise InputError(f"`{name}` must be vectors [n >= 3, d]", f"shape {rows.shape}", remedy)
    if not np.isfinite(rows).all():
        raise InputError(f"`{name}` must be finite", "NaN or infinity", "Leave these items out.")
    empty = np.flatnonzero(~rows.any(axis=1))
    if len(empty) or not np.ptp(rows, axis=0).any():
        found = f"{len(empty)} rows of zeros" if len(empty) else "equal rows"
        raise InputError(f"`{name}` must have rows that differ and are not zero", found, "Leave them out.")
    return rows


def _same_items(one: ArrayLike, other: ArrayLike) -> None:
    rows = np.shape(one)[:1], np.shape(other)[:1]
    if rows[0] != rows[1]:
        found = f"shapes {np.shape(one)} and {np.shape(other)}"
        raise InputError("`one` and `other` must be of the same items", found, "Pass the same rows of both.")


def _centred(one: ArrayLike, other: ArrayLike) -> tuple[Floats, Floats]:
    _same_items(one, other)
    x, y = as_space(one, "one"), as_space(other, "other")
    return x - x.mean(axis=0), y - y.mean(axis=0)
