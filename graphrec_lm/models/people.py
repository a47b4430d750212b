"""Who is asked about: fitted users by id, or new people by their history."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.data import Dataset, IdMap
from graphrec_lm.data.edges import pair_keys
from graphrec_lm.data.frames import is_frame
from graphrec_lm.data.idmap import DROP
from graphrec_lm.errors import InputError, check_choice, check_number, first_few
from graphrec_lm.kernels import rows_between, take_rows
from graphrec_lm.models.wishes import Wishes

logger = logging.getLogger("graphrec_lm")

Codes = NDArray[np.int32]
Pattern = tuple[NDArray[np.int64], Codes]
UNKNOWN_POLICIES = ("raise", "drop")


@dataclass(frozen=True)
class People:
    """People to recommend to.

    Attributes
    ----------
    ids : array [n]
        What the result's `user_id` shows.
    codes : int32 array [n] or None
        Codes of fitted users; None for new people.
    indptr, indices : int64 [n + 1], int32
        Their histories as a CSR pattern of item codes.
    wishes : Wishes, optional
        What they say they want.
    weights : float32 array, optional
        Of the histories' items, where the Dataset has some or new people come with them.
    """

    ids: NDArray[Any]
    codes: Codes | None
    indptr: NDArray[np.int64]
    indices: Codes
    wishes: Wishes | None = None
    weights: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def fitted(cls, dataset: Dataset, codes: Codes) -> People:
        """Users of the fitted Dataset, with their fitted histories."""
        weights = None if dataset.weights is None else dataset.weights[edges_of(dataset.indptr, codes)]
        pattern = take_rows(dataset.indptr, dataset.indices, codes)
        return cls(dataset.users.ids[codes], codes, *pattern, weights=weights)

    @classmethod
    def by_id(cls, dataset: Dataset, users: Any, on_unknown: str) -> People:
        """Users of the fitted Dataset by external id; None is everyone."""
        if users is None:
            return cls.fitted(dataset, np.arange(dataset.n_users, dtype=np.int32))
        return cls.fitted(dataset, known_codes(dataset.users, users, "user", on_unknown))

    @classmethod
    def without_history(cls, count: int) -> People:
        """People of whom nothing is known; their `user_id` is 0, 1, ..."""
        return cls(np.arange(count), None, np.zeros(count + 1, dtype=np.int64), np.zeros(0, dtype=np.int32))

    @classmethod
    def by_history(cls, dataset: Dataset, history: Any, on_unknown: str, *, weighted: bool = False) -> People:
        """New people, each a list of item ids; their `user_id` is their place in the list.

        With `weighted` a person may be a mapping from item id to weight.
        """
        theirs = [name for name, ours in dataset.rules.columns.items() if ours == "item_id"]
        lists = _lists(history, weighted, ["item_id", *theirs])
        flat = [item for person in lists for item in person]
        owners = np.repeat(np.arange(len(lists)), [len(person) for person in lists])
        codes = known_codes(dataset.items, flat, "item", on_unknown, keep=True)
        _tell_of_unknown(lists, owners, codes)
        keys = owners[codes >= 0] * np.int64(dataset.n_items) + codes[codes >= 0]
        pairs, first = np.unique(keys, return_index=True)
        indptr = np.searchsorted(pairs, np.arange(len(lists) + 1) * np.int64(dataset.n_items))
        indices = (pairs % dataset.n_items).astype(np.int32)
        weights = _weights(lists)
        if weights is not None:
            weights = weights[codes >= 0][first]
        return cls(np.arange(len(lists)), None, indptr.astype(np.int64), indices, weights=weights)

    @classmethod
    def without(cls, dataset: Dataset, codes: Codes, items: Codes) -> People:
        """Fitted users as new people, each with a history that lacks one item of it."""
        indptr, indices = take_rows(dataset.indptr, dataset.indices, codes)
        owners = np.repeat(np.arange(len(codes)), np.diff(indptr))
        indices = indices[indices != items[owners]]
        return cls(np.arange(len(codes)), None, indptr - np.arange(len(indptr)), indices)

    def padded(self, size: int) -> People:
        """These people and, up to `size`, nobodies without history."""
        extra = size - len(self)
        indptr = np.concatenate([self.indptr, np.full(extra, self.indptr[-1])])
        wishes = None if self.wishes is None else self.wishes.padded(size)
        return People(np.zeros(size), None, indptr, self.indices, wishes, self.weights)

    def part(self, start: int, stop: int) -> People:
        """The people start..stop-1."""
        codes = None if self.codes is None else self.codes[start:stop]
        wishes = None if self.wishes is None else self.wishes.part(start, stop)
        pattern = rows_between((self.indptr, self.indices), start, stop)
        weights = None if self.weights is None else self.weights[self.indptr[start] : self.indptr[stop]]
        return People(self.ids[start:stop], codes, *pattern, wishes, weights)


def edges_of(indptr: NDArray[np.int64], rows: NDArray[np.integer]) -> NDArray[np.int64]:
    """Places of the entries of these rows of a CSR pattern, row by row.

    >>> edges_of(np.array([0, 2, 3, 5]), np.array([2, 0]))
    array([3, 4, 0, 1])
    """
    counts = np.diff(indptr)[rows]
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(indptr[rows], counts) + within


def are_pairs(dataset: Dataset, users: Codes, items: Codes) -> NDArray[np.bool_]:
    """Whether each pair of codes is one of the Dataset."""
    if not dataset.n_interactions:
        return np.zeros(len(users), dtype=bool)
    keys = pair_keys(dataset.edges.users, dataset.indices, dataset.n_items)
    asked = pair_keys(users, items, dataset.n_items)
    places = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    found: NDArray[np.bool_] = keys[places] == asked
    return found


def known_codes(
    ids: IdMap, wanted: Any, what: str, on_unknown: str, *, keep: bool = False, remedy: str = DROP
) -> Codes:
    """Codes of external ids under a policy: "raise" on unknown ones, or "drop" them.

    With `keep`, "drop" leaves -1 in their place.
    """
    check_choice("on_unknown", on_unknown, UNKNOWN_POLICIES)
    wanted = id_list(wanted, f"{what} ids")
    if len(wanted) == 0:
        return np.zeros(0, dtype=np.int32)
    policy = "mark" if on_unknown == "drop" else "raise"
    codes: Codes = ids.codes(wanted, what=what, on_unknown=policy, remedy=remedy)
    return codes if keep else codes[codes >= 0]


def id_list(wanted: Any, what: str) -> Any:
    """Something that holds ids and has a length, or an error that shows the remedy.

    >>> id_list(iter([1, 2]), "item ids")
    [1, 2]
    """
    required = f"{what} must come as a list"
    if isinstance(wanted, Mapping):
        raise InputError(required, f"a {type(wanted).__name__}", "Pass list(...) of its keys or values.")
    if is_frame(wanted):
        raise InputError(required, f"a {type(wanted).__name__}", "Pass one of its columns.")
    if isinstance(wanted, str | bytes) or not isinstance(wanted, Iterable):
        raise InputError(required, repr(wanted), f"Write [{wanted!r}].")
    return wanted if hasattr(wanted, "__len__") else list(wanted)


def _lists(history: Any, weighted: bool, item_names: Collection[str]) -> list[Any]:
    """`history` as one list of ids (or mapping) a person, or an error that shows the remedy."""
    remedy = "Write history=[[item, item, ...]] for one person."
    required = "`history` must hold one list of item ids a person"
    if isinstance(history, str) or not isinstance(history, Iterable):
        raise InputError(required, repr(history), remedy)
    lists = list(history)
    for place, person in enumerate(lists):
        if isinstance(person, str) or not isinstance(person, Iterable):
            raise InputError(required, f"the bare id {person!r}", remedy)
        if isinstance(person, Mapping) and not weighted:
            found = f"the weights of person {place}"
            raise InputError(
                "`history` must be lists: this model reads no weights", found, "Pass list(person)."
            )
        if getattr(getattr(person, "index", None), "name", None) in item_names:
            found = f"a Series of person {place} whose index holds them"
            remedy = "Pass list(series.index), or series.to_dict() to a model that reads weights."
            raise InputError(required, found, remedy)
    return [person if isinstance(person, Mapping) else list(person) for person in lists]


def _weights(lists: list[Any]) -> NDArray[np.float32] | None:
    """The weights of all histories, 1 in those without; None if no history has any."""
    if not any(isinstance(person, Mapping) for person in lists):
        return None
    values = [person.values() if isinstance(person, Mapping) else [1] * len(person) for person in lists]
    flat = [value for person in values for value in person]
    for value in flat:
        check_number("weights of a `history`", value, above=0)
    return np.array(flat, dtype=np.float32)


def _tell_of_unknown(lists: list[Sequence[Any]], owners: NDArray[np.int64], codes: Codes) -> None:
    """Warn of people whose every item is dropped: they are served as people without a history."""
    known = np.bincount(owners[codes >= 0], minlength=len(lists))
    lost = [n for n, person in enumerate(lists) if len(person) and not known[n]]
    if lost:
        told = "no item of these histories is known, so they count as empty: %s"
        logger.warning(told, first_few(lost, len(lost)))
