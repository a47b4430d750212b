"""Rows for click models from the library's Datasets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError


def rows_of(dataset: Dataset) -> Any:
    """Every interaction, positive or not, with the columns of its user and its item; in the caller's library.

    Parameters
    ----------
    dataset : Dataset

    Returns
    -------
    dataframe
        The columns of the interactions, then those of the user and item tables (a name that is taken gets the
        suffix `_user` or `_item`).

    Notes
    -----
    With `positive=` the split "random" shares out the positive rows and leaves all others in train:
    `rows_of(split.valid)` is of one class and can't say when to stop. Split these rows themselves by a
    permutation, or the Dataset by time ("global_time", "leave_last_out"), which puts each row, positive or
    not, where its time belongs; so does "from_column" where the column has a value.

    Examples
    --------
    >>> import graphrec_lm as gl
    >>> rows_of(gl.load_dataset("movielens-small")).columns.tolist()[:5]
    ['user_id', 'item_id', 'rating', 'timestamp', 'split']
    """
    if not isinstance(dataset, Dataset):
        raise InputError("`dataset` must be a Dataset", type(dataset).__name__, "Join dataframes by hand.")
    rows = dataset.interactions
    columns: dict[str, Any] = {
        "user_id": dataset.users.ids[rows.user_codes], "item_id": dataset.items.ids[rows.item_codes],
    }  # fmt: skip
    for name in rows.columns.column_names:
        columns.setdefault(name, rows.columns[name])
    for side, table, codes in (
        ("user", dataset.user_table, rows.user_codes),
        ("item", dataset.item_table, rows.item_codes),
    ):
        if table is None:
            continue
        for name in table.column_names[1:]:
            free = name
            while free in columns:
                free += f"_{side}"
            columns[free] = table[name].take(pa.array(np.asarray(codes, np.int64)))
    table = pa.table(columns)
    if dataset.backend == "pyarrow":
        return table
    if dataset.backend == "polars":
        import polars as pl

        return pl.from_arrow(table)
    return table.to_pandas()
