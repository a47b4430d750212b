"""Frames of any library that narwhals knows: in as Arrow tables, out in the caller's library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa

from graphrec_lm.errors import InputError, did_you_mean, first_few

BACKENDS = ("pandas", "polars", "pyarrow")
LIBRARY_NAMES = ("user_id", "item_id", "title", "rating", "weight", "timestamp", "split")


def to_arrow(frame: Any, what: str) -> tuple[pa.Table, str]:
    """Return the Arrow table of a dataframe and the name of its library.

    A pandas frame is copied, as its memory can be written to later; the others can't.

    Raises
    ------
    InputError
        If `frame` is no eager dataframe, has repeated column names, or a column of mixed types.

    Examples
    --------
    >>> table, backend = to_arrow(pa.table({"user_id": [1]}), "interactions")
    >>> backend
    'pyarrow'
    """
    try:
        eager = nw.from_native(frame, eager_only=True)
    except TypeError:
        remedy = (
            "Pass a pandas, polars (collected) or pyarrow table; files are read by graphrec_lm.data.read_*."
        )
        raise InputError(f"`{what}` must be a dataframe", type(frame).__name__, remedy) from None
    except nw.exceptions.DuplicateError:
        remedy = "Rename or drop the repeated columns."
        raise InputError(f"`{what}` must have distinct columns", list(frame.columns), remedy) from None
    backend = str(eager.implementation.value)
    if backend == "pandas":
        eager = nw.from_native(_with_named_range(nw.to_native(eager)), eager_only=True)
    try:
        table = (eager.clone() if backend == "pandas" else eager).to_arrow()
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        found = " ".join(str(a) for a in error.args)
        raise InputError(f"every column of `{what}` must hold one type", found, "Convert it.") from None
    except (
        pa.ArrowNotImplementedError,
        TypeError,
        UnicodeEncodeError,
    ) as error:  # sparse, complex, surrogates
        required = f"every column of `{what}` must hold what Arrow can"
        raise InputError(required, str(error).splitlines()[0], "Drop that column, or convert it.") from None
    for field in table.schema:
        if _holds_nothing(field.type):
            required, remedy = f"every column of `{what}` must hold something", "Drop that column."
            raise InputError(required, f"empty records in {field.name!r}", remedy)
    hidden = [c for c in table.column_names if str(c).startswith("__index_level_")]
    return table.drop_columns(hidden), backend if backend in BACKENDS else "pandas"


def _with_named_range(frame: Any) -> Any:
    """A pandas frame whose named index is a column where Arrow would drop it: of 0, 1, 2, ... alone."""
    index = frame.index
    is_dropped = type(index).__name__ == "RangeIndex" and index.name is not None
    return frame.reset_index() if is_dropped and index.name not in frame.columns else frame


def _holds_nothing(kind: pa.DataType) -> bool:
    """Whether records without fields are in it, which no file can hold."""
    if pa.types.is_struct(kind) and not kind.num_fields:
        return True
    nested = pa.types.is_nested(kind) and not pa.types.is_dictionary(kind)
    return nested and any(_holds_nothing(kind.field(i).type) for i in range(kind.num_fields))


def is_frame(value: Any) -> bool:
    """Whether it has columns, rather than being a list."""
    return hasattr(value, "columns") or hasattr(value, "column_names")


def rename(table: pa.Table, columns: Mapping[str, str], what: str) -> pa.Table:
    """Rename the columns that `columns` (yours -> the library's) names; refuse two of one name."""
    names = [columns.get(name, name) for name in table.column_names]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        remedy = "Drop one of the two, or map it to another name."
        raise InputError(
            f"`{what}` must have one column of each name after `columns`",
            f"two of {first_few(repeated, len(repeated))}",
            remedy,
        )
    return table.rename_columns(names)


def check_mapping(columns: Mapping[str, str] | None, tables: Sequence[pa.Table]) -> dict[str, str]:
    """Check that each key of the `columns` mapping is a column of one of the tables."""
    mapping = dict(columns or {})
    present = [name for table in tables for name in table.column_names]
    for theirs, ours in mapping.items():
        if theirs in present:
            continue
        remedy = did_you_mean(theirs, present)
        if theirs in LIBRARY_NAMES and ours in present:
            remedy = f"The mapping goes from your name to the library's: {{{ours!r}: {theirs!r}}}."
        raise InputError("each key of `columns` must be a column of the data", repr(theirs), remedy)
    return mapping


def require(table: pa.Table, names: Sequence[str], what: str) -> None:
    """Raise InputError for the first of `names` that the table lacks."""
    for name in names:
        if name not in table.column_names:
            remedy = f"{did_you_mean(name, table.column_names)} Rename it by `columns`."
            raise InputError(f"`{what}` must have a column {name!r}", "none of that name", remedy)


def native(
    columns: Mapping[str, np.ndarray | list[Any]],
    backend: str,
    types: Mapping[str, pa.DataType] = MappingProxyType({}),
) -> Any:
    """Return a frame of the given library with these columns, of Arrow's `types` where they are given.

    >>> native({"user_id": [1, 2]}, "pyarrow").num_rows
    2
    """
    if backend == "pandas" and any(len(values) for values in columns.values()):
        import pandas as pd

        return pd.DataFrame(dict(columns))
    table = pa.table({name: _typed(values, types.get(name)) for name, values in columns.items()})
    if backend == "pandas":  # which can't tell the types of empty columns
        return table.to_pandas()
    if backend == "pyarrow":
        return table
    import polars as pl

    return pl.from_arrow(table)


def _typed(values: np.ndarray | list[Any], kind: pa.DataType | None) -> pa.Array:
    """A column of that type, or of its own: people with a history are numbered, whatever users are called."""
    is_own = isinstance(values, np.ndarray) and values.dtype != object
    return pa.array(values, None if is_own else kind)
