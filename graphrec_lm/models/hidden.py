"""What a list may show: not what was seen or the caller excludes, and candidates alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.data import Dataset, IdMap
from graphrec_lm.data.edges import pair_keys
from graphrec_lm.data.frames import is_frame
from graphrec_lm.errors import check_bool
from graphrec_lm.kernels import join_rows, rows_between, subtract_rows, take_rows
from graphrec_lm.models.frames import pair_columns
from graphrec_lm.models.people import Codes, Pattern, People, id_list, known_codes


@dataclass(frozen=True)
class Shown:
    """What may be shown to whom.

    Attributes
    ----------
    hidden : (indptr, indices)
        CSR pattern [people, n_items] of the items hidden from each person.
    allowed : int32 array or None
        Codes of the items that may be shown to anybody; None for all.
    own : (indptr, indices) or None
        The items that each person may be shown; None if they have no list of their own.
    """

    hidden: Pattern
    allowed: Codes | None = None
    own: Pattern | None = None

    @classmethod
    def to(
        cls,
        dataset: Dataset,
        people: People,
        filter_seen: bool,
        candidates: Any,
        exclude: Any,
        on_unknown: str,
    ) -> Shown:
        """From the arguments of `recommend`."""
        check_bool("filter_seen", filter_seen)
        nothing = np.zeros(len(people) + 1, dtype=np.int64), np.zeros(0, dtype=np.int32)
        hidden = (people.indptr, people.indices) if filter_seen else nothing
        if _is_of_each(exclude):
            hidden = join_rows(hidden, _pairs_of(dataset, people, exclude, on_unknown, "exclude"))
            exclude = None
        if not _is_of_each(candidates):
            return cls(hidden, _allowed(dataset, candidates, exclude, on_unknown))
        own = _pairs_of(dataset, people, candidates, on_unknown, "candidates")
        allowed = _allowed(dataset, None, exclude, on_unknown)
        return cls(hidden, None, own if allowed is None else _within(own, allowed, dataset.n_items))

    def candidates_of(self, pattern: Pattern, n_items: int) -> Pattern:
        """The entries of a CSR pattern [people, n_items] that are among the candidates."""
        if self.own is not None:
            return subtract_rows(pattern, subtract_rows(pattern, self.own, n_items), n_items)
        return pattern if self.allowed is None else _within(pattern, self.allowed, n_items)

    def rows(self, places: NDArray[np.int64]) -> Shown:
        """For the people at these places."""
        own = None if self.own is None else take_rows(*self.own, places)
        return Shown(take_rows(*self.hidden, places), self.allowed, own)

    def part(self, start: int, stop: int) -> Shown:
        """For the people start..stop-1."""
        own = None if self.own is None else rows_between(self.own, start, stop)
        return Shown(rows_between(self.hidden, start, stop), self.allowed, own)


def _allowed(dataset: Dataset, candidates: Any, exclude: Any, on_unknown: str) -> Codes | None:
    """Codes of the items that may be shown to anybody, from lists of ids; None for all."""
    if candidates is None and exclude is None:
        return None
    allowed = np.ones(dataset.n_items, dtype=bool)
    if candidates is not None:
        allowed[:] = False
        allowed[known_codes(dataset.items, candidates, "item", on_unknown)] = True
    if exclude is not None:
        allowed[known_codes(dataset.items, exclude, "item", on_unknown)] = False
    return np.flatnonzero(allowed).astype(np.int32)


def _within(pattern: Pattern, allowed: Codes, n_items: int) -> Pattern:
    """The entries of a CSR pattern whose column is allowed."""
    may = np.zeros(n_items, dtype=bool)
    may[allowed] = True
    kept = may[pattern[1]]
    return np.concatenate([[0], np.cumsum(kept)])[pattern[0]], pattern[1][kept]


def _is_of_each(value: Any) -> bool:
    """Whether it says something of each person: a frame or a mapping, rather than a list of ids."""
    return isinstance(value, Mapping) or is_frame(value)


def _pairs_of(dataset: Dataset, people: People, given: Any, on_unknown: str, what: str) -> Pattern:
    """A frame's rows, or a mapping from user id to item ids, as a pattern over the people."""
    if isinstance(given, Mapping):
        lists = {user: id_list(items, f"{what} of {user!r}") for user, items in given.items()}
        user_ids: Any = [user for user, items in lists.items() for _ in items]
        item_ids: Any = [item for items in lists.values() for item in items]
    else:
        remedy = "Rename its columns, or pass a plain list of item ids."
        user_ids, item_ids = pair_columns(dataset, given, what, remedy)
    users, places = dataset.users, people.codes
    if places is None:
        users, places = IdMap(people.ids), np.arange(len(people), dtype=np.int32)
    rows = known_codes(users, user_ids, "user", on_unknown, keep=True)
    items = known_codes(dataset.items, item_ids, "item", on_unknown, keep=True)
    keep = (rows >= 0) & (items >= 0)
    keys = np.unique(pair_keys(rows[keep], items[keep], dataset.n_items))
    rows, items = keys // dataset.n_items, (keys % dataset.n_items).astype(np.int32)
    starts = np.searchsorted(rows, places)
    counts = np.searchsorted(rows, places, side="right") - starts
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    at = np.arange(indptr[-1]) + np.repeat(starts - indptr[:-1], counts)
    return indptr, items[at]
