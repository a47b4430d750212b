"""Texts to typed columns: ids, numbers, times; an unparsable value is named by file and line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec_lm.data.delimited import Format, Source, broken_row, line_of_row, read_texts

_INTEGER = r"^(0|-?[1-9][0-9]{0,18})$"
_IDS = ("user_id", "item_id")
_NUMBER = r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+|[nN]a[nN]|inf|infinity)([eE][-+]?[0-9]+)?$"
_PLAIN = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$"
_DATE = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?$"
)
_TO_ZONED = (
    (r"(\.[0-9]{6})[0-9]+", r"\1"),
    (r"^([0-9-]{10})$", r"\1 00:00"),
    (r"^([0-9-]{10}[T ][0-9:.]+)$", r"\1Z"),
)


def read_delimited(
    source: Source,
    form: Format,
    *,
    columns: Mapping[str, str] | None = None,
    numeric: Iterable[str] = (),
    texts: Iterable[str] = ("title",),
) -> pa.Table:
    """Return a delimited file as a table with typed columns.

    Parameters
    ----------
    source : path
        The file.
    form : Format
        How it is written.
    columns : mapping, optional
        Names in the file -> names of the library; the table keeps the names of the file.
    numeric, texts : iterable of str
        Library names of the columns that must be numbers, and of those that stay texts. `timestamp` must
        be numbers or ISO dates. All others become numbers if every value is written as a number is.

    Raises
    ------
    InputError
        As `read_texts`, and for a value that is no number.
    """
    table = read_texts(source, form)
    return typed(table, Path(source), form, columns or {}, set(numeric), set(texts))


def typed(
    table: pa.Table, path: Path, form: Format, columns: Mapping[str, str], numeric: set[str], texts: set[str]
) -> pa.Table:
    """Return a table of texts with typed columns; parameters as in `read_delimited`."""
    result = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        known = columns.get(name, name)
        if known in numeric or name in numeric or known == "timestamp":
            result[name] = _required(column, name, path, form, dates=known == "timestamp")
        else:
            column = pc.utf8_trim_whitespace(column) if known in _IDS else column  # as "1, 2" is meant
            result[name] = column if known in texts else infer(column, ids=known in _IDS)
    return pa.table(list(result.values()), names=list(result))


def infer(column: pa.ChunkedArray, *, ids: bool = False) -> pa.ChunkedArray:
    """Return texts as int64 or float64 if every one is the usual way to write a number ("007" is not).

    Ids are integers or stay texts.

    >>> infer(pa.chunked_array([["1", "20"]])).type, infer(pa.chunked_array([["01", "20"]])).type
    (DataType(int64), DataType(string))
    """
    whole = _integers(column)
    if whole is not None:
        return whole
    return column.cast(pa.float64()) if not ids and _all_match(column, _PLAIN) else column


def _integers(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Texts as int64; None if one is written otherwise, or is beyond 2^63."""
    if _all_match(column, _INTEGER):
        with suppress(pa.ArrowInvalid):
            return column.cast(pa.int64())
    return None


def one_kind(
    tables: list[pa.Table | None], columns: Mapping[str, str] | None = None
) -> list[pa.Table | None]:
    """Make an id column text in all tables if it is text in one, so that "7" is one id everywhere."""
    for name in _IDS:
        theirs = {theirs for theirs, ours in (columns or {}).items() if ours == name} | {name}
        places = [
            (t, c)
            for t, table in enumerate(tables)
            if table is not None
            for c in table.column_names
            if c in theirs
        ]
        if len({pa.types.is_integer(_table(tables, t)[c].type) for t, c in places}) > 1:
            for t, c in places:
                table = _table(tables, t)
                tables[t] = table.set_column(table.column_names.index(c), c, table[c].cast(pa.large_string()))
    return tables


def _table(tables: list[pa.Table | None], position: int) -> pa.Table:
    table = tables[position]
    assert table is not None
    return table


def _all_match(column: pa.ChunkedArray, pattern: str) -> bool:
    head = column.slice(0, 100).drop_null()
    if len(head) == 0 and column.null_count == len(column):
        return False
    if len(head) and not pc.all(pc.match_substring_regex(head, pattern)).as_py():
        return False
    return bool(pc.all(pc.match_substring_regex(column.unique().drop_null(), pattern)).as_py())


def _required(
    column: pa.ChunkedArray, name: str, path: Path, form: Format, *, dates: bool
) -> pa.ChunkedArray:
    trimmed = pc.utf8_trim_whitespace(column)
    if dates and _all_match(trimmed.drop_null().slice(0, 1), _DATE):
        _refuse(pc.match_substring_regex(trimmed, _DATE), f"`{name}` must be a date", column, path, form)
        return _dates(trimmed, f"`{name}` must be a date", path, form)
    kind = "a number or an ISO date" if dates else "a number"
    _refuse(pc.match_substring_regex(trimmed, _NUMBER), f"`{name}` must be {kind}", column, path, form)
    whole = _integers(trimmed)
    return trimmed.cast(pa.float64()) if whole is None else whole


def _refuse(good: pa.ChunkedArray, required: str, column: pa.ChunkedArray, path: Path, form: Format) -> None:
    bad = np.flatnonzero(~pc.fill_null(good, True).to_numpy())
    if len(bad):
        row = int(bad[0])
        raise broken_row(path, line_of_row(path, form, row), required, repr(column[row].as_py()))


def _dates(column: pa.ChunkedArray, required: str, path: Path, form: Format) -> pa.ChunkedArray:
    """Times in UTC to the microsecond; what has no zone is UTC."""
    with suppress(pa.ArrowInvalid):
        return pc.replace_substring(column, "Z", "").cast(pa.timestamp("us"))
    zoned = column
    for pattern, by in _TO_ZONED:
        zoned = pc.replace_substring_regex(zoned, pattern, by)
    try:
        return zoned.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        good = pa.chunked_array([pa.array([_is_date(value) for value in column.to_pylist()])])
        _refuse(good, required, column, path, form)
        raise


def _is_date(value: str | None) -> bool:
    try:
        return value is None or bool(datetime.fromisoformat(value))
    except ValueError:
        return False
