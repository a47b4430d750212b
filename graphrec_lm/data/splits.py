"""Splits of a Dataset into train, valid and test.

Every split assigns *edges* (merged pairs), never single rows: all positive rows of a pair go with it, so
no pair is in two parts. The three parts share the IdMaps and tables. Rows that are not positive are edges
of no part; they are kept in the `interactions` of one part: of train, except that `global_time` puts each
by its time and `from_column` by its value if it has one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from graphrec_lm.data.dataset import Dataset
from graphrec_lm.data.parts import NONE, TRAIN, Split, by_rank, edge_rows, edge_times, parts
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
    return by_rank(dataset, order, lambda n: _share(n, test), lambda n: _share(n, valid))


def leave_last_out(dataset: Dataset, *, by: str = "timestamp") -> Split:
    """Split off each user's last edge for test and the one before for valid.

    The time of an edge is that of its first row; among equal times the order of the rows decides. Users with
    fewer than 3 edges are all train.

    Parameters
    ----------
    dataset : Dataset
        What is split.
    by : str
        The column of numbers or dates.
    """
    _, rank = edge_times(dataset, by)
    order = rank.max(initial=0) - rank
    return by_rank(dataset, order, np.ones_like, np.ones_like)


def global_time(dataset: Dataset, *, by: str = "timestamp", valid: float = 0.1, test: float = 0.1) -> Split:
    """Split by two moments: the latest `test` of the edges, the latest `valid` before them, the rest train.

    The time of an edge is that of its first row (an item touched again is known by then). Edges of one moment
    stay together, on the later side of a cut. A user may have no train edge; `Split.known_users` leaves them
    out.

    Parameters
    ----------
    dataset : Dataset
        What is split.
    by : str
        The column of numbers or dates.
    valid, test : float
        Fractions of all edges, in [0, 1); their sum must be < 1.
    """
    _check_fractions(valid, test)
    time, _ = edge_times(dataset, by)
    cuts = _cuts(np.sort(time), valid, test)
    if not (time < cuts[0]).any():
        remedy = "Take smaller fractions or another column."
        raise InputError(f"column {by!r} must leave edges for train", "no edge before the first cut", remedy)
    rows = np.searchsorted(cuts, dataset.interactions.times(by), side="right")
    return parts(dataset, np.searchsorted(cuts, time, side="right"), rows)


def from_column(
    dataset: Dataset, column: str = "split", *, train: str = "train", valid: str = "valid", test: str = "test"
) -> Split:
    """Split by the value of a column; a positive row whose value is null or empty is in no part.

    Parameters
    ----------
    dataset : Dataset
        What is split.
    column : str
        The column; numbers are compared as text.
    train, valid, test : str
        The values of the three parts.

    Raises
    ------
    InputError
        On other values, on a pair with rows in two parts, and if train has no edge.

    Examples
    --------
    >>> from graphrec_lm.data import load_dataset
    >>> from_column(load_dataset("movielens-small"))
    Split(train=38,830, valid=4,875, test=4,875)
    """
    rows = _values(dataset, column, (str(train), str(valid), str(test)))
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


def _cuts(times: np.ndarray, valid: float, test: float) -> np.ndarray:
    """Return the first moments of valid and of test among the sorted times."""
    n = len(times)
    n_test = max(1, round(test * n)) if test else 0
    n_valid = max(1, round(valid * n)) if valid else 0
    later = np.append(times, np.inf) if times.dtype.kind == "f" else np.append(times, np.iinfo(np.int64).max)
    start = max(0, n - n_test - n_valid)
    return later[[start, n - n_test]]


def _values(dataset: Dataset, column: str, names: tuple[str, str, str]) -> np.ndarray:
    """Return the part of each row, int64 [n]; NONE where the column is null or empty."""
    values = dataset.interactions.column(column).cast(pa.large_string()).combine_chunks().dictionary_encode()
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
