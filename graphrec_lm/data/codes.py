"""Checks of data that comes in codes: ranges, lengths, tables in code order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from graphrec_lm.data.idmap import IdMap
from graphrec_lm.errors import InputError


def id_table(name: str, ids: IdMap) -> pa.Table:
    """Return the table that holds nothing but the ids, in code order."""
    return pa.table({name: pa.array(ids.ids)})


def checked_codes(codes: Any, size: int, what: str) -> np.ndarray:
    """Return codes as int32 [n], or raise InputError unless they are integers in 0 .. size - 1."""
    array = np.asarray(codes)
    if array.ndim != 1 or (array.dtype.kind not in "iu" and len(array)):
        found = f"{array.dtype} of shape {array.shape}"
        raise InputError(f"`{what}_codes` must be a 1-D array of integers", found, "Pass codes of the IdMap.")
    if len(array) and (array.min() < 0 or array.max() >= size):
        found = f"{array.min()} to {array.max()}"
        raise InputError(f"`{what}_codes` must be in 0 .. {size - 1}", found, "Pass codes of the IdMap.")
    return array.astype(np.int32)


def checked_weights(weights: Any) -> np.ndarray | None:
    """Return weights as float64 [n], or raise InputError unless all are finite and > 0."""
    if weights is None:
        return None
    array = np.asarray(weights, dtype=np.float64)
    wrong = ~(np.isfinite(array) & (array > 0))
    if wrong.any():
        raise InputError("every weight must be finite and > 0", array[wrong][0], "Repair the weights.")
    return array


def check_lengths(*arrays: np.ndarray | None) -> None:
    """Raise InputError unless the arrays that are given have one length."""
    lengths = [len(array) for array in arrays if array is not None]
    if len(set(lengths)) > 1:
        raise InputError("codes and weights must have one length", lengths, "Pass one entry for each pair.")


def check_table(table: pa.Table | None, size: int, what: str) -> None:
    """Raise InputError unless an item or user table has `size` rows and its id as first column."""
    if table is not None and (table.num_rows != size or table.column_names[:1] != [f"{what}_id"]):
        found = f"{table.num_rows} rows, columns {table.column_names}"
        required = f"`{what}_table` must have {size} rows and `{what}_id` as first column"
        raise InputError(required, found, "Pass the table in code order.")
