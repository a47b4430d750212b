"""Which items a list must not show: what was seen, what the caller excludes, what is no candidate."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.data import Dataset, IdMap
from graphrec_lm.data.frames import to_arrow
from graphrec_lm.errors import InputError
from graphrec_lm.kernels import join_rows
from graphrec_lm.models.people import People, known_codes

Codes = NDArray[np.int32]
Pattern = tuple[NDArray[np.int64], Codes]


def hidden_items(
    dataset: Dataset, people: People, filter_seen: bool, exclude: Any, on_unknown: str
) -> Pattern:
    """CSR pattern [people, items] of the items hidden from each person."""
    nothing = np.zeros(len(people) + 1, dtype=np.int64), np.zeros(0, dtype=np.int32)
    hidden = (people.indptr, people.indices) if filter_seen else nothing
    if exclude is not None and _is_frame(exclude):
        return join_rows(hidden, _excluded_pairs(dataset, people, exclude, on_unknown))
    return hidden


def candidate_codes(dataset: Dataset, candidates: Any, exclude: Any, on_unknown: str) -> Codes | None:
    """Codes of the items that may be shown to anybody; None for all."""
    if candidates is None and (exclude is None or _is_frame(exclude)):
        return None
    allowed = np.ones(dataset.n_items, dtype=bool)
    if candidates is not None:
        allowed[:] = False
        allowed[known_codes(dataset.items, candidates, "item", on_unknown)] = True
    if exclude is not None and not _is_frame(exclude):
        allowed[known_codes(dataset.items, exclude, "item", on_unknown)] = False
    return np.flatnonzero(allowed).astype(np.int32)


def _is_frame(value: Any) -> bool:
    return hasattr(value, "columns") or hasattr(value, "column_names")


def _excluded_pairs(dataset: Dataset, people: People, frame: Any, on_unknown: str) -> Pattern:
    """Rows `user_id, item_id` as a pattern over the people asked about."""
    table = to_arrow(frame, "exclude")[0]
    missing = [name for name in ("user_id", "item_id") if name not in table.column_names]
    if missing:
        remedy = "Rename its columns, or pass a plain list of item ids."
        raise InputError("`exclude` must have columns user_id and item_id", table.column_names, remedy)
    users, places = dataset.users, people.codes
    if places is None:
        users, places = IdMap(people.ids), np.arange(len(people), dtype=np.int32)
    rows = known_codes(users, table["user_id"], "user", on_unknown, keep=True)
    items = known_codes(dataset.items, table["item_id"], "item", on_unknown, keep=True)
    keep = (rows >= 0) & (items >= 0)
    rows, items = rows[keep], items[keep]
    order = np.argsort(rows, kind="stable")
    starts = np.searchsorted(rows[order], places)
    counts = np.searchsorted(rows[order], places, side="right") - starts
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    at = np.arange(indptr[-1]) + np.repeat(starts - indptr[:-1], counts)
    return indptr, items[order][at]
