"""The folders that the authors of AlphaRec released: lists in `cf_data`, title vectors in `item_info`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec_lm.data.dataset import Dataset
from graphrec_lm.data.delimited import Source, broken_row, check_file, lines_of
from graphrec_lm.data.lightgcn import PARTS, read_lists
from graphrec_lm.data.readers import from_tables
from graphrec_lm.errors import InputError, did_you_mean

EMBEDDINGS = "item_cf_embeds_large3_array.npy"
TITLES = "item_raw_info.txt"


def read_alpharec(source: Source, *, embeddings: str | None = None, titles: Source | None = None) -> Dataset:
    """Return the Dataset of a folder such as `amazon_movie` (https://github.com/LehengTHU/AlphaRec).

    It holds `cf_data/train.txt`, `valid.txt` and `test.txt` with lines "user item item ..." and
    `item_info/*.npy` with a row for each item, in the order of their numbers. `dataset.split("from_column")`
    gives the published split. The vectors are `alpharec_vectors(folder)`: with them as `embeddings`,
    `PrecomputedEncoder(texts=dataset.titles, embeddings=...)` is the encoder.

    Parameters
    ----------
    source : path
        The folder.
    embeddings : str, optional
        Name of the file in `item_info` whose rows are the items; see `alpharec_vectors`.
    titles : path, optional
        Text file of the titles: line n + 1 is that of item n, or every line is "number<tab>title". None:
        `item_info/item_raw_info.txt` if it is there. An item without title is called "item 17"; where several
        have one title, "(item 17)" is added, since equal texts must have equal vectors.

    Raises
    ------
    InputError
        If a file is missing or broken, or if an item of the lists has no row or no line.
    """
    folder, (n_items, _) = Path(source), alpharec_vectors(source, embeddings).shape
    lists = read_lists({part: check_file(folder / "cf_data" / f"{part}.txt") for part in PARTS})
    largest = pc.max(lists["item_id"]).as_py()
    if largest is not None and largest >= n_items:
        remedy = "Take the lists and the vectors of one release."
        raise InputError(f"items must be < {n_items}, the rows in item_info", f"item {largest}", remedy)
    path = folder / "item_info" / TITLES if titles is None else check_file(titles)
    found = _titles(path, n_items) if path.is_file() else [""] * n_items
    table = pa.table({"item_id": np.arange(n_items), "title": pa.array(_distinct(found), pa.large_string())})
    return from_tables(lists, table)


def alpharec_vectors(source: Source, embeddings: str | None = None) -> np.ndarray:
    """Return the title vectors of such a folder, float [n_items, dim], as they are in the file.

    Parameters
    ----------
    source : path
        The folder.
    embeddings : str, optional
        Name of the file in `item_info`. None: the only one there, or among several
        `item_cf_embeds_large3_array.npy`, OpenAI's text-embedding-3-large.

    Raises
    ------
    InputError
        If there is no such file, or it is no matrix of numbers.
    """
    folder = Path(source) / "item_info"
    names = sorted(path.name for path in folder.glob("*.npy"))
    chosen = embeddings or (EMBEDDINGS if len(names) != 1 else names[0])
    if chosen not in names:
        found = f"{', '.join(names) or 'no .npy file'}"
        remedy = f"Pass embeddings=. {did_you_mean(chosen, names)}" if names else "Pass the dataset's folder."
        raise InputError(f"{folder} must hold {chosen}", found, remedy)
    remedy = "Save it as one array, its rows of one length."
    try:
        vectors = np.load(folder / chosen, allow_pickle=False, mmap_mode="r")
    except (ValueError, EOFError, OSError) as error:
        raise InputError(f"{folder / chosen} must be an array of numbers", error, remedy) from None
    if vectors.ndim != 2 or vectors.dtype.kind != "f":
        found = f"{vectors.dtype} {list(vectors.shape)}"
        raise InputError(f"{folder / chosen} must be a matrix of floats", found, remedy)
    return vectors


def _titles(path: Path, n_items: int) -> list[str]:
    """The titles of a file in the order of the items."""
    lines = lines_of(path)
    if len(lines) != n_items:
        remedy = "Give the file of these items, or move it away: they are called by their numbers then."
        raise InputError(f"{path} must have one line an item ({n_items})", len(lines), remedy)
    fields = [line.split("\t", 1) for line in lines]
    numbered = [len(field) == 2 and field[0].strip().isdecimal() for field in fields]
    if not any(numbered):
        return lines
    if not all(numbered):
        line = numbered.index(False) + 1
        raise broken_row(path, line, 'all lines or none must be "number<tab>title"', repr(lines[line - 1]))
    titles: dict[int, str] = {}
    for line, (number, title) in enumerate(fields, start=1):
        if int(number) in titles or int(number) >= n_items:
            raise broken_row(path, line, f"each item < {n_items} must come once", number)
        titles[int(number)] = title
    return [titles[item] for item in range(n_items)]


def _distinct(titles: list[str]) -> list[str]:
    """The titles, made distinct by the items' numbers where they are missing or repeated."""
    stripped = [title.strip() for title in titles]
    counts = Counter(stripped)
    return [
        (title if title and counts[title] == 1 else f"{title} (item {item})" if title else f"item {item}")
        for item, title in enumerate(stripped)
    ]
