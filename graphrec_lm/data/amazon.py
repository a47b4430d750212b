"""Amazon Reviews 2023: rating CSV files, with titles from the metadata JSON lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pa_json

from graphrec_lm.data.dataset import Dataset
from graphrec_lm.data.delimited import COMMA, Source, check_file
from graphrec_lm.data.frames import require, to_arrow
from graphrec_lm.data.parsing import read_delimited
from graphrec_lm.data.readers import from_tables
from graphrec_lm.errors import InputError

_NAMES = {"parent_asin": "item_id"}


def read_amazon(ratings: Source, items: Any = None, *, positive: str | None = None) -> Dataset:
    """Return the Dataset of an Amazon-2023 CSV `user_id,parent_asin,rating,timestamp`, plain or .gz.

    See https://amazon-reviews-2023.github.io (Hou et al., 2024). `parent_asin` becomes `item_id`, always
    text; `timestamp` is in milliseconds.

    Parameters
    ----------
    ratings : path
        The CSV file ("rating only", "0-core" or "5-core").
    items : path or dataframe, optional
        `meta_<category>.jsonl[.gz]`, or a frame with `parent_asin` (or `item_id`) and `title`. Only items
        that occur in the ratings are kept: the metadata file holds the whole shop.
    positive : str, optional
        Which ratings are edges, e.g. "rating >= 4"; default: all.

    Raises
    ------
    InputError
        On a broken row (file and line), on missing columns, and if an item has no title.
    """
    rows = read_delimited(
        ratings, COMMA, columns=_NAMES, numeric=["rating"], texts=["user_id", "item_id", "history"]
    )
    rows = _named(rows)
    require(rows, ["user_id", "item_id"], f"{ratings}")
    table = None if items is None else _touched(_named(_items(items)), rows)
    return from_tables(rows, table, positive=positive)


def _named(table: pa.Table) -> pa.Table:
    return table.rename_columns([_NAMES.get(name, name) for name in table.column_names])


def _items(items: Any) -> pa.Table:
    if not isinstance(items, (str, Path)):
        return to_arrow(items, "items")[0]
    path = check_file(items)
    schema = pa.schema([("parent_asin", pa.string()), ("title", pa.string()), ("main_category", pa.string())])
    options = pa_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    try:
        return pa_json.read_json(
            path, parse_options=options, read_options=pa_json.ReadOptions(block_size=64 << 20)
        )
    except pa.ArrowInvalid as error:
        found = str(error).splitlines()[0]
        raise InputError(
            f"{path} must hold one JSON object a line", found, "Check that the file is whole."
        ) from None


def _touched(items: pa.Table, rows: pa.Table) -> pa.Table:
    require(items, ["item_id"], "items")
    ids = items["item_id"].cast(pa.large_string())
    items = items.set_column(items.column_names.index("item_id"), "item_id", ids)
    return items.filter(pc.is_in(ids, value_set=rows["item_id"].unique()))
