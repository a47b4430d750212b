"""Accuracy metrics: values by hand, properties, and what bad input gets."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec_lm.errors import InputError
from graphrec_lm.metrics import RANKING_METRICS, macro_average, ranking_metrics
from tests.metrics.cases import Case, from_rows, random_case


def measure(case: Case, k: int, *metrics: str) -> dict[str, np.ndarray]:
    return ranking_metrics(*case, k=k, metrics=metrics or RANKING_METRICS)


def test_values_by_hand():
    """Hits at places 1 and 3 of four; five relevant items."""
    values = measure(from_rows([[3, 9, 5, 8]], [[1, 2, 3, 4, 5]]), 4)
    ideal = 1 + 1 / math.log2(3) + 1 / 2 + 1 / math.log2(5)
    expected = {
        "recall@4": 2 / 5,
        "precision@4": 2 / 4,
        "ndcg@4": (1 + 1 / 2) / ideal,
        "hit_rate@4": 1.0,
        "mrr@4": 1.0,
        "map@4": (1 + 2 / 3) / 4,
    }
    assert {name: value[0] for name, value in values.items()} == pytest.approx(expected)


def test_fewer_relevant_items_than_places():
    """IDCG and MAP count only min(k, |T|) places."""
    values = measure(from_rows([[7, 1, 8]], [[1]]), 3)
    expected = [1.0, 1 / 3, 1 / math.log2(3), 1.0, 1 / 2, 1 / 2]
    assert [value[0] for value in values.values()] == pytest.approx(expected)


def test_only_the_first_k_places_count():
    wide = from_rows([[5, 6, 1]], [[1]])
    assert measure(wide, 2, "hit_rate")["hit_rate@2"].tolist() == [0.0]
    assert measure(wide, 3, "hit_rate")["hit_rate@3"].tolist() == [1.0]


def test_a_user_without_relevant_items_is_nan_and_no_other_is():
    values = measure(from_rows([[0, 1], [0, 1], [0, 1]], [[0], [], [9]]), 2)
    for value in values.values():
        assert np.isnan(value).tolist() == [False, True, False]


def test_padding_is_never_a_hit():
    values = measure(from_rows([[-1, -1], [2, -1]], [[0], [2]]), 2)
    assert values["recall@2"].tolist() == [0.0, 1.0]
    assert values["precision@2"].tolist() == [0.0, 0.5]


def test_a_code_is_not_mistaken_for_one_of_a_neighbouring_row():
    """Row 0's key for the largest code stands right below row 1's key for code 0."""
    values = measure(from_rows([[3, -1], [0, -1]], [[0], [3]]), 2, "recall")
    assert values["recall@2"].tolist() == [0.0, 0.0]


def test_no_users_and_no_relevant_items_at_all():
    none = ranking_metrics(np.empty((0, 5), np.int32), [0], np.empty(0, np.int32), k=5)
    assert [len(value) for value in none.values()] == [0, 0, 0]
    assert np.isnan(ranking_metrics([[1, 2]], [0, 0], [], k=2)["ndcg@2"]).all()


def test_keys_types_and_default_metrics():
    values = ranking_metrics([[1, 2]], [0, 1], [2], k=2)
    assert list(values) == ["recall@2", "ndcg@2", "hit_rate@2"]
    assert all(value.dtype == np.float64 and value.shape == (1,) for value in values.values())
    assert list(ranking_metrics([[1, 2]], [0, 1], [2], k=2, metrics="mrr")) == ["mrr@2"]


def test_input_arrays_are_left_alone():
    case = random_case(0)
    copies = [array.copy() for array in case]
    measure(case, 5)
    for array, copy in zip(case, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_macro_average_leaves_missing_users_out():
    means = macro_average({"recall@2": [1.0, np.nan, 0.5], "ndcg@2": [np.nan]})
    assert means["recall@2"] == 0.75
    assert math.isnan(means["ndcg@2"])


@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_values_lie_between_zero_and_one_and_agree_with_each_other(seed: int, k: int):
    case = random_case(seed, n_users=12)
    values = {name.partition("@")[0]: value for name, value in measure(case, k).items()}
    for value in values.values():
        assert ((value >= 0) & (value <= 1 + 1e-12)).all()
    hit = values["hit_rate"] == 1
    for value in values.values():
        np.testing.assert_array_equal(value > 0, hit)
    sizes = np.diff(case.indptr)
    np.testing.assert_allclose(values["recall"] * sizes, values["precision"] * k)


@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 12))
@settings(max_examples=40, deadline=None)
def test_hits_that_come_first_score_the_most(seed: int, k: int):
    """Moving every hit to the front never lowers a metric, and makes NDCG and MAP 1 when there are enough."""
    case = random_case(seed, n_users=12)
    front = np.array(
        [
            sorted(r, key=lambda c, t=t: c not in t)
            for r, t in zip(case.recommended, case.relevant, strict=True)
        ]
    )
    before, after = measure(case, k), measure(case._replace(recommended=front), k)
    for name, value in before.items():
        assert (after[name] >= value - 1e-12).all()
    full = after[f"precision@{k}"] * k == np.minimum(k, np.diff(case.indptr))
    np.testing.assert_allclose(after[f"ndcg@{k}"][full], 1.0)
    np.testing.assert_allclose(after[f"map@{k}"][full], 1.0)


@given(seed=st.integers(0, 2**32 - 1), cut=st.integers(0, 12))
@settings(max_examples=30, deadline=None)
def test_users_are_independent(seed: int, cut: int):
    """Any block of users scores as it does among the others."""
    case = random_case(seed, n_users=12, least=0)
    whole = measure(case, 5)
    for rows in (slice(0, cut), slice(cut, 12)):
        edges = case.indptr[rows.start : rows.stop + 1]
        block = Case(case.recommended[rows], edges - edges[0], case.indices[edges[0] : edges[-1]])
        for name, value in measure(block, 5).items():
            np.testing.assert_array_equal(value, whole[name][rows])


BAD = {
    "k below 1": (dict(k=0), "`k` must be an integer >= 1, got 0"),
    "k not an integer": (dict(k=2.5), "got 2.5"),
    "k wider than the lists": (dict(k=3), "at least k = 3 columns, got 2"),
    "unknown metric": (dict(metrics=("ncdg",)), "Did you mean 'ndcg'"),
    "unhashable metric": (dict(metrics=(["ndcg"],)), "`metrics` must be among"),
    "no metric": (dict(metrics=()), "at least one metric, got none"),
    "one-dimensional lists": (dict(recommended=[1, 2]), r"shape \[users, k\].*got shape \(2,\)"),
    "lists without columns": (dict(recommended=np.empty((2, 0), int)), r"got shape \(2, 0\)"),
    "scores for codes": (dict(recommended=[[0.5, 1.0], [1.0, 2.0]]), "integer item codes, got dtype float64"),
    "codes below -1": (dict(recommended=[[-2, 1], [0, 1]]), r"got 1 \(-2\)"),
    "an item twice": (
        dict(recommended=[[0, 1], [3, 3]]),
        r"at most once, got repeated items in rows 1 \(1\)",
    ),
    "too few relevant rows": (dict(indptr=[0, 2]), r"3 entries .users \+ 1.*got shapes \(2,\)"),
    "indices of two dimensions": (dict(indices=[[0, 1]]), "one dimension"),
    "indices of floats": (dict(indices=[0.0, 1.0]), "must be integers, got int64, float64"),
    "indptr not from 0": (dict(indptr=[1, 1, 2]), "rise from 0 to 2"),
    "indptr too short a sum": (dict(indptr=[0, 1, 1]), "rise from 0 to 2"),
    "indptr falling": (dict(indptr=[0, 3, 2]), "rise from 0 to 2"),
    "negative index": (dict(indices=[-1, 0]), "item codes >= 0, got -1"),
    "unsorted row": (dict(indptr=[0, 2, 2], indices=[5, 1]), "ascend within each row"),
    "repeated index": (dict(indptr=[0, 2, 2], indices=[5, 5]), "without repeats"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_says_what_was_required(case: str):
    changes, message = BAD[case]
    good = dict(recommended=[[0, 1], [2, 3]], indptr=[0, 1, 2], indices=[0, 1], k=2)
    ranking_metrics(**good)
    with pytest.raises(InputError, match=message):
        ranking_metrics(**(good | changes))
