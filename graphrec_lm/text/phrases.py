"""Values to words: the filters of sentence templates, applied to distinct values only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphrec_lm.errors import InputError

LEVELS = ("very low", "low", "medium", "high", "very high")
EDGES = (0.2, 0.4, 0.6, 0.8)
DAYPARTS = ("night", "morning", "afternoon", "evening")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SEASONS = ("winter", "spring", "summer", "autumn")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
TIMES = ("daypart", "weekday", "month", "season", "year")
NEEDS_EDGES = ("words",)
FILTERS = ("join", "split", "lower", "upper", "or", *NEEDS_EDGES, *TIMES)
LATEST = 1e11  # seconds, the year 5138: what is above counts milliseconds, microseconds or nanoseconds


class Phrases(NamedTuple):
    """Distinct texts (None where a value is missing) and the text of each row."""

    texts: list[str | None]
    codes: npt.NDArray[np.int64]


def phrases(
    column: pa.Array, filters: Sequence[tuple[str, str]], edges: Sequence[float] | None = None
) -> Phrases:
    """Pass a column through filters.

    >>> phrases(pa.array(["a|b", None]), [("join", "")]).texts
    ['a and b', None]
    """
    first = filters[0][0] if filters else ""
    if first in TIMES:
        column, filters = _of_time(column, first), filters[1:]
    elif first in NEEDS_EDGES:
        column, filters = _worded(column, edges or ()), filters[1:]
    values, codes = distinct(column)
    texts = [_apply(value, filters) for value in values]
    return Phrases(texts, codes)


def distinct(column: pa.Array) -> tuple[list[Any], npt.NDArray[np.int64]]:
    """Distinct values of a column as Python objects (the last is None, for what is missing), and codes."""
    if pa.types.is_nested(column.type):
        _check_flat(column.type)
        listed = column.to_pylist()
        index: dict[Any, int] = {}
        keys = [None if value is None else tuple(value) for value in listed]
        codes = np.array([-1 if k is None else index.setdefault(k, len(index)) for k in keys], np.int64)
        values: list[Any] = [list(key) for key in index]
    else:
        encoded = column.dictionary_encode()
        codes = encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False).copy()
        values = encoded.dictionary.to_pylist()
    codes[codes < 0] = len(values)
    return [*values, None], codes


def _check_flat(kind: pa.DataType) -> None:
    """Refuse records and lists of lists: there is no one way to say them."""
    if pa.types.is_struct(kind) or pa.types.is_map(kind) or pa.types.is_nested(kind.value_type):
        remedy = "Make a column of each part."
        raise InputError("a template's column must hold values or lists of values", f"type {kind}", remedy)


def seconds(column: pa.Array) -> npt.NDArray[np.float64]:
    """A time column as seconds since 1970, NaN where missing.

    Times with a zone count as their clocks show them. Numbers are seconds up to 1e11, then milliseconds,
    from 1e14 on microseconds, from 1e17 on nanoseconds.
    """
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        zoned = pa.types.is_timestamp(kind) and kind.tz is not None
        local = pc.local_timestamp(column) if zoned else column
        column = local.cast(pa.timestamp("ms"), safe=False).cast(pa.int64())
        return np.asarray(column.to_numpy(zero_copy_only=False), np.float64) / 1e3
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        remedy = "Convert it to a datetime or to seconds since 1970."
        raise InputError("a time column must hold dates, datetimes or numbers", f"type {kind}", remedy)
    values = np.asarray(column.to_numpy(zero_copy_only=False), np.float64)
    for _ in range(3):
        values = np.where(np.abs(values) > LATEST, values / 1e3, values)
    return values


def time_codes(column: pa.Array, part: str) -> npt.NDArray[np.int64]:
    """Part of a time as a number from 0; -1 where it is missing.

    >>> time_codes(pa.array([0, None]), "weekday")
    array([ 3, -1])
    """
    when = seconds(column)
    there = np.isfinite(when)
    days = np.floor(np.where(there, when, 0) / 86400).astype("datetime64[D]")
    months = days.astype("datetime64[M]").astype(np.int64) % 12
    if part == "daypart":
        codes = (np.where(there, when, 0) % 86400 // 21600).astype(np.int64)
    elif part == "weekday":
        codes = (days.astype(np.int64) + 3) % 7
    elif part == "season":
        codes = (months + 1) % 12 // 3
    else:
        codes = months if part == "month" else days.astype("datetime64[Y]").astype(np.int64) + 1970
    return np.where(there, codes, -1)


def _of_time(column: pa.Array, part: str) -> pa.Array:
    codes = time_codes(column, part)
    if part == "year":
        return pa.array(codes, mask=codes < 0)
    names = {"daypart": DAYPARTS, "weekday": WEEKDAYS, "season": SEASONS, "month": MONTHS}[part]
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), pa.array(names)).cast(pa.string())


def _worded(column: pa.Array, edges: Sequence[float]) -> pa.Array:
    values = numbers_of(column, "the filter `words`")
    codes = np.searchsorted(np.asarray(edges), values, side="left")
    indices = pa.array(codes, mask=~np.isfinite(values))
    return pa.DictionaryArray.from_arrays(indices, pa.array(LEVELS)).cast(pa.string())


def numbers_of(column: pa.Array, what: str) -> npt.NDArray[np.float64]:
    """A column as float64, NaN where a value is missing.

    Raises
    ------
    InputError
        If it holds something else than numbers.
    """
    try:
        return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        required, remedy = f"{what} needs a column of numbers", "Convert it, or drop the filter."
        raise InputError(required, f"type {column.type}", remedy) from None


def _apply(value: Any, filters: Sequence[tuple[str, str]]) -> str | None:
    for name, argument in filters:
        if name == "or":
            value = argument if _is_missing(value) else value
        elif not _is_missing(value):
            value = _one(value, name, argument)
    if _is_missing(value):
        return None
    return _joined(value) if isinstance(value, list) else _plain(value)


def _one(value: Any, name: str, argument: str) -> Any:
    if name == "split":
        return [part for part in str(value).split(argument or "|") if part.strip()]
    if name == "join":
        return _joined(value if isinstance(value, list) else str(value).split("|"))
    if name in ("lower", "upper"):
        listed = value if isinstance(value, list) else [value]
        said = [getattr(_plain(one), name)() for one in listed if not _is_missing(one)]
        return said if isinstance(value, list) else said[0]
    remedy = f"Put `{name}` first: {{column|{name}}}."
    raise InputError(
        f"the filter {name!r} must stand right after the column", "another one before it", remedy
    )


def _joined(values: Sequence[Any]) -> str:
    """ "A", "A and B", "A, B and C"."""
    texts = [_plain(value).strip() for value in values if not _is_missing(value)]
    return " and ".join(filter(None, (", ".join(texts[:-1]), texts[-1] if texts else "")))


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() else f"{value:.{4 if abs(value) < 1000 else 10}g}"
    return str(value)


def _is_missing(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_missing, value))
    return value is None or value != value or (isinstance(value, str) and not value.strip())
