"""The item and the user table: ids distinct and complete, titles present, rows in code order."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec_lm.data.frames import require
from graphrec_lm.data.idmap import IdMap
from graphrec_lm.data.ids import as_objects, distinct, id_values, kind_of
from graphrec_lm.errors import InputError, first_few


def read_entities(table: pa.Table, what: str) -> tuple[IdMap, pa.Table]:
    """Return the IdMap of an item or user table, and the table with `what`_id as first column.

    Parameters
    ----------
    table : pyarrow.Table
        With the column `item_id` or `user_id`; codes are given in the order of its rows.
    what : str
        "item" or "user".

    Raises
    ------
    InputError
        On a missing id column, on null, empty or duplicate ids, on missing titles.

    Examples
    --------
    >>> ids, table = read_entities(pa.table({"title": ["A", "B"], "item_id": [7, 3]}), "item")
    >>> ids.ids, table.column_names
    (array([7, 3]), ['item_id', 'title'])
    """
    name = f"{what}_id"
    require(table, [name], f"{what}s")
    values = as_objects(id_values(table[name], name))
    repeated = _repeated(values)
    if len(repeated):
        found = f"repeated {first_few(repeated.tolist(), len(repeated))}"
        raise InputError(f"`{name}` must be distinct in the {what} table", found, "Keep one row for each id.")
    ids = IdMap(values)
    rest = [column for column in table.column_names if column != name]
    ordered = table.select([name, *rest])
    if what == "item" and "title" in rest:
        ordered = _with_titles(ordered)
    return ids, ordered.combine_chunks()


def encode(values: np.ndarray | pa.Array, ids: IdMap, what: str) -> np.ndarray:
    """Return the codes of interacted ids, int32 [n]; InputError if the table lacks some of them."""
    kind, absent = kind_of(values), values
    if kind == ids.kind or not len(values):
        codes = ids.codes(values, what=what, on_unknown="mark")
        if len(codes) == 0 or codes.min() >= 0:
            return codes
        absent = values.filter(pa.array(codes < 0)) if isinstance(values, pa.Array) else values[codes < 0]
    absent = distinct(absent)
    remedy = f"Add them to the {what} table, or drop their interactions."
    if kind != ids.kind:
        remedy = f"The table's ids are {ids.kind}, those of the interactions are {kind}: convert them."
    found = f"missing {first_few(absent.tolist(), len(absent))}"
    raise InputError(f"the {what} table must hold every {what} of the interactions", found, remedy)


def _repeated(values: np.ndarray) -> np.ndarray:
    import pandas as pd

    index = pd.Index(values, dtype=values.dtype)
    return values[:0] if index.is_unique else pd.unique(values[index.duplicated()])


def _with_titles(table: pa.Table) -> pa.Table:
    column = table["title"]
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not (
        pa.types.is_string(column.type)
        or pa.types.is_large_string(column.type)
        or pa.types.is_string_view(column.type)
        or pa.types.is_null(column.type)
    ):
        raise InputError("`title` must hold texts", f"{column.type} values", "Convert it with .astype(str).")
    column = column.cast(pa.large_string())
    blank = pc.fill_null(pc.equal(pc.binary_length(pc.utf8_trim_whitespace(column)), 0), True)
    missing = table["item_id"].filter(blank).to_pylist()
    if missing:
        found = f"no title for {first_few(missing, len(missing))}"
        raise InputError("every item must have a title", found, "Fill them in, or drop the column or items.")
    return table.set_column(table.column_names.index("title"), "title", column)
