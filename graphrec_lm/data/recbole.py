"""RecBole atomic files: `.inter`, `.item`, `.user` with typed headers such as `user_id:token`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from graphrec_lm.data.dataset import Dataset
from graphrec_lm.data.delimited import TAB, Source, check_file, check_names, read_texts
from graphrec_lm.data.parsing import infer, one_kind, typed
from graphrec_lm.data.readers import from_tables
from graphrec_lm.errors import InputError, did_you_mean

TYPES = ("token", "token_seq", "float", "float_seq")


def read_recbole(
    source: Source, *, columns: Mapping[str, str] | None = None, positive: str | None = None
) -> Dataset:
    """Return the Dataset of RecBole atomic files (https://recbole.io/docs/user_guide/data/atomic_files.html).

    Parameters
    ----------
    source : path
        The `.inter` file, or a folder with one; `.item` and `.user` files of the same stem are read too (of
        `ml.train.inter` those of `ml.train`, or else of `ml`).
    columns : mapping, optional
        Names in the files (without type) -> `user_id`, `item_id`, `title`, ... A single item column that ends
        in "title", such as `movie_title`, is the title without being named.
    positive : str, optional
        As in `Dataset.from_frame`.

    Raises
    ------
    InputError
        On a header without types, and on a broken row (file and line).
    """
    inter = _inter_file(Path(source))
    paths = [inter, _beside(inter, ".item"), _beside(inter, ".user")]
    mapping = dict(columns or {})
    tables = [_read(path, mapping) if path == inter or path.is_file() else None for path in paths]
    rows, items, users = one_kind(tables, mapping)
    if items is not None:
        mapping |= _title_column(items, mapping)
    return from_tables(rows, items, users, columns=mapping, positive=positive)


def _inter_file(source: Path) -> Path:
    if not source.is_dir():
        return check_file(source)
    files = sorted(source.glob("*.inter"))
    if len(files) != 1:
        raise InputError(
            f"{source} must hold one .inter file", [f.name for f in files], "Pass the file itself."
        )
    return files[0]


def _beside(inter: Path, suffix: str) -> Path:
    """The table that goes with the interactions, of one part of a benchmark or of all."""
    own = inter.with_suffix(suffix)
    is_part = Path(inter.stem).suffix in (".train", ".valid", ".test")
    return inter.with_name(Path(inter.stem).stem + suffix) if is_part and not own.is_file() else own


def _read(path: Path, columns: Mapping[str, str]) -> pa.Table:
    table = read_texts(path, TAB)
    named = [_name_and_type(path, header) for header in table.column_names]
    check_names(path, 1, [name for name, _ in named])
    kinds = dict(named)
    table = table.rename_columns(list(kinds))
    numbers = {name for name, kind in kinds.items() if kind == "float"}
    ids = [name for name in kinds if columns.get(name, name) in ("user_id", "item_id")]
    table = typed(table, path, TAB, {}, numbers, set(kinds) - numbers)
    for name in ids:
        table = table.set_column(table.column_names.index(name), name, infer(table[name], ids=True))
    return table


def _name_and_type(path: Path, header: str) -> tuple[str, str]:
    name, colon, kind = header.rpartition(":")
    if not colon or kind not in TYPES:
        required = f"{path}, line 1: each column must be name:type with a type of {', '.join(TYPES)}"
        raise InputError(required, repr(header), did_you_mean(kind, TYPES))
    return name, kind


def _title_column(items: pa.Table, columns: Mapping[str, str]) -> dict[str, str]:
    names = [columns.get(name, name) for name in items.column_names]
    candidates = [name for name in items.column_names if name.endswith("title")]
    return {candidates[0]: "title"} if "title" not in names and len(candidates) == 1 else {}
