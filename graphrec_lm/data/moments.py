"""The two moments of a split by time: from shares of the edges, or as they are given."""

from __future__ import annotations

import math
from datetime import date, datetime
from numbers import Real
from typing import Any, TypeGuard

import numpy as np
import pandas as pd
import pyarrow as pa

from graphrec_lm.data.interactions import Interactions
from graphrec_lm.errors import InputError, check_number

_WHOLE = np.zeros(0, np.int64)
_NANOSECONDS = {"D": 86_400 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}

ShareOrMoment = float | str | date | datetime | np.datetime64


def is_share(value: object) -> TypeGuard[float]:
    """Whether `valid` or `test` of a split by time is a share of the edges, a number up to 1, and no moment.

    >>> is_share(0.1), is_share(1262304000), is_share("2024-11-01")
    (True, False, False)
    """
    return isinstance(value, Real) and not float(value) > 1


def cuts(rows: Interactions, by: str, edge_times: np.ndarray, valid: Any, test: Any) -> np.ndarray:
    """Return the moments at which valid and test begin, in the numbers of `rows.times(by)`, as an array [2].

    Raises
    ------
    InputError
        On a moment that is not of the column's kind, if valid's is not before test's, and if train or a part
        that a moment was given for has no edge.
    """
    ordered = np.sort(edge_times)
    place, test_from = _begin(rows, by, ordered, len(ordered), "test", test)
    _, valid_from = _begin(rows, by, ordered, place, "valid", valid)
    if is_share(valid):
        valid_from = min(valid_from, test_from)  # the moment given for test may lie before its first edge
    elif valid_from >= test_from:
        found = f"valid={str(valid)!r} and test={str(test)!r}"
        raise InputError("`valid` must begin before `test`", found, "Take an earlier moment for `valid`.")
    counts = np.diff(np.searchsorted(ordered, [valid_from, test_from]), prepend=0, append=len(ordered))
    if not counts[0]:
        remedy = "Take smaller fractions, later moments or another column."
        raise InputError(f"column {by!r} must leave edges for train", "no edge before the first cut", remedy)
    for name, value, count in (("valid", valid, counts[1]), ("test", test, counts[2])):
        if not is_share(value) and not count:
            found = f"no pair first seen from {str(value)!r} on"
            raise InputError(
                f"part {name!r} must have edges", found, "Take an earlier moment, or 0 for none."
            )
    return np.array([valid_from, test_from], dtype=ordered.dtype)


def _begin(
    rows: Interactions, by: str, ordered: np.ndarray, end: int, name: str, value: Any
) -> tuple[int, float]:
    """Return where among the sorted times a part begins that ends at place `end`, and the moment."""
    if not is_share(value):
        moment = _as_time(value, name, rows.column(by).type, by)
        return int(np.searchsorted(ordered, moment)), moment
    count = max(1, round(value * len(ordered))) if value else 0
    place = max(0, end - count)
    return place, ordered[place] if place < len(ordered) else never(ordered)


def never(times: np.ndarray) -> Any:
    """Return a moment after all `times`, of their type."""
    return np.inf if times.dtype.kind == "f" else np.iinfo(np.int64).max


def _as_time(moment: Any, name: str, kind: pa.DataType, by: str) -> float:
    """A moment in the numbers of the column; in a column of coarser units, the first at or after it."""
    number = isinstance(moment, Real)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        required = f"`{name}` must be a share or a date, as column {by!r} holds dates"
        if number or (day := _date(moment, getattr(kind, "tz", None))) is None:
            remedy = 'Write it as "2024-11-01" or "2024-11-01T18:30", with a zone only if the column has one.'
            raise InputError(required, repr(moment), remedy)
        unit = kind.unit if pa.types.is_timestamp(kind) else "D" if kind == pa.date32() else "ms"
        nanoseconds = int(day.astype(np.int64)) * _NANOSECONDS[np.datetime_data(day.dtype)[0]]
        return max(-never(_WHOLE), min(-(-nanoseconds // _NANOSECONDS[unit]), never(_WHOLE)))
    if not number:
        required = f"`{name}` must be a share or a number, as column {by!r} holds {kind} values"
        remedy = "Pass a number of that column, e.g. seconds since 1970, or convert the column to dates."
        raise InputError(required, repr(moment), remedy)
    check_number(name, moment, above=1)
    return min(math.ceil(moment), never(_WHOLE)) if pa.types.is_integer(kind) else float(moment)


def _date(moment: Any, zone: str | None) -> np.datetime64 | None:
    """The moment in UTC, or bare if the column has no zone; None if it is no date or has a zone too many."""
    try:
        date = pd.Timestamp(datetime.fromisoformat(moment) if isinstance(moment, str) else moment)
    except (TypeError, ValueError):
        return None
    if pd.isna(date) or (zone is None and date.tzinfo is not None):
        return None
    if zone is not None and date.tzinfo is None:
        date = date.tz_localize(zone, ambiguous=True, nonexistent="shift_forward")
    return date.to_datetime64()
