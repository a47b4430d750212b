"""The trials of a tuning in a file, so that a tuning which was stopped goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError
from graphrec_lm.evaluation.search_space import Space
from graphrec_lm.files import atomic_file, check_place, resolved
from graphrec_lm.models import Recommender
from graphrec_lm.models.plain import plain_parameters

_FORMAT = "graphrec_lm trials 1"
_START_AFRESH = "Delete the file, or give this tuning another path."


def description(
    model: Recommender, train: Dataset, valid: Dataset, space: Space, **how: Any
) -> dict[str, Any]:
    """What the trials of a tuning depend on, as JSON keeps it.

    Raises
    ------
    InputError
        If a choice of the space is neither text, number, bool nor None.
    """
    params = {name: value for name, value in model.get_params().items() if name != "verbose"}
    made = {
        "model": type(model).__name__,
        "params": plain_parameters(params),
        "space": {name: dict(spec) for name, spec in space.items()},
        **how,
    }
    made |= {"train": train.fingerprint, "valid": valid.fingerprint}
    try:
        kept: dict[str, Any] = json.loads(json.dumps(made, default=_plain))
    except TypeError as error:
        required = "choices must be texts, numbers, bools or None for trials to be kept in a file"
        raise InputError(required, error, "Tune without `path`.") from error
    return kept


def _plain(value: Any) -> Any:
    """A number of numpy as one of Python."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(repr(value))


class TrialFile:
    """A JSON file with the trials of one tuning, replaced as a whole after each.

    Parameters
    ----------
    path : path
    tuning : dict
        The `description` of the tuning.
    """

    def __init__(self, path: str | os.PathLike[str], tuning: Mapping[str, Any]) -> None:
        self.path, self.tuning = resolved(path), dict(tuning)

    def read(self) -> list[dict[str, Any]]:
        """The trials of earlier calls that ended well; none if there is no file.

        Raises
        ------
        InputError
            If the file is no such file, of another tuning, or where nothing can be written.
        """
        check_place(self.path)
        if not self.path.exists():
            return []
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            is_ours = content["format"] == _FORMAT
            tuning, trials = dict(content["tuning"]), _ended(content["trials"])
        except (OSError, ValueError, LookupError, TypeError):
            is_ours = False
        if not is_ours:
            raise InputError("`path` must be new or a file of trials", self.path, "Choose another path.")
        other = [name for name, value in self.tuning.items() if tuning.get(name) != value]
        if other:
            required = "`path` must be new or hold trials of the same tuning"
            raise InputError(required, f"another {', '.join(other)} in {self.path}", _START_AFRESH)
        return trials

    def write(self, trials: Sequence[Mapping[str, Any]]) -> None:
        """Replace the file."""
        content = {"format": _FORMAT, "tuning": self.tuning, "trials": list(trials)}
        with atomic_file(self.path) as temporary:
            temporary.write_text(json.dumps(content, indent=1, default=_plain), encoding="utf-8")


def _ended(trials: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Those with a value; `same_as` is their place among these."""
    kept = [place for place, trial in enumerate(trials) if trial["value"] is not None]
    places = {old: new for new, old in enumerate(kept)}
    moved = [dict(trials[place]) for place in kept]
    return [trial | {"same_as": places[trial["same_as"]]} if "same_as" in trial else trial for trial in moved]
