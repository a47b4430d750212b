"""Metrics beyond accuracy: values by hand, readable twins, and what bad input gets."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest

from graphrec_lm.errors import InputError
from graphrec_lm.metrics import beyond, coverage, gini, intra_list_diversity, mean_popularity, novelty
from tests.metrics.cases import random_case


def test_coverage_counts_each_item_once():
    assert coverage([[0, 2], [2, -1]], 4) == 0.5
    assert coverage([[-1]], 4) == 0.0


def test_gini_by_hand():
    assert gini([[0, 1, 2, 3]], 4) == 0.0
    assert gini([[0], [0]], 4) == 0.75
    assert gini([[0, 1], [0, -1]], 2) == pytest.approx(1 / 6)
    assert math.isnan(gini([[-1]], 4))


def test_gini_equals_the_mean_absolute_difference():
    """Twin: half the mean difference between two items, relative to the mean."""
    lists = random_case(1).recommended
    shown = np.bincount(lists[lists >= 0], minlength=50)
    twin = np.abs(shown[:, None] - shown).mean() / (2 * shown.mean())
    assert gini(lists, 50) == pytest.approx(twin)


def test_novelty_is_the_mean_information_in_bits():
    bits = novelty([[0, 1], [2, -1], [-1, -1]], [8, 2, 0], n_users=8)
    np.testing.assert_allclose(bits, [1.0, 3.0, np.nan])


def test_mean_popularity_leaves_padding_out():
    np.testing.assert_allclose(mean_popularity([[0, 1], [1, -1], [-1, -1]], [3, 5]), [4.0, 5.0, np.nan])


@pytest.mark.parametrize("block", [1, 7, 16_384])
def test_diversity_equals_the_mean_over_pairs(monkeypatch, block: int):
    monkeypatch.setattr(beyond, "BLOCK_ROWS", block)
    vectors = np.random.default_rng(2).normal(size=(40, 6))
    vectors[3] = 0
    units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    lists = random_case(2).recommended
    twin = [[1 - units[i] @ units[j] for i, j in combinations(row[row >= 0], 2)] for row in lists]
    expected = [np.mean(row) if row else np.nan for row in twin]
    np.testing.assert_allclose(intra_list_diversity(lists, vectors), expected, atol=1e-12)


def test_no_users():
    none = np.empty((0, 3), np.int32)
    assert math.isnan(gini(none, 2)) and coverage(none, 2) == 0.0
    assert novelty(none, [1], 1).shape == mean_popularity(none, [1]).shape == (0,)
    assert intra_list_diversity(none, np.eye(2)).shape == (0,)


BAD = {
    "no items": (lambda: coverage([[0]], 0), "`n_items` must be an integer >= 1"),
    "a code beyond the catalogue": (lambda: coverage([[0, 9]], 4), r"must be < 4.*got 1 \(9\)"),
    "a code below -1": (lambda: gini([[-3]], 4), r"-1 for padding, got 1 \(-3\)"),
    "an item twice": (lambda: gini([[1, 1]], 4), "at most once"),
    "flat lists": (lambda: mean_popularity([0, 1], [1, 2]), r"shape \(2,\)"),
    "a code beyond the popularity": (lambda: mean_popularity([[2]], [1, 2]), "must be < 2"),
    "popularity of two dimensions": (lambda: mean_popularity([[0]], [[1.0]]), r"shape \[items\]"),
    "no popularity": (lambda: mean_popularity([[-1]], []), r"got shape \(0,\)"),
    "NaN popularity": (lambda: mean_popularity([[0]], [math.nan]), r"must be finite, got 1 \(nan\)"),
    "negative popularity": (lambda: novelty([[0]], [-1], 3), r"must be >= 0, got 1 \(-1.0\)"),
    "text popularity": (lambda: novelty([[0]], ["a"], 3), "real numbers, got dtype <U1"),
    "more touches than users": (lambda: novelty([[0]], [5], 3), "at most n_users = 3, got 5"),
    "no users to be novel to": (lambda: novelty([[0]], [0], 0), "`n_users` must be an integer >= 1"),
    "flat vectors": (lambda: intra_list_diversity([[0]], [1.0]), r"shape \[items, dim\]"),
    "infinite vectors": (lambda: intra_list_diversity([[0]], [[math.inf]]), "`vectors` must be finite"),
    "a code beyond the vectors": (lambda: intra_list_diversity([[3]], np.eye(3)), "must be < 3"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_says_what_was_required(case: str):
    call, message = BAD[case]
    with pytest.raises(InputError, match=message):
        call()
