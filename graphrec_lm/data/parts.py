"""From a part for each edge to three Datasets: what all splits share."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from graphrec_lm.data.dataset import Dataset
from graphrec_lm.data.edges import group_starts, pair_keys
from graphrec_lm.data.fingerprint import content_hash
from graphrec_lm.data.narrowing import with_rows

TRAIN, VALID, TEST, NONE = 0, 1, 2, 3


class Split(NamedTuple):
    """Three Datasets that share their IdMaps."""

    train: Dataset
    valid: Dataset
    test: Dataset

    @property
    def hash(self) -> str:
        """Hex hash of the three fingerprints: equal splits of equal data have equal hashes."""
        return content_hash([[part.fingerprint for part in self]])

    def known_users(self) -> Split:
        """The same train; valid and test without users that it knows nothing of, as a split by time has."""
        known = self.train.user_counts > 0

        def of_known(part: Dataset) -> Dataset:
            rows = part.interactions
            return with_rows(
                part, part.edges.select(known[part.edges.users]), rows.select(known[rows.user_codes])
            )

        return Split(self.train, of_known(self.valid), of_known(self.test))

    def __repr__(self) -> str:
        counts = ", ".join(f"{name}={part.n_interactions:,}" for name, part in self._asdict().items())
        return f"Split({counts})"


def parts(dataset: Dataset, edge_part: np.ndarray, other_rows: np.ndarray | int = TRAIN) -> Split:
    """Build the three Datasets from the part of each edge and of each row that is no edge."""
    rows = dataset.interactions
    row_part = np.empty(len(rows), dtype=np.int64)
    row_part[:] = other_rows
    row_part[rows.positive] = edge_part[edge_rows(dataset)[0]]
    in_a_part = rows.positive & (row_part != NONE)
    row_part[row_part == NONE] = TRAIN
    return Split(*(_part(dataset, edge_part == p, row_part == p, in_a_part) for p in (TRAIN, VALID, TEST)))


def _part(dataset: Dataset, edges: np.ndarray, rows: np.ndarray, positive: np.ndarray) -> Dataset:
    return with_rows(dataset, dataset.edges.select(edges), dataset.interactions.select(rows, positive))


def edge_rows(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the edge of every positive row, and where each edge starts among the rows sorted by edge."""
    rows = dataset.interactions
    keys = pair_keys(rows.user_codes[rows.positive], rows.item_codes[rows.positive], dataset.n_items)
    order = np.argsort(keys)
    starts = group_starts(keys[order])
    edge = np.empty(len(keys), dtype=np.int64)
    edge[order] = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(keys))))
    return edge, starts


def part_by_rank(
    dataset: Dataset,
    order: np.ndarray,
    n_test: Callable[[np.ndarray], np.ndarray],
    n_valid: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Return the part of each edge: the first of a user's in `order` test, the next valid, the rest train.

    `order` holds distinct integers >= 0, one for each edge; `n_test` and `n_valid` map the users' numbers of
    edges to the numbers that are wanted of them.
    """
    users, counts = dataset.edges.users, dataset.user_counts
    span = int(order.max(initial=0)) + 1
    ranked = np.argsort(users.astype(np.int64) * span + order)
    rank = np.empty(len(ranked), dtype=np.int64)
    rank[ranked] = np.arange(len(ranked)) - dataset.indptr[users]
    enough = counts >= 3
    tests = np.where(enough, np.minimum(n_test(counts), counts - 2), 0)
    valids = np.where(enough, np.minimum(n_valid(counts), counts - 1 - tests), 0)
    return np.where(rank < tests[users], TEST, np.where(rank < (tests + valids)[users], VALID, TRAIN))
