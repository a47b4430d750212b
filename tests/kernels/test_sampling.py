"""Draws: pure functions of (seed, step), of the right law, never a negative from the history."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from graphrec_lm.errors import InputError
from graphrec_lm.kernels import (
    alias_table,
    draw_negatives,
    draw_positives,
    draw_several,
    hash_uniform,
    reference,
    sampling,
    several,
)
from tests.support import patterns, random_csr, thread_counts, threads

NOBODY = np.zeros(2, np.int64), np.zeros(0, np.int32)
ONE = np.zeros(1, np.int32)


def assert_frequencies(draws, probabilities):
    """A chi-square test at 1 in 10,000 (the seed is fixed: it passes always or never)."""
    expected = np.asarray(probabilities) * draws.size
    counts = np.bincount(draws.reshape(-1), minlength=len(expected))
    assert not counts[expected == 0].any()
    counts, expected = counts[expected > 0], expected[expected > 0]
    assert ((counts - expected) ** 2 / expected).sum() < chi2.ppf(0.9999, len(expected) - 1)


def draws(seed=0, step=0, n=64):
    """Everything there is to draw on one graph."""
    graph = random_csr(40, 30, 0.3, seed=1)
    by_user, by_edge = (
        draw_positives(*graph[:2], n, by=by, seed=seed, step=step) for by in ("user", "interaction")
    )
    arguments = *graph[:2], by_user[0], 30, 5
    table = alias_table(graph.dense.sum(0))
    negatives = [draw_negatives(*arguments, seed=seed, step=step, table=t) for t in (None, table)]
    return [*by_user, *by_edge, *negatives]


def test_are_a_pure_function_of_seed_and_step():
    assert all(np.array_equal(a, b) for a, b in zip(draws(3, 7), draws(3, 7), strict=True))
    for other in (draws(3, 8), draws(4, 7), draws(7, 3)):
        assert not any(np.array_equal(a, b) for a, b in zip(draws(3, 7), other, strict=True))


def test_a_smaller_batch_is_the_beginning_of_a_larger_one():
    assert all(np.array_equal(a, b[:16]) for a, b in zip(draws(n=16), draws(n=64), strict=True))


def test_do_not_depend_on_the_number_of_threads():
    results = []
    for count in thread_counts():
        with threads(count):
            results.append([*draws(), hash_uniform(np.arange(50), 40, seed=1)])
    for result in results:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], result, strict=True))


def histories(pattern):
    return [np.flatnonzero(row).tolist() for row in pattern.dense]


@given(pattern=patterns(), seed=st.integers(0, 2**40), step=st.integers(0, 10**9), first=st.integers(0, 99))
def test_negatives_equal_the_readable_twin(pattern, seed, step, first):
    users = np.arange(pattern.n_rows, dtype=np.int32)[::-1].copy()
    arguments = pattern.indptr, pattern.indices, users, pattern.n_columns, 5
    found = draw_negatives(*arguments, seed=seed, step=step, first=first)
    key = int(sampling._key(seed, step, sampling._NEGATIVE_STREAM))
    expected = reference.draw_negatives(histories(pattern)[::-1], pattern.n_columns, 5, key, first)
    np.testing.assert_array_equal(found, expected)


@given(pattern=patterns(), by=st.sampled_from(("user", "interaction")), step=st.integers(0, 10**9))
def test_positives_equal_the_readable_twin(pattern, by, step):
    if not len(pattern.indices):
        return
    users, items = draw_positives(pattern.indptr, pattern.indices, 30, by=by, seed=1, step=step)
    key = int(sampling._key(1, step, sampling._POSITIVE_STREAM))
    expected = reference.draw_positives(histories(pattern), 30, by, key)
    np.testing.assert_array_equal(np.stack([users, items], axis=1), expected)


@given(pattern=patterns(), n=st.integers(1, 9), step=st.integers(0, 10**9))
def test_several_of_a_history_equal_the_readable_twin(pattern, n, step):
    users = np.flatnonzero(np.diff(pattern.indptr)).astype(np.int32)
    found = draw_several(pattern.indptr, pattern.indices, users, n, seed=1, step=step)
    key = int(sampling._key(1, step, several._SEVERAL_STREAM))
    expected = reference.draw_several([histories(pattern)[user] for user in users], n, key)
    np.testing.assert_array_equal(np.sort(found), np.sort(np.reshape(expected, found.shape)))


@pytest.mark.parametrize("n", [1, 3, 5, 7])
def test_several_of_a_history_are_spread_evenly(n):
    history, users = np.arange(5, dtype=np.int32), np.zeros(8000, np.int32)
    found = draw_several(np.array([0, 5]), history, users, n, seed=0, step=0)
    counts = (found[:, :, None] == history).sum(1)
    assert counts.max() - counts.min() <= 1 and (counts.sum(1) == n).all()
    assert_frequencies(found, np.full(5, 1 / 5))


@pytest.mark.parametrize("weights", [[2, 1], [3, 1, 0, 2.5], np.arange(20) ** 0.75, np.full(7, 1e-30)])
def test_draws_from_a_table_follow_the_weights(weights):
    weights = np.asarray(weights, dtype=np.float64)
    table = alias_table(weights)
    found = draw_negatives(*NOBODY, ONE, len(weights), 40_000, seed=0, step=0, table=table)
    assert_frequencies(found, weights / weights.sum())


def test_draws_from_a_table_keep_out_of_the_history_and_keep_proportions_outside():
    weights, history = np.arange(1.0, 9.0), np.array([1, 6, 7], np.int32)
    indptr = np.array([0, 3])
    found = draw_negatives(indptr, history, ONE, 8, 40_000, seed=0, step=0, table=alias_table(weights))
    free = np.where(np.isin(np.arange(8), history), 0, weights)
    assert_frequencies(found, free / free.sum())


def test_where_the_table_gives_only_the_history_draws_are_uniform_outside_it():
    table = alias_table(np.array([1.0, 0.0, 0.0, 0.0]))
    history = np.zeros(1, np.int32)
    found = draw_negatives(np.array([0, 1]), history, ONE, 4, 10_000, seed=0, step=0, table=table)
    assert_frequencies(found, [0, 1 / 3, 1 / 3, 1 / 3])


@pytest.mark.parametrize("weights", [[0.0, 0.0], [1.0, -1.0], [1.0, np.nan], [np.inf, 1.0]])
def test_weights_must_make_sense(weights):
    with pytest.raises(InputError, match="weights must be finite, not negative, and not all zero"):
        alias_table(np.array(weights))


@pytest.mark.parametrize("history", [[], [0], [19], [0, 1, 2, 17, 18, 19], [3, 9, 10, 11], range(18)])
def test_negatives_are_uniform(history):
    indices = np.array(history, np.int32)
    found = draw_negatives(np.array([0, len(indices)]), indices, ONE, 20, 40_000, seed=0, step=0)
    free = ~np.isin(np.arange(20), indices)
    assert_frequencies(found, free / free.sum())


def test_a_user_who_touched_everything_gets_uniform_items():
    everything = np.array([0, 20]), np.arange(20, dtype=np.int32)
    assert_frequencies(draw_negatives(*everything, ONE, 20, 40_000, seed=0, step=0), np.full(20, 1 / 20))


def test_negatives_of_two_users_are_independent():
    found = draw_negatives(*NOBODY, np.zeros(200, np.int32), 10, 100, seed=0, step=0)
    assert_frequencies(found[:-1] * 10 + found[1:], np.full(100, 1 / 100))


def test_positives_by_interaction_are_uniform_over_interactions():
    graph = random_csr(12, 9, 0.3, seed=2)
    users, items = draw_positives(*graph[:2], 40_000, by="interaction", seed=0, step=0)
    assert_frequencies(users * 9 + items, graph.dense.reshape(-1) / graph.dense.sum())


def test_positives_by_user_are_uniform_over_users_then_over_their_items():
    graph = random_csr(12, 9, 0.2, seed=2)
    degrees = graph.dense.sum(1, keepdims=True)
    assert (degrees == 0).any()
    users, items = draw_positives(*graph[:2], 40_000, by="user", seed=0, step=0)
    law = graph.dense / np.maximum(degrees, 1) / (degrees > 0).sum()
    assert_frequencies(users * 9 + items, law.reshape(-1))


@pytest.mark.parametrize("by", ["user", "interaction"])
def test_there_must_be_something_to_draw_from(by):
    with pytest.raises(InputError, match="there must be interactions to draw from"):
        draw_positives(np.array([0, 0]), np.zeros(0, np.int32), 3, by=by, seed=0, step=0)


def test_the_way_of_drawing_must_be_known():
    with pytest.raises(InputError, match="`by` must be one of 'user', 'interaction', got 'item'"):
        draw_positives(np.array([0, 1]), ONE, 1, by="item", seed=0, step=0)


def test_hashed_numbers_depend_on_row_column_and_seed_alone():
    whole = hash_uniform(np.arange(100), 80, seed=3)
    assert whole.dtype == np.float32 and whole.min() >= 0 and whole.max() < 1
    some = np.array([97, 5, 5])
    np.testing.assert_array_equal(hash_uniform(some, 60, seed=3), whole[some, :60])
    assert not np.array_equal(hash_uniform(np.arange(100), 80, seed=4), whole)
    assert_frequencies((whole * 50).astype(np.int64), np.full(50, 1 / 50))
