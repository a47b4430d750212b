"""What `fit` is given: one Dataset or several, each with its validation part or none."""

from __future__ import annotations

from typing import Any

from graphrec_lm.data import Dataset, Split
from graphrec_lm.errors import InputError, UnknownIdError
from graphrec_lm.models.people import are_pairs


def checked_datasets(dataset: Any, valid: Any) -> tuple[list[Dataset], list[Dataset | None]]:
    """The datasets to fit, and their validation parts in the codes of each.

    Raises
    ------
    InputError
        If something else is given, a dataset has no positive interaction, the numbers differ, or a validation
        part holds what is fitted, too.
    """
    if isinstance(dataset, Split):
        raise InputError(
            "`dataset` must be a Dataset", "a Split", "Write fit(split.train, valid=split.valid)."
        )
    several = isinstance(dataset, list | tuple)
    datasets = list(dataset) if several else [dataset]
    parts = list(valid) if several and isinstance(valid, list | tuple) else [valid] * len(datasets)
    if several and (not datasets or (valid is not None and not isinstance(valid, list | tuple))):
        found = "an empty list" if not datasets else "one `valid` for several"
        raise InputError("a list of datasets must be given a list of `valid`", found, "Give one a domain.")
    if len(parts) != len(datasets):
        found = f"{len(parts)} for {len(datasets)} datasets"
        raise InputError("`valid` must be one a dataset", found, "Use None for a domain without.")
    for part in datasets:
        check_dataset(part)
        if not part.n_interactions:
            remedy = "Fit on the training part of a split."
            raise InputError("`dataset` must hold at least one positive interaction", 0, remedy)
    pairs = zip(datasets, parts, strict=True)
    return datasets, [None if held_out is None else _held_out(one, held_out) for one, held_out in pairs]


def _held_out(dataset: Dataset, held_out: Any) -> Dataset:
    """The validation part, aligned; what is fitted would be hidden from its rankings and count as missed."""
    try:
        valid = dataset.align(held_out)
    except UnknownIdError as error:
        remedy = "Use users and items of the Dataset, or pass valid=dataset.align(valid, on_unknown='drop')."
        raise UnknownIdError(error.required, error.found, remedy) from None
    shared = int(are_pairs(dataset, valid.edges.users, valid.indices).sum())
    if shared:
        remedy = "Fit on the training part: train, valid, test = dataset.split(...)."
        raise InputError("`valid` must hold no fitted interaction", f"{shared} of them", remedy)
    return valid


def check_dataset(dataset: Any) -> None:
    """Raise InputError unless it is a Dataset."""
    if not isinstance(dataset, Dataset):
        remedy = "Make one with Dataset.from_frame or load_dataset."
        raise InputError("`dataset` must be a Dataset", type(dataset).__name__, remedy)
