"""Readers of single tables: CSV, TSV and Parquet files to a Dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from graphrec_lm.data.dataset import Dataset
from graphrec_lm.data.delimited import COMMA, TAB, Format, Source, check_file
from graphrec_lm.data.parsing import one_kind, read_delimited
from graphrec_lm.data.positive import PositiveRule
from graphrec_lm.errors import InputError


def from_tables(
    interactions: pa.Table,
    items: Any = None,
    users: Any = None,
    *,
    columns: Mapping[str, str] | None = None,
    positive: str | None = None,
) -> Dataset:
    """Return the Dataset of tables read from files; its frames come back in pandas."""
    return replace(
        Dataset.from_frame(interactions, items, users, columns=columns, positive=positive), backend="pandas"
    )


def read_csv(
    interactions: Source,
    items: Source | None = None,
    users: Source | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    positive: str | None = None,
    encoding: str = "utf-8",
) -> Dataset:
    """Return the Dataset of comma-separated files with a header line (.gz, .bz2 and .zst are unpacked).

    Ids that are all canonical integers become integers, else they stay texts ("007" is a text).

    Parameters
    ----------
    interactions, items, users : path
        The files; columns as in `Dataset.from_frame`.
    columns, positive
        As in `Dataset.from_frame`.
    encoding : str
        Encoding of the files, e.g. "latin-1".

    Raises
    ------
    InputError
        Naming file and line of the first row with a wrong number of fields or an unparsable number.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "rows.csv"
    ...     _ = path.write_text("user_id,item_id\\n1,a\\n2,b\\n")
    ...     read_csv(path).items.ids
    array(['a', 'b'], dtype=object)
    """
    return _read(interactions, items, users, columns, positive, replace(COMMA, encoding=encoding))


def read_tsv(
    interactions: Source,
    items: Source | None = None,
    users: Source | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    positive: str | None = None,
    encoding: str = "utf-8",
) -> Dataset:
    """Return the Dataset of tab-separated files; as `read_csv`, but quotes are ordinary characters."""
    return _read(interactions, items, users, columns, positive, replace(TAB, encoding=encoding))


def read_parquet(
    interactions: Source,
    items: Source | None = None,
    users: Source | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    positive: str | None = None,
) -> Dataset:
    """Return the Dataset of Parquet files, or of folders of them; parameters as in `read_csv`."""
    tables = [None if source is None else _parquet(source) for source in (interactions, items, users)]
    return from_tables(*tables, columns=columns, positive=positive)


def _read(
    interactions: Source,
    items: Source | None,
    users: Source | None,
    columns: Mapping[str, str] | None,
    positive: str | None,
    form: Format,
) -> Dataset:
    numeric = ["rating", "weight"]  # of the interactions: an item may be rated PG-13
    if positive is not None:
        rule = PositiveRule.parse(positive)
        numeric += [] if isinstance(rule.value, str) else [rule.column]
    sources = [
        None if source is None else read_delimited(source, form, columns=columns, numeric=numbers)
        for source, numbers in ((interactions, numeric), (items, ()), (users, ()))
    ]
    return from_tables(*one_kind(sources, columns), columns=columns, positive=positive)


def _parquet(source: Source) -> pa.Table:
    path = check_file(source, or_folder=True)
    try:
        table = pq.read_table(path)
        pa.default_memory_pool().release_unused()  # as much as the table: what decoding it took
        return table
    except (pa.ArrowInvalid, OSError) as error:
        found = str(error).splitlines()[0]
        raise InputError(f"{path} must be a Parquet file", found, "Check that the file is whole.") from None
