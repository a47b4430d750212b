"""What a ranking is measured against: the test items of each person that it can hold."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError, check_choice
from graphrec_lm.kernels import subtract_rows, take_rows
from graphrec_lm.models.hidden import Shown
from graphrec_lm.models.people import Codes, Pattern, People

logger = logging.getLogger("graphrec_lm")


def relevant_items(
    dataset: Dataset, test: Any, candidates: Any, on_unknown: str, on_fitted: str
) -> tuple[Codes, Pattern]:
    """Codes of the users with test items, and these items; the arguments are those of `evaluate`.

    Raises
    ------
    InputError
        If nothing is left, or an interaction is fitted.
    """
    check_choice("on_fitted", on_fitted, ("raise", "drop"))
    test = dataset.align(test, on_unknown=on_unknown)
    codes = np.flatnonzero(np.diff(test.indptr)).astype(np.int32)
    people, found = People.fitted(dataset, codes), take_rows(test.indptr, test.indices, codes)
    relevant = subtract_rows(found, (people.indptr, people.indices), dataset.n_items)
    overlap = len(found[1]) - len(relevant[1])
    if overlap and on_fitted == "raise":
        remedy = "Fit on a training part alone, or pass on_fitted='drop'."
        raise InputError("`test` must hold no fitted interaction", f"{overlap} of them", remedy)
    if candidates is not None:
        shown = Shown.to(dataset, people, False, candidates, None, on_unknown)
        relevant = shown.candidates_of(relevant, dataset.n_items)
    left = np.flatnonzero(np.diff(relevant[0]))
    if not len(left):
        required = "`test` must hold at least one positive interaction"
        among = "" if candidates is None else " with a candidate"
        raise InputError(required + among, 0, "Use a larger test part.")
    return codes[left], take_rows(*relevant, left)


def tell_of_nobodies(name: str, people: People) -> None:
    """Warn of people without a history: a model says little of them."""
    nobody = int((np.diff(people.indptr) == 0).sum())
    if nobody:
        told = "%s: %d of %d people of `test` have no fitted interaction; leave them out by known_users()"
        logger.warning(told, name, nobody, len(people))
