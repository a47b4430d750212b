"""Probability metrics against scikit-learn and plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from graphrec_lm import metrics
from graphrec_lm.errors import InputError


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("digits", [1, 8])
def test_against_scikit_learn(seed: int, digits: int):
    rng = np.random.default_rng(seed)
    p = rng.random(300).round(digits).clip(0.01, 0.99)
    y, users = (rng.random(300) < p).astype(int), rng.integers(0, 12, 300)
    figures = metrics.probability_metrics(y, p, users)
    assert figures["log_loss"] == pytest.approx(sk.log_loss(y, p))
    assert figures["auc"] == pytest.approx(sk.roc_auc_score(y, p))
    assert figures["brier"] == pytest.approx(sk.brier_score_loss(y, p))
    groups = [users == u for u in range(12) if 0 < y[users == u].mean() < 1]
    values, sizes = zip(*((sk.roc_auc_score(y[g], p[g]), g.sum()) for g in groups), strict=True)
    assert figures["gauc"] == pytest.approx(np.average(values, weights=sizes))
    gaps = [
        abs(p[b].mean() - y[b].mean()) * b.sum() for k in range(10) if (b := (p * 10).astype(int) == k).any()
    ]
    assert figures["ece"] == pytest.approx(sum(gaps) / 300)


def test_certain_and_wrong_is_finite():
    assert np.isfinite(metrics.log_loss([1, 0], [0.0, 1.0]))


def test_reliability_counts_every_row():
    table = metrics.reliability([0, 1, 1], [0.0, 1.0, 0.55], bins=4)
    assert table.counts.tolist() == [1, 1, 1]
    assert table.predicted.tolist() == [0, 0.55, 1]


def test_groups_of_one_class_do_not_count():
    assert np.isnan(metrics.gauc([1, 1, 0], [0.1, 0.2, 0.3], [1, 1, 2]))


@pytest.mark.parametrize(
    ("labels", "probabilities"), [([1], [0.5, 0.5]), ([2], [0.5]), ([1], [1.5]), ([1], [np.nan]), ([], [])]
)
def test_refuses(labels, probabilities):
    with pytest.raises(InputError):
        metrics.brier(labels, probabilities)


def test_one_class_has_no_auc():
    with pytest.raises(InputError, match="both classes"):
        metrics.auc([1, 1], [0.5, 0.6])


def test_a_row_without_a_group_is_named():
    with pytest.raises(InputError, match="`groups` must be values of one kind"):
        metrics.gauc([0, 1], [0.1, 0.2], np.array(["ann", None], dtype=object))
