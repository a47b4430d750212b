"""Splits of a Dataset into train, valid and test.

Every split assigns *edges* (merged pairs), so no pair is in two parts. The three parts share the IdMaps
and tables. The positive rows of a pair go with it. In a split by time (`leave_last_out`, `global_time`) the
first of them decides; those from the start of a later part on are in no part, neither as rows nor in the
weights: the earlier part may not know of them, and to the later one the pair is not new.

Rows that are not positive are edges of no part; they are kept in the `interactions` of one part: of train,
except that a split by time puts each by its own time and `from_column` by its value if it has one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from graphrec_lm.data.dataset import Dataset
from graphrec_lm.data.moments import ShareOrMoment, cuts, is_share, never
from graphrec_lm.data.parts import NONE, TEST, TRAIN, VALID, Split, edge_rows, part_by_rank, parts
from graphrec_lm.data.timely import first_rows, timely_parts
from graphrec_lm.errors import InputError, check_choice, check_number, did_you_mean, first_few


def random(dataset: Dataset, *, valid: float = 0.1, test: float = 0.1, seed: int = 0) -> Split:
    """Split each user's edges at random.

    Per user, in a random order: the first max(1, round(test * n)) edges are test, the next
    max(1, round(valid * n)) are valid, the rest train. Users with fewer than 3 edges are all train, and every
    user keeps at least one train edge. A fraction of 0 leaves that part empty.

    Parameters
    ----------
    dataset : Dataset
        What is split.
    valid, test : float
        Fractions of each user's edges, in [0, 1); their sum must be < 1.
    seed : int
        The split is a function of the edges and the seed.

    Examples
    --------
    >>> from graphrec_lm.data import load_dataset
    >>> random(load_dataset("movielens-small"), seed=0)
    Split(train=38,830, valid=4,875, test=4,875)
    """
    _check_fractions(valid, test)
    check_number("seed", seed, least=0, integer=True)
    order = np.random.default_rng(seed).permutation(dataset.n_interactions)
    return parts(dataset, part_by_rank(dataset, order, lambda n: _share(n, test), lambda n: _share(n, valid)))


def leave_last_out(dataset: Dataset, *, by: str = "timestamp") -> Split:
    """Split off each user's last edge for test and the one before for valid.

    The time of an edge is that of its first positive row; among equal times the order of the rows decides.
    Users with fewer than 3 edges are all train.

    A user's later rows are no part of an earlier edge: of the rows that repeat a train edge, those at or
    after the time of the user's valid edge are left out, and so are they of a valid edge from the time of the
    test edge on. Weights are summed over the rows that stay. A row that is not positive is in the part that
    the same times put it into.

    Parameters
    ----------
    dataset : Dataset
        What is split.
    by : str
        The column of numbers or dates.

    Examples
    --------
    Item 1 is in train as on the first day; its row of day 4 is left out.

    >>> import pandas as pd
    >>> rows = pd.DataFrame(
    ...     {"user_id": [7, 7, 7, 7, 8], "item_id": [1, 2, 3, 1, 2], "timestamp": [1, 2, 3, 4, 1]}
    ... )
    >>> split = leave_last_out(Dataset.from_frame(rows))
    >>> split, split.train.interactions.times()
    (Split(train=2, valid=1, test=1), array([1, 1]))
    """
    times = dataset.interactions.times(by)
    first = first_rows(dataset, times)
    latest_first = np.empty(len(first), dtype=np.int64)
    latest_first[np.lexsort((first, times[first]))[::-1]] = np.arange(len(first))
    edge_part = part_by_rank(dataset, latest_first, np.ones_like, np.ones_like)
    starts = np.full((dataset.n_users, 2), never(times), dtype=times.dtype)
    for part in (VALID, TEST):
        held_out = edge_part == part
        starts[dataset.edges.users[held_out], part - 1] = times[first[held_out]]
    return timely_parts(dataset, edge_part, starts, times, first)


def global_time(
    dataset: Dataset, *, by: str = "timestamp", valid: ShareOrMoment = 0.1, test: ShareOrMoment = 0.1
) -> Split:
    """Split by two moments: the latest `test` of the edges, the latest `valid` before them, the rest train.

    `valid` and `test` may also be the moments themselves, at which these parts begin.

    The time of an edge is that of its first positive row (an item touched again is known by then). Edges of
    one moment stay together, on the later side of a cut. A user may have no train edge; `Split.known_users`
    leaves them out.

    No part holds a row from after its end: of the rows that repeat an edge, those in the time of a later part
    are left out, and weights are summed over the rows that stay. A row that is not positive is in the part of
    its own time.

    Parameters
    ----------
    dataset : Dataset
        What is split.
    by : str
        The column of numbers or dates.
    valid, test : float, or str, datetime, pandas.Timestamp
        Fractions of all edges, in [0, 1), their sum < 1. Or moments: ISO text or dates for a column of dates
        (without a zone they are in the column's), numbers > 1 for a column of numbers.

    Raises
    ------
    InputError
        On a moment that is not of the column's kind, if valid's is not before test's, and if train or a part
        that a moment was given for has no edge.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.to_datetime(["2024-09-30", "2024-10-02", "2024-11-01", "2024-11-20"])
    >>> rows = pd.DataFrame({"user_id": [1, 1, 2, 1], "item_id": [1, 2, 1, 3], "timestamp": days})
    >>> global_time(Dataset.from_frame(rows), valid="2024-10-01", test="2024-11-01")
    Split(train=1, valid=1, test=2)
    """
    _check_fractions(*(value if is_share(value) else 0.0 for value in (valid, test)))
    times = dataset.interactions.times(by)
    first = first_rows(dataset, times)
    both = cuts(dataset.interactions, by, times[first], valid, test)
    edge_part = np.searchsorted(both, times[first], side="right")
    return timely_parts(dataset, edge_part, np.tile(both, (dataset.n_users, 1)), times, first)


def from_column(
    dataset: Dataset, column: str = "split", *, train: str = "train", valid: str = "valid", test: str = "test"
) -> Split:
    """Split by the value of a column; a positive row whose value is null or empty is in no part.

    Parameters
    ----------
    dataset : Dataset
        What is split.
    column : str
        The column; numbers, True and False are compared as text.
    train, valid, test : str
        The values of the three parts.

    Raises
    ------
    InputError
        On other values, or one for two parts, on a pair with rows in two parts, and if train has no edge.

    Examples
    --------
    >>> from graphrec_lm.data import load_dataset
    >>> from_column(load_dataset("movielens-small"))
    Split(train=38,830, valid=4,875, test=4,875)
    """
    names = _name(train), _name(valid), _name(test)
    if len(set(names)) < 3:
        raise InputError(
            "`train`, `valid` and `test` must differ", ", ".join(map(repr, names)), "Rename one."
        )
    rows = _values(dataset, column, names)
    positive = dataset.interactions.positive
    edge, starts = edge_rows(dataset)
    ordered = rows[positive][np.argsort(edge, kind="stable")]
    low, high = (f.reduceat(ordered, starts) for f in (np.minimum, np.maximum))
    mixed = np.flatnonzero(low != high)
    if len(mixed):
        pairs = list(
            zip(
                dataset.users.ids[dataset.edges.users[mixed[:5]]].tolist(),
                dataset.items.ids[dataset.indices[mixed[:5]]].tolist(),
                strict=True,
            )
        )
        raise InputError(
            f"rows of one pair must have one value of {column!r}",
            f"several for the pairs {first_few(pairs, len(mixed))}",
            "Give each pair one value.",
        )
    if not (low == TRAIN).any():
        remedy = f"Name the value by `train=`; column {column!r} is read as text."
        raise InputError(f"column {column!r} must have positive rows of {train!r}", "none", remedy)
    return parts(dataset, low, np.where(rows == NONE, TRAIN, rows))


METHODS: dict[str, Callable[..., Split]] = {
    "random": random,
    "leave_last_out": leave_last_out,
    "global_time": global_time,
    "from_column": from_column,
}


def split(dataset: Dataset, method: str, **options: Any) -> Split:
    """Split by the method of that name; an unknown method or option is an InputError."""
    check_choice("method", method, tuple(METHODS))
    known = [name for name in inspect.signature(METHODS[method]).parameters if name != "dataset"]
    for name in options:
        if name not in known:
            raise InputError(
                f"an option of the split {method!r} must be one it has", repr(name), did_you_mean(name, known)
            )
    return METHODS[method](dataset, **options)


def _share(counts: np.ndarray, fraction: float) -> np.ndarray:
    share = np.maximum(1, np.rint(fraction * counts)).astype(np.int64)
    return share if fraction > 0 else np.zeros_like(share)


def _name(value: Any) -> str:
    """A value as Arrow writes it."""
    return str(value).lower() if isinstance(value, bool | np.bool_) else str(value)


def _values(dataset: Dataset, column: str, names: tuple[str, str, str]) -> np.ndarray:
    """Return the part of each row, int64 [n]; NONE where the column is null or empty."""
    held = dataset.interactions.column(column)
    if pa.types.is_nested(held.type) and not pa.types.is_dictionary(held.type):
        raise InputError(f"column {column!r} must hold texts or numbers", str(held.type), "Convert it.")
    values = held.cast(pa.large_string()).combine_chunks().dictionary_encode()
    part_of = {name: part for part, name in enumerate(names)}
    found = values.dictionary.to_pylist()
    unknown = [value for value in found if value not in part_of and value != ""]
    if unknown:
        raise InputError(
            f"column {column!r} must hold only {', '.join(map(repr, names))} or nothing",
            first_few(unknown, len(unknown)),
            did_you_mean(unknown[0], names),
        )
    lookup = np.array([*(part_of.get(value, NONE) for value in found), NONE])
    return lookup[values.indices.fill_null(len(found)).to_numpy()]


def _check_fractions(valid: float, test: float) -> None:
    check_number("valid", valid, least=0, most=1)
    check_number("test", test, least=0, most=1)
    if valid + test >= 1:
        remedy = "Take fractions such as 0.1 and 0.1."
        raise InputError("`valid` + `test` must be < 1, so that train keeps edges", valid + test, remedy)
