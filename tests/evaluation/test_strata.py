"""Strata against metrics of one user at a time."""

from __future__ import annotations

import numpy as np
import pytest

from graphrec_lm.errors import InputError
from graphrec_lm.evaluation import by_history, by_popularity, popularity_strata
from graphrec_lm.metrics import ranking_metrics
from tests.support import random_csr


def test_a_third_of_the_interactions_each():
    counts = np.array([1, 1, 3, 2, 1, 1, 0])
    # by count: item 2 (before it 0), 3 (3), 0 (5), 1 (6), 4 (7), 5 (8); a third is 3, two thirds 6
    assert popularity_strata(counts).tolist() == [1, 2, 0, 1, 2, 2, 2]


def test_the_head_is_the_smallest_set_with_a_third():
    counts = np.random.default_rng(0).zipf(1.8, 300)
    strata, order = popularity_strata(counts), np.argsort(-counts, kind="stable")
    head = (strata == 0).sum()
    assert set(order[:head]) == set(np.flatnonzero(strata == 0))
    assert counts[order[:head]].sum() * 3 >= counts.sum() > counts[order[: head - 1]].sum() * 3
    assert counts[strata < 2].sum() * 3 >= 2 * counts.sum()


def test_metrics_of_a_stratum_are_those_against_its_items_alone():
    rng = np.random.default_rng(1)
    relevant = random_csr(12, 30, 0.25, seed=2)
    counts = rng.integers(0, 20, 30)
    lists = np.array([rng.permutation(30)[:10] for _ in range(12)])
    found = by_popularity(lists, relevant.indptr, relevant.indices, counts, k=10)
    strata = popularity_strata(counts)
    for place, name in enumerate(("head", "mid", "tail")):
        for user in range(12):
            own = relevant.indices[relevant.indptr[user] : relevant.indptr[user + 1]]
            own = own[strata[own] == place]
            alone = ranking_metrics(lists[[user]], [0, len(own)], own, k=10, metrics=("recall", "ndcg"))
            for metric, value in alone.items():
                assert found[name][metric][user] == pytest.approx(value[0], nan_ok=True)
    assert any(np.isnan(found["head"]["recall@10"]))


def test_users_by_the_length_of_their_history():
    values = {"ndcg@5": np.array([0.1, 0.2, 0.3, 0.4])}
    found = by_history(values, [5, 1, 9, 3])
    assert np.nanmean(found["short"]["ndcg@5"]) == pytest.approx(0.3)  # 1 and 3; the median is 4
    assert np.nanmean(found["long"]["ndcg@5"]) == pytest.approx(0.2)
    assert np.isnan(by_history(values, [5, 1, 9, 3], boundary=8)["long"]["ndcg@5"]).sum() == 3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: popularity_strata([0, 0]), "at least one interaction"),
        (lambda: popularity_strata([2, -1]), "counts >= 0"),
        (lambda: by_popularity([[0]], [0, 1], [5], [1, 1], k=1), "below 2"),
        (lambda: by_history({"x": [1.0]}, [1, 2]), "one number for each user"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
