"""From Arrow tables with external ids to codes, rows and edges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from graphrec_lm.data.edges import Edges, merge_pairs
from graphrec_lm.data.frames import rename, require
from graphrec_lm.data.idmap import IdMap
from graphrec_lm.data.ids import id_values
from graphrec_lm.data.interactions import Interactions
from graphrec_lm.data.positive import PositiveRule
from graphrec_lm.data.tables import encode, read_entities
from graphrec_lm.errors import InputError, first_few


@dataclass(frozen=True)
class Rules:
    """How a Dataset read its frames: the renaming of columns and the rule for edges."""

    columns: Mapping[str, str] = field(default_factory=dict)
    positive: PositiveRule | None = None


def read_universe(
    rows: pa.Table, table: pa.Table | None, what: str, columns: Mapping[str, str]
) -> tuple[IdMap, pa.Table | None, np.ndarray]:
    """Return the IdMap, the table in code order and the codes of the rows, for "user" or "item".

    With a table its row order gives the codes; without one the touched ids, sorted, do.
    """
    name = f"{what}_id"
    values = id_values(rows[name], name)
    if table is None:
        ids, ordered = IdMap.from_values(values, name), None
    else:
        ids, ordered = read_entities(rename(table, columns, f"{what}s"), what)
    if len(ids) < 2:
        remedy = "A recommender compares people and things: give it more rows."
        raise InputError(f"a Dataset must have at least 2 {what}s", len(ids), remedy)
    codes = encode(values, ids, what)
    del values
    pa.default_memory_pool().release_unused()  # the column in one piece
    return ids, ordered, codes


def read_rows(
    rows: pa.Table,
    user_codes: np.ndarray,
    item_codes: np.ndarray,
    shape: tuple[int, int],
    positive: PositiveRule | None,
) -> tuple[Interactions, Edges]:
    """Return the coded rows and the merged edges of a checked interaction table.

    Parameters
    ----------
    rows : pyarrow.Table [n]
        With `user_id` and `item_id`; a column `weight` gives the weights of the edges.
    user_codes : int32 [n]
        Codes of `user_id`.
    item_codes : int32 [n]
        Codes of `item_id`.
    shape : (int, int)
        Number of users and items.
    positive : PositiveRule, optional
        Which rows are edges; None means every row.
    """
    mask = np.ones(rows.num_rows, dtype=bool) if positive is None else positive.mask(rows)
    weights = row_weights(rows, mask)
    others = rows.drop_columns(["user_id", "item_id"])
    interactions = Interactions(user_codes, item_codes, mask, others)
    if positive is not None:
        user_codes, item_codes = user_codes[mask], item_codes[mask]
    return interactions, merge_pairs(user_codes, item_codes, weights, *shape)


def check_rows(rows: pa.Table) -> None:
    """Raise unless an interaction table has rows and the two id columns."""
    require(rows, ["user_id", "item_id"], "interactions")
    if rows.num_rows == 0:
        raise InputError("`interactions` must have rows", "an empty table", "Check the file or the filter.")


def check_edges(edges: Edges, positive: PositiveRule | None, n_rows: int) -> None:
    """Raise unless some row is an edge."""
    if len(edges.indices) == 0:
        required = f'`positive` ("{positive}") must hold for some row'
        raise InputError(required, f"none of {n_rows} rows", "Choose a wider rule.")


def row_weights(rows: pa.Table, mask: np.ndarray) -> np.ndarray | None:
    """Return the column `weight` of the rows in `mask`, float64, checked; None without that column."""
    if "weight" not in rows.column_names:
        return None
    column = rows["weight"]
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise InputError(
            "`weight` must hold numbers", f"{column.type} values", "Convert it with .astype(float)."
        )
    weights = column.cast(pa.float64(), safe=False).to_numpy()
    wrong = np.flatnonzero(mask & ~(np.isfinite(weights) & (weights > 0)))
    if len(wrong):
        found = f"{weights[wrong[0]]} at row {wrong[0]}; rows {first_few(wrong.tolist(), len(wrong))}"
        remedy = 'Repair those rows, or leave them out, e.g. by positive="weight > 0".'
        raise InputError("every `weight` must be finite and > 0", found, remedy)
    return weights[mask]
