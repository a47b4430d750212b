"""External ids as they arrive: checked for nulls and type, brought to int64 or Arrow strings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec_lm.errors import InputError, first_few

_CHUNK = 1 << 20
_CONVERT = "Convert the ids to one type, e.g. with .astype(int) or .astype(str)."


def frozen(array: np.ndarray) -> np.ndarray:
    """Return a read-only view of `array`; the caller's own array keeps its flags."""
    view = array.view()
    view.setflags(write=False)
    return view


def id_values(values: Any, name: str) -> np.ndarray | pa.Array:
    """Check a column of external ids and return it as an int64 array or an Arrow string array.

    Parameters
    ----------
    values : array-like [n]
        A list, a numpy array, a pandas or polars Series, an Arrow array: integers or strings.
    name : str
        What the ids are called in an error, e.g. "user_id".

    Raises
    ------
    InputError
        On null or empty ids, on ids that are neither integers nor strings, and on a single scalar.

    Examples
    --------
    >>> id_values([3, 1], "user_id")
    array([3, 1])
    """
    column = _arrow_column(values, name)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    _refuse_null(column, name)
    if len(column) == 0 and not _is_text(column.type):
        return np.empty(0, dtype=np.int64)
    if pa.types.is_integer(column.type):
        return _as_int64(column, name)
    if _is_text(column.type):
        return _as_text(column, name)
    required = f"`{name}` must hold integers or strings"
    remedy = (
        "Pass lists of each user as a mapping or a frame." if pa.types.is_nested(column.type) else _CONVERT
    )
    raise InputError(required, f"{column.type} values", remedy)


def kind_of(values: np.ndarray | pa.Array) -> str:
    """Return the type of ids that `id_values` gave: "int" or "str"."""
    return "int" if isinstance(values, np.ndarray) else "str"


def distinct(values: np.ndarray | pa.Array) -> np.ndarray:
    """Return the distinct ids, sorted: int64, or an object array of str."""
    if isinstance(values, np.ndarray):
        if is_compact(values, len(values)):
            low = values.min()
            seen = np.zeros(values.max() - low + 1, dtype=bool)
            for start in range(0, len(values), _CHUNK):
                seen[values[start : start + _CHUNK] - low] = True
            return np.flatnonzero(seen) + low
        import pandas as pd

        return np.sort(pd.unique(values))
    return np.sort(as_objects(pc.unique(values)))


def is_compact(ids: np.ndarray, count: int) -> bool:
    """Whether a table over the range of integer ids takes little memory beside `count` of them.

    >>> is_compact(np.array([5, 9]), 2), is_compact(np.array([0, 10**9]), 2)
    (True, False)
    """
    return len(ids) > 0 and int(ids.max()) - int(ids.min()) < max(4 * count, 1 << 16)


def as_objects(values: np.ndarray | pa.Array) -> np.ndarray:
    """Return the ids as a numpy array: int64 as it is, Arrow strings as an object array of str."""
    return values if isinstance(values, np.ndarray) else values.to_numpy(zero_copy_only=False)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _arrow_column(values: Any, name: str) -> pa.Array:
    if isinstance(values, (str, bytes, int, float)) or values is None or not hasattr(values, "__len__"):
        raise InputError(f"`{name}` must be a list or column of ids", repr(values), "Wrap it in a list.")
    if isinstance(values, (set, frozenset, dict)):
        values = list(values)
    try:
        column = values if isinstance(values, (pa.Array, pa.ChunkedArray)) else _from_python(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError) as error:
        found = str(error).splitlines()[0]
        raise InputError(f"`{name}` must hold ids of one type", found, _CONVERT) from None
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _from_python(values: Any) -> pa.Array | pa.ChunkedArray:
    if hasattr(values, "to_arrow"):
        return values.to_arrow()
    if isinstance(values, np.ndarray) and values.dtype.kind == "U":
        values = values.astype(object)
    return pa.array(values, from_pandas=True)


def _refuse_null(column: pa.Array, name: str) -> None:
    if column.null_count == 0 and not pa.types.is_floating(column.type):
        return
    missing = pc.is_null(column, nan_is_null=pa.types.is_floating(column.type))
    rows = np.flatnonzero(missing.to_numpy(zero_copy_only=False))
    if len(rows):
        found = f"null at rows {first_few(rows.tolist(), len(rows))}"
        raise InputError(f"`{name}` must have no null ids", found, "Drop or fill those rows.")


def _as_int64(column: pa.Array, name: str) -> np.ndarray:
    try:
        return column.cast(pa.int64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        found = f"{pc.max(column)}"
        raise InputError(f"`{name}` must fit in 64-bit signed integers", found, "Use strings.") from None


def _as_text(column: pa.Array, name: str) -> pa.Array:
    column = column.cast(pa.large_string())
    blank = pc.equal(pc.binary_length(pc.utf8_trim_whitespace(column)), 0)
    rows = np.flatnonzero(blank.to_numpy(zero_copy_only=False))
    if len(rows):
        found = f"empty text at rows {first_few(rows.tolist(), len(rows))}"
        raise InputError(f"`{name}` must have no empty ids", found, "Drop or fill those rows.")
    return column
