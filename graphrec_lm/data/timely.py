"""Splits by time: the time of every edge, and parts that hold no row from after their end."""

from __future__ import annotations

import numpy as np

from graphrec_lm.data.dataset import Dataset
from graphrec_lm.data.edges import merge_pairs
from graphrec_lm.data.narrowing import with_rows
from graphrec_lm.data.parts import Split, edge_rows, parts
from graphrec_lm.data.reading import row_weights


def first_rows(dataset: Dataset, times: np.ndarray) -> np.ndarray:
    """Return the first positive row of every edge by the `times` of the rows, int64 [n_interactions]."""
    positive = dataset.interactions.positive
    edge, starts = edge_rows(dataset)
    order = np.lexsort((times[positive], edge))
    return np.flatnonzero(positive)[order[starts]]


def timely_parts(
    dataset: Dataset, edge_part: np.ndarray, starts: np.ndarray, times: np.ndarray, first: np.ndarray
) -> Split:
    """Build the three Datasets of a split by time.

    Of an edge's rows, those from the start of a later part on are left out, but never its first; the weights
    of the edges are then the sums over the rows that stay. A row that is no edge goes by its own time.

    Parameters
    ----------
    dataset : Dataset
        What is split.
    edge_part : int [n_interactions]
        The part of each edge, that of its first row.
    starts : [n_users, 2]
        The moments at which valid and test begin for each user.
    times : [n_rows]
        The time of each row.
    first : int [n_interactions]
        The first row of each edge.
    """
    rows = dataset.interactions
    row_part = np.zeros(len(rows), dtype=np.int64)
    for start in starts.T:
        row_part += ~(times < start[rows.user_codes])  # a time that is unknown counts as late
    stays = np.ones(len(rows), dtype=bool)
    stays[rows.positive] = row_part[rows.positive] <= edge_part[edge_rows(dataset)[0]]
    stays[first] = True
    return parts(_with_rows_that(stays, dataset), edge_part, row_part[stays])


def _with_rows_that(stays: np.ndarray, dataset: Dataset) -> Dataset:
    """`dataset` with these rows alone, among them one of every edge at least: the pairs are the same."""
    if stays.all():
        return dataset
    rows, edges = dataset.interactions.select(stays), dataset.edges
    if edges.weights is not None:
        users, items = rows.user_codes[rows.positive], rows.item_codes[rows.positive]
        weights = row_weights(rows.columns, rows.positive)
        edges = merge_pairs(users, items, weights, dataset.n_users, dataset.n_items)
    return with_rows(dataset, edges, rows)
