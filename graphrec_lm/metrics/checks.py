"""What every metric requires of a table of recommended item codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrec_lm.errors import InputError, first_few

PADDING = -1


def as_recommended(recommended: npt.ArrayLike, n_items: int | None = None) -> npt.NDArray[np.integer[Any]]:
    """Return `recommended` as a 2-D integer array, without copying one that already is.

    Raises
    ------
    InputError
        Not 2-D, no columns, not integer, a code below -1 or not below `n_items`, or an item twice in a row.
    """
    codes = np.asarray(recommended)
    if codes.ndim != 2 or codes.shape[1] == 0:
        required = "`recommended` must have shape [users, k] with k >= 1"
        raise InputError(required, f"shape {codes.shape}", "Pass one row of item codes a user.")
    if codes.dtype.kind not in "iu":
        required = "`recommended` must hold integer item codes"
        raise InputError(required, f"dtype {codes.dtype}", "Pass codes, not external ids or scores.")
    _check_range(codes, n_items)
    _check_unique(codes)
    return codes


def as_vector(name: str, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return one finite, non-negative number an item as float64."""
    vector = as_real(name, values)
    if vector.ndim != 1 or vector.size == 0:
        raise InputError(
            f"`{name}` must have shape [items]", f"shape {vector.shape}", "Pass one number an item."
        )
    _raise_where(vector < 0, vector, f"`{name}` must be >= 0", "Pass counts.")
    return vector


def as_real(name: str, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return finite real numbers as float64."""
    given = np.asarray(values)
    if given.dtype.kind not in "iufb":
        raise InputError(f"`{name}` must hold real numbers", f"dtype {given.dtype}", "Pass a numeric array.")
    numbers = given.astype(np.float64)
    _raise_where(
        ~np.isfinite(numbers), numbers, f"`{name}` must be finite", "Remove NaN and infinite values."
    )
    return numbers


def mean_of_listed(
    codes: npt.NDArray[np.integer[Any]], value_of: Callable[[npt.NDArray[Any]], npt.NDArray[np.float64]]
) -> npt.NDArray[np.float64]:
    """Average `value_of(codes)` over each row, padding left out; NaN for a row of padding only."""
    listed = codes != PADDING
    total = np.where(listed, value_of(codes), 0.0).sum(axis=1)
    count = listed.sum(axis=1)
    return np.divide(total, count, out=np.full(len(codes), np.nan), where=count > 0)


def _check_range(codes: npt.NDArray[Any], n_items: int | None) -> None:
    _raise_where(codes < PADDING, codes, "Item codes must be >= 0, or -1 for padding", "Pass codes.")
    if n_items is not None:
        remedy = "Pass the item count or the item array that these codes index."
        _raise_where(codes >= n_items, codes, f"Item codes must be < {n_items}, the number of items", remedy)


def _check_unique(codes: npt.NDArray[Any]) -> None:
    ordered = np.sort(codes, axis=1)
    twice = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != PADDING)
    if twice.any():
        rows = np.flatnonzero(twice.any(axis=1))
        required = "A row of `recommended` must hold an item at most once"
        found = f"repeated items in rows {first_few(rows.tolist(), len(rows))}"
        raise InputError(required, found, "Drop the repeats; pad short rows with -1.")


def _raise_where(wrong: npt.NDArray[np.bool_], values: npt.NDArray[Any], required: str, remedy: str) -> None:
    if wrong.any():
        offenders = values[wrong]
        raise InputError(required, first_few(offenders[:6].tolist(), len(offenders)), remedy)
