"""One Dataset in terms of another: fewer items, or the ids of another Dataset."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from graphrec_lm.data.edges import Edges, merge_pairs
from graphrec_lm.data.frames import rename, require, to_arrow
from graphrec_lm.data.idmap import DROP, IdMap
from graphrec_lm.data.interactions import Interactions
from graphrec_lm.data.reading import read_rows
from graphrec_lm.errors import InputError

if TYPE_CHECKING:
    from graphrec_lm.data.dataset import Dataset


def restrict_items(dataset: Dataset, ids: Any) -> Dataset:
    """Return `dataset` on these items alone; see `Dataset.restrict_items`."""
    kept = np.unique(dataset.items.codes(ids))
    if len(kept) < 2:
        raise InputError("a Dataset must have at least 2 items", len(kept), "Name more item ids.")
    codes = np.full(dataset.n_items, -1, dtype=np.int32)
    codes[kept] = np.arange(len(kept), dtype=np.int32)
    edges = dataset.edges.select(codes[dataset.indices] >= 0)
    rows = dataset.interactions.select(codes[dataset.interactions.item_codes] >= 0)
    narrowed = replace(
        dataset,
        items=IdMap(dataset.items.ids[kept]),
        item_table=dataset.item_table.take(pa.array(kept)),
    )
    return with_rows(
        narrowed,
        edges._replace(indices=codes[edges.indices]),
        replace(rows, item_codes=codes[rows.item_codes]),
    )


def align_frame(dataset: Dataset, frame: Any, on_unknown: str = "raise") -> Dataset:
    """Return a frame, read by the rules of `dataset`, as a Dataset that shares its IdMaps."""
    rows = rename(to_arrow(frame, "interactions")[0], dataset.rules.columns, "interactions")
    require(rows, ["user_id", "item_id"], "interactions")
    policy = "mark" if on_unknown == "drop" else "raise"
    users = dataset.users.codes(rows["user_id"], what="user", on_unknown=policy, remedy=DROP)
    items = dataset.items.codes(rows["item_id"], what="item", on_unknown=policy, remedy=DROP)
    known = (users >= 0) & (items >= 0)
    if not known.all():
        rows, users, items = rows.filter(pa.array(known)), users[known], items[known]
    shape = (dataset.n_users, dataset.n_items)
    interactions, edges = read_rows(rows, users, items, shape, dataset.rules.positive)
    return with_rows(dataset, edges, interactions)


def align_dataset(dataset: Dataset, other: Dataset, on_unknown: str = "raise") -> Dataset:
    """Return `other` as a Dataset that shares the IdMaps of `dataset`."""
    rows, edges = other.interactions, other.edges
    users = dataset.users.codes(other.users.ids, what="user", on_unknown="mark")
    items = dataset.items.codes(other.items.ids, what="item", on_unknown="mark")
    if on_unknown == "drop":
        rows = rows.select((users[rows.user_codes] >= 0) & (items[rows.item_codes] >= 0))
        edges = edges.select((users[edges.users] >= 0) & (items[edges.indices] >= 0))
    coded = replace(rows, user_codes=users[rows.user_codes], item_codes=items[rows.item_codes])
    if (coded.user_codes < 0).any():
        dataset.users.codes(other.users.ids[rows.user_codes[coded.user_codes < 0]], what="user")
    if (coded.item_codes < 0).any():
        dataset.items.codes(other.items.ids[rows.item_codes[coded.item_codes < 0]], what="item")
    shape = (dataset.n_users, dataset.n_items)
    merged = merge_pairs(users[edges.users], items[edges.indices], edges.weights, *shape)
    return with_rows(dataset, merged, coded)


def with_rows(dataset: Dataset, edges: Edges, interactions: Interactions) -> Dataset:
    """Return `dataset` with other edges and rows; ids, tables and rules stay."""
    return replace(dataset, **edges._asdict(), interactions=interactions)
