"""A Dataset with more items, or with more interactions; what it had keeps its codes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from graphrec_lm.data.edges import merge_pairs
from graphrec_lm.data.frames import rename, require, to_arrow
from graphrec_lm.data.idmap import IdMap
from graphrec_lm.data.ids import distinct, id_values, kind_of
from graphrec_lm.data.interactions import Interactions
from graphrec_lm.data.reading import read_rows
from graphrec_lm.data.tables import read_entities
from graphrec_lm.errors import InputError, check_choice, first_few

if TYPE_CHECKING:
    from graphrec_lm.data.dataset import Dataset


def with_items(dataset: Dataset, frame: Any) -> Dataset:
    """Return `dataset` with more items, after those it has; see `Dataset.with_items`."""
    table = rename(to_arrow(frame, "items")[0], dataset.rules.columns, "items")
    require(table, ["item_id", *["title"] * dataset.has_titles], "items")
    if not table.num_rows:
        return dataset
    ids, ordered = read_entities(table, "item")
    _check_kind(id_values(table["item_id"], "item_id"), dataset.items, "item")
    present = dataset.items.codes(ids.ids, on_unknown="mark") >= 0
    if present.any():
        found = f"{first_few(ids.ids[present].tolist(), int(present.sum()))} already there"
        raise InputError("items to add must be new", found, "Leave them out.")
    items = IdMap(np.concatenate([dataset.items.ids, ids.ids]))
    return replace(dataset, items=items, item_table=_joined(dataset.item_table, ordered, "items"))


def with_interactions(dataset: Dataset, frame: Any, on_unknown: str = "raise") -> Dataset:
    """Return `dataset` with more interactions, and their new users; see `Dataset.with_interactions`."""
    check_choice("on_unknown", on_unknown, ("raise", "drop"))
    rows = rename(to_arrow(frame, "interactions")[0], dataset.rules.columns, "interactions")
    _check_columns(rows, dataset)
    policy, remedy = (
        "mark" if on_unknown == "drop" else "raise",
        "Add the items first, or pass on_unknown='drop'.",
    )
    items = dataset.items.codes(rows["item_id"], on_unknown=policy, remedy=remedy)
    rows, items = rows.filter(pa.array(items >= 0)), items[items >= 0]
    if not rows.num_rows:
        return dataset
    users, known = _with_users(dataset.users, rows["user_id"])
    shape = len(users), dataset.n_items
    added, edges = read_rows(rows, known, items, shape, dataset.rules.positive)
    before = dataset.edges
    weights = None if before.weights is None else np.concatenate([before.weights, edges.weights])
    merged = merge_pairs(
        np.concatenate([before.users, edges.users]),
        np.concatenate([before.indices, edges.indices]),
        weights,
        *shape,
    )
    table = dataset.user_table
    if table is not None:
        table = _joined(table, pa.table({"user_id": users.ids[dataset.n_users :]}), "users")
    grown = replace(dataset, users=users, user_table=table, **merged._asdict())
    return replace(grown, interactions=_appended(dataset.interactions, added))


def _check_columns(rows: pa.Table, dataset: Dataset) -> None:
    rule = dataset.rules.positive
    require(rows, ["user_id", "item_id", *([] if rule is None else [rule.column])], "interactions")
    weighted = "weight" in rows.column_names
    if weighted != (dataset.weights is not None) and dataset.n_interactions:
        found = "with weights" if weighted else "without weights"
        required = "new interactions must have a column `weight` if and only if the old ones have"
        raise InputError(required, found, "Add the column, or drop it.")


def _with_users(users: IdMap, values: Any) -> tuple[IdMap, np.ndarray]:
    """The users and, after them, the new ones, sorted; and the codes of the rows."""
    asked = id_values(values, "user_id")
    _check_kind(asked, users, "user")
    codes = users.codes(asked, what="user", on_unknown="mark")
    if not len(codes) or codes.min() >= 0:
        return users, codes
    unknown = asked.filter(pa.array(codes < 0)) if isinstance(asked, pa.Array) else asked[codes < 0]
    grown = IdMap(np.concatenate([users.ids, distinct(unknown)]))
    return grown, grown.codes(asked, what="user")


def _check_kind(new: np.ndarray | pa.Array, known: IdMap, what: str) -> None:
    if kind_of(new) != known.kind:
        ids = distinct(new).tolist()
        required = f"ids of new {what}s must be {known.kind}, as the known ones"
        raise InputError(required, f"{kind_of(new)}: {first_few(ids, len(ids))}", "Convert them.")


def _joined(table: pa.Table, more: pa.Table, what: str) -> pa.Table:
    """Both tables, one after the other, with the columns of the first; absent values are null."""
    kept = more.select([name for name in more.column_names if name in table.column_names])
    table, kept = _decoded(table, kept), _decoded(kept, table)
    try:
        return pa.concat_tables([table, kept], promote_options="permissive")
    except pa.ArrowException as error:
        required = f"columns of new {what} must be of the type that they have"
        raise InputError(required, str(error), "Convert them.") from None


def _decoded(table: pa.Table, other: pa.Table) -> pa.Table:
    """The table, its categorical columns plain ones where the other's are of another type."""
    for place, field in enumerate(table.schema):
        differs = field.name in other.column_names and other.schema.field(field.name).type != field.type
        if differs and pa.types.is_dictionary(field.type):
            column = table[field.name].cast(field.type.value_type)
            table = table.set_column(place, field.name, column)
    return table


def _appended(rows: Interactions, more: Interactions) -> Interactions:
    """All rows; the columns are those of the old ones."""
    columns = rows.columns
    if columns.num_columns:
        columns = _joined(columns, more.columns, "interactions")
        if len(columns) != len(rows) + len(more):  # the new rows share no column
            raise InputError("new interactions must share a column with the old ones", "none", "Add one.")
    users = np.concatenate([rows.user_codes, more.user_codes])
    items = np.concatenate([rows.item_codes, more.item_codes])
    return Interactions(users, items, np.concatenate([rows.positive, more.positive]), columns)
