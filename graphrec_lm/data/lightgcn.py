"""LightGCN and AlphaRec lists: `train.txt`, `valid.txt`, `test.txt` with lines "user item item ..."."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec_lm.data.dataset import Dataset
from graphrec_lm.data.delimited import Source, broken_row, check_file, lines_of
from graphrec_lm.data.frames import to_arrow
from graphrec_lm.data.readers import from_tables
from graphrec_lm.errors import InputError

PARTS = ("train", "valid", "test")


def read_lightgcn(source: Source, *, items: Any = None, users: Any = None) -> Dataset:
    """Return the Dataset of lists "user item item ...", as LightGCN and AlphaRec (`cf_data`) ship them.

    The part of each row is in the column `split`: `dataset.split("from_column")` gives the published split.

    Parameters
    ----------
    source : path
        `train.txt`, or a folder with it or with `cf_data/train.txt`; `valid.txt` and `test.txt` beside it are
        read too. Ids are integers; a user without items is legal and left out.
    items, users : dataframe, optional
        As in `Dataset.from_frame`: the titles are not in the lists.

    Raises
    ------
    InputError
        If there is no `train.txt`, or on a line with something else than integers (file and line).
    """
    train = _train_file(Path(source))
    files = {part: train.with_name(f"{part}.txt") for part in PARTS} | {"train": train}
    lists = read_lists({part: path for part, path in files.items() if path.is_file()})
    extra = [
        None if frame is None else to_arrow(frame, what)[0]
        for frame, what in ((items, "items"), (users, "users"))
    ]
    return from_tables(lists, *extra)


def read_lists(files: Mapping[str, Path]) -> pa.Table:
    """Return the columns `user_id`, `item_id` and `split` of the files of each part.

    Raises
    ------
    InputError
        On a line with something else than integers.
    """
    return pa.concat_tables([_read(path, part) for part, path in files.items()])


def _train_file(source: Path) -> Path:
    if not source.is_dir():
        return check_file(source)
    for path in (source / "train.txt", source / "cf_data" / "train.txt"):
        if path.is_file():
            return path
    found = sorted(p.name for p in source.iterdir())[:8]
    raise InputError(
        f"{source} must hold train.txt or cf_data/train.txt", found, "Pass the folder of the lists."
    )


def _read(path: Path, part: str) -> pa.Table:
    lines = lines_of(path)
    text = pc.utf8_trim_whitespace(pa.array(lines, pa.large_string()))
    filled = np.flatnonzero(pc.not_equal(text, "").to_numpy(zero_copy_only=False))
    tokens = pc.utf8_split_whitespace(text.take(pa.array(filled)))
    counts = pc.list_value_length(tokens).to_numpy().astype(np.int64)
    heads = np.cumsum(counts) - counts
    ids = _integers(tokens.flatten(), path, filled + 1, heads)
    item_ids = np.delete(ids, heads)
    user_ids = np.repeat(ids[heads], counts - 1)
    return pa.table({"user_id": user_ids, "item_id": item_ids, "split": pa.repeat(part, len(item_ids))})


def _integers(tokens: pa.Array, path: Path, lines: np.ndarray, heads: np.ndarray) -> np.ndarray:
    good = pc.match_substring_regex(tokens, r"^[0-9]{1,18}$").to_numpy(zero_copy_only=False)
    if not good.all():
        first = int(np.argmin(good))
        line = int(lines[np.searchsorted(heads, first, side="right") - 1])
        raise broken_row(path, line, "each id must be an integer", repr(tokens[first].as_py()))
    return tokens.cast(pa.int64()).to_numpy()
