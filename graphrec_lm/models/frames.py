"""Codes to ids, once, at the end of the house: the frames that users see."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from graphrec_lm.data import Dataset
from graphrec_lm.data.frames import is_frame, rename, to_arrow
from graphrec_lm.errors import InputError, check_number
from graphrec_lm.files import atomic_file
from graphrec_lm.models.people import known_codes
from graphrec_lm.progress import Progress

_STREAM_ROWS = 4096
_NAN = "Use {what}s of the Dataset, or pass on_unknown='nan'."

Columns = dict[str, Any]


def recommendations(dataset: Dataset, user_ids: Any, codes: Any, scores: Any) -> Any:
    """The frame `user_id, item_id, title, rank, score` of top-k codes [n, k] (-1 is padding)."""
    return dataset.frame(_recommendation_columns(dataset, user_ids, codes, scores))


def _recommendation_columns(dataset: Dataset, user_ids: Any, codes: Any, scores: Any) -> Columns:
    rows, places = np.nonzero(codes >= 0)
    items = codes[rows, places]
    columns = {"user_id": user_ids[rows], **item_columns(dataset, items)}
    return columns | {"rank": places + 1, "score": scores[rows, places]}


def similar(dataset: Dataset, asked: NDArray[np.int32], codes: Any, scores: Any) -> Any:
    """The frame `item_id, target_item_id, title, rank, score`."""
    rows, places = np.nonzero(codes >= 0)
    targets, ids = codes[rows, places], dataset.items.ids
    columns = {"item_id": ids[asked[rows]], "target_item_id": ids[targets], **_titles(dataset, targets)}
    return dataset.frame(columns | {"rank": places + 1, "score": scores[rows, places]})


def similar_users(dataset: Dataset, asked: NDArray[np.int32], codes: Any, scores: Any) -> Any:
    """The frame `user_id, target_user_id, rank, score`."""
    rows, places = np.nonzero(codes >= 0)
    ids = dataset.users.ids
    columns = {"user_id": ids[asked[rows]], "target_user_id": ids[codes[rows, places]], "rank": places + 1}
    return dataset.frame(columns | {"score": scores[rows, places]})


def explanation(
    dataset: Dataset, history: NDArray[np.int32], values: Any, k: int, parts: Columns | None = None
) -> Any:
    """The frame `item_id, title, rank, score` of the k largest contributions, and what they are made of."""
    check_number("k", k, least=1, integer=True)
    order = np.argsort(-values, kind="stable")[:k]
    columns = item_columns(dataset, history[order]) | {"rank": np.arange(1, len(order) + 1)}
    named = {name: part[order] for name, part in (parts or {}).items()}
    return dataset.frame(columns | {"score": values[order]} | named)


def item_columns(dataset: Dataset, codes: Any) -> Columns:
    """The columns `item_id` and, if there are any, `title` of items."""
    return {"item_id": dataset.items.ids[codes], **_titles(dataset, codes)}


def _titles(dataset: Dataset, codes: Any) -> Columns:
    if not dataset.has_titles:
        return {}
    return {"title": dataset.item_table["title"].take(pa.array(codes)).to_pylist()}


def stream_to_parquet(
    dataset: Dataset,
    path: str | os.PathLike[str],
    block: Callable[[int, int], tuple[Any, Any, Any]],
    n: int,
    verbose: bool,
) -> None:
    """Write the recommendations of `n` people, block by block, to a file replaced atomically."""
    schema = _schema(dataset)
    with (
        atomic_file(path) as temporary,
        pq.ParquetWriter(temporary, schema) as writer,
        Progress(n, "recommend", "users", enabled=verbose) as bar,
    ):
        for start in range(0, n, _STREAM_ROWS):
            stop = min(start + _STREAM_ROWS, n)
            columns = _recommendation_columns(dataset, *block(start, stop))
            writer.write_table(pa.table(columns, schema=schema))
            bar.advance(stop - start)


def _schema(dataset: Dataset) -> pa.Schema:
    """The columns of `recommendations`."""
    types = dataset.frame_types
    names = ["user_id", "item_id", *["title"] * dataset.has_titles]
    return pa.schema(
        [*((name, types[name]) for name in names), ("rank", pa.int64()), ("score", pa.float32())]
    )


def known_items(dataset: Dataset, items: Any, on_unknown: str) -> NDArray[np.int32]:
    """Codes of the items asked about."""
    return known_codes(dataset.items, items, "item", on_unknown)


def pair_codes(
    dataset: Dataset, pairs: Any, on_unknown: str = "raise"
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Codes of users and items to predict, of a frame or pairs (user_id, item_id); -1 for unknown ones."""
    if is_frame(pairs):
        users, items = pair_columns(dataset, pairs, "pairs", "Rename the columns.")
    else:
        pairs = list(pairs) if isinstance(pairs, Iterable) else [pairs]
        if any(not isinstance(pair, tuple | list | np.ndarray) or len(pair) != 2 for pair in pairs):
            required, remedy = "`pairs` must hold (user_id, item_id) tuples", "Write [(user, item), ...]."
            raise InputError(required, repr(pairs[:3]), remedy)
        users, items = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return (
        known_codes(dataset.users, users, "user", on_unknown, keep=True, remedy=_NAN),
        known_codes(dataset.items, items, "item", on_unknown, keep=True, remedy=_NAN),
    )


def pair_columns(dataset: Dataset, frame: Any, what: str, remedy: str) -> tuple[Any, Any]:
    """The columns `user_id` and `item_id` of a frame, or what the Dataset's `columns` call so."""
    table = rename(to_arrow(frame, what)[0], dataset.rules.columns, what)
    if not {"user_id", "item_id"} <= set(table.column_names):
        raise InputError(f"`{what}` must have columns user_id and item_id", table.column_names, remedy)
    return table["user_id"], table["item_id"]
