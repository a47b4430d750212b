"""What a ranking is measured against: the test items of each person that it can hold."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np

from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError, check_choice
from graphrec_lm.kernels import join_rows, subtract_rows, take_rows
from graphrec_lm.models.hidden import Shown
from graphrec_lm.models.people import Pattern, People

logger = logging.getLogger("graphrec_lm")


def relevant_items(
    dataset: Dataset, valid: Pattern, test: Any, candidates: Any, on_unknown: str, on_fitted: str
) -> tuple[People, Pattern, Shown]:
    """The users with test items, these items, and what may be ranked.

    `valid` [n_users, n_items] is hidden, unless it is tested; the other arguments are those of `evaluate`.

    Raises
    ------
    InputError
        If nothing is left, or an interaction is fitted.
    """
    check_choice("on_fitted", on_fitted, ("raise", "drop"))
    test = dataset.align(test, on_unknown=on_unknown)
    codes = np.flatnonzero(np.diff(test.indptr)).astype(np.int32)
    people, found = People.fitted(dataset, codes), take_rows(test.indptr, test.indices, codes)
    shown = Shown.to(dataset, people, True, candidates, None, on_unknown)
    relevant = subtract_rows(found, shown.hidden, dataset.n_items)
    overlap = len(found[1]) - len(relevant[1])
    if overlap and on_fitted == "raise":
        remedy = "Fit on a training part alone, or pass on_fitted='drop'."
        raise InputError("`test` must hold no fitted interaction", f"{overlap} of them", remedy)
    relevant = shown.candidates_of(relevant, dataset.n_items)
    left = np.flatnonzero(np.diff(relevant[0]))
    if not len(left):
        required = "`test` must hold at least one positive interaction"
        among = "" if candidates is None else " with a candidate"
        raise InputError(required + among, 0, "Use a larger test part.")
    if len(left) < len(codes):
        codes, relevant, shown = codes[left], take_rows(*relevant, left), shown.rows(left)
        people = People.fitted(dataset, codes)
    selecting = subtract_rows(take_rows(*valid, codes), relevant, dataset.n_items)
    return people, relevant, replace(shown, hidden=join_rows(shown.hidden, selecting))


def tell_of_nobodies(name: str, people: People) -> None:
    """Warn of people without a history: a model says little of them."""
    nobody = int((np.diff(people.indptr) == 0).sum())
    if nobody:
        told = "%s: %d of %d people of `test` have no fitted interaction; leave them out by known_users()"
        logger.warning(told, name, nobody, len(people))
