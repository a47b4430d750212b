"""Paired bootstrap against scipy's and against all resamples of a small case; Holm by hand."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from graphrec_lm.errors import InputError
from graphrec_lm.evaluation import Difference, differences_from, holm, paired_bootstrap
from graphrec_lm.models.evaluation import Evaluation


def scores(n: int = 200, seed: int = 0) -> dict[str, np.ndarray]:
    """Three models of the same users; B is A and noise, C is lower."""
    rng = np.random.default_rng(seed)
    a = rng.random(n)
    return {"A": a, "B": a + rng.normal(0.01, 0.1, n), "C": 0.5 * a + rng.normal(0, 0.1, n)}


def test_every_pair_is_there_once_with_its_difference():
    values = scores()
    found = paired_bootstrap(values, n_resamples=99)
    assert [pair[:2] for pair in found] == [("A", "B"), ("A", "C"), ("B", "C")]
    for pair in found:
        wanted = values[pair.first].mean() - values[pair.second].mean()
        assert pair.difference == pytest.approx(wanted, abs=1e-12)
        assert pair.low < pair.difference < pair.high


@pytest.mark.parametrize("names", [("A", "B"), ("A", "C")])
def test_intervals_agree_with_scipy(names):
    values = {name: scores()[name] for name in names}
    mine = paired_bootstrap(values, n_resamples=20_000, level=0.9)[0]
    one, other = values.values()
    theirs = stats.bootstrap(
        (one - other,), np.mean, n_resamples=20_000, confidence_level=0.9, method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    width = theirs.high - theirs.low
    assert mine.low == pytest.approx(theirs.low, abs=0.03 * width)
    assert mine.high == pytest.approx(theirs.high, abs=0.03 * width)


def test_the_p_value_is_that_of_all_resamples():
    one, other = np.array([0.5, 0.2, 0.9, 0.1]), np.array([0.3, 0.3, 0.5, 0.0])
    gaps = one - other
    resampled = np.array([gaps[list(drawn)].mean() for drawn in product(range(4), repeat=4)])
    exact = (np.abs(resampled - gaps.mean()) >= abs(gaps.mean()) - 1e-12).mean()
    found = paired_bootstrap({"A": one, "B": other}, n_resamples=40_000)[0].p_value
    assert found == pytest.approx(exact, abs=0.01)


def test_few_users_are_told_and_one_is_refused(caplog):
    paired_bootstrap({"A": np.arange(30.0), "B": np.ones(30)}, n_resamples=9)
    assert caplog.text == ""
    paired_bootstrap({"A": np.arange(29.0), "B": np.ones(29)}, n_resamples=9)
    assert "29 users are few to resample" in caplog.text
    with pytest.raises(InputError, match="at least two users, got 1"):
        paired_bootstrap({"A": [0.1], "B": [0.2]})


def test_it_is_paired():
    """A small steady gain on noisy users is certain."""
    noisy = np.random.default_rng(0).random(50)
    found = paired_bootstrap({"A": noisy + 1e-3, "B": noisy}, n_resamples=999)[0]
    assert found.p_value == pytest.approx(1 / 1000)
    assert found.low == pytest.approx(1e-3)


def test_equal_models_don_t_differ_and_blocks_don_t_matter(monkeypatch: pytest.MonkeyPatch):
    values = scores(30) | {"D": scores(30)["A"]}
    found = {pair[:2]: pair for pair in paired_bootstrap(values, n_resamples=50, seed=3)}
    assert found["A", "D"].p_value == found["A", "D"].adjusted == 1.0
    monkeypatch.setattr("graphrec_lm.evaluation.significance._DRAWS", 100)
    for again, before in zip(paired_bootstrap(values, n_resamples=50, seed=3), found.values(), strict=True):
        assert again[:2] == before[:2]
        assert again[2:] == pytest.approx(before[2:], abs=1e-12)  # a product's last bit depends on its shape


def evaluation(users: list[str], values: list[float]) -> Evaluation:
    return Evaluation({"ndcg@20": np.array(values), "recall@20": np.zeros(len(values))}, np.array(users))


def test_evaluations_are_compared_user_by_user():
    one, other = evaluation(["a", "b", "c"], [0.1, 0.2, 0.9]), evaluation(["c", "a", "b"], [0.5, 0.3, 0.0])
    found = paired_bootstrap({"A": one, "B": other}, "ndcg@20", n_resamples=99)
    wanted = {"A": np.array([0.1, 0.2, 0.9]), "B": np.array([0.3, 0.0, 0.5])}
    assert found == paired_bootstrap(wanted, n_resamples=99)


@pytest.mark.parametrize(
    ("other", "metric", "told"),
    [
        (
            evaluation(["a", "x"], [0.1, 0.2]),
            "ndcg@20",
            r"same users, got 2 \('b', 'x'\) not in all of them",
        ),
        (evaluation(["a", "b"], [0.1, 0.2]), None, r"`metric` must say .* Valid: 'ndcg@20', 'recall@20'"),
        (
            evaluation(["a", "b"], [0.1, 0.2]),
            "mrr",
            r"one of each Evaluation, got 'mrr' for 'A'. Valid: ndcg@20, recall@20",
        ),
        (
            Evaluation({"ndcg@20": np.ones(2)}, np.array([1, 2])),
            "ndcg@20",
            r"same users, got 4 \(1, 2, 'a', 'b'\) not in all of them",
        ),
        ([0.1, 0.2], "ndcg@20", r"must be Evaluations, got list for 'B'"),
        ([0.1, 0.2], None, r"`metric` must say"),
    ],
)
def test_evaluations_that_cannot_be_compared(other: object, metric: str | None, told: str):
    values = {"A": evaluation(["a", "b"], [0.1, 0.3]), "B": other}
    with pytest.raises(InputError, match=told):
        paired_bootstrap(values, metric)


def test_models_need_names():
    with pytest.raises(InputError, match="must be a mapping from name to model, got list"):
        paired_bootstrap([[0.1], [0.2]])


def test_holm_by_hand():
    p = [0.01, 0.04, 0.03, 0.005]
    # sorted .005 .01 .03 .04 times 4 3 2 1 = .02 .03 .06 .04, never falling: .02 .03 .06 .06
    assert holm(p) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]).tolist() == [1.0, 1.0]
    assert holm([]).size == 0


def test_the_adjusted_values_are_holm_s():
    found = paired_bootstrap(scores(), n_resamples=500)
    assert [pair.adjusted for pair in found] == holm([pair.p_value for pair in found]).tolist()


def test_differences_are_turned_towards_a_reference():
    pairs = [Difference("A", "B", 0.2, 0.1, 0.3, 0.01, 0.02), Difference("B", "C", 0.1, 0.0, 0.2, 0.3, 0.3)]
    assert differences_from(pairs, "B") == [
        Difference("A", "B", 0.2, 0.1, 0.3, 0.01, 0.02),
        Difference("C", "B", -0.1, -0.2, -0.0, 0.3, 0.3),
    ]


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ({"A": [1.0]}, {}, "at least two models"),
        ({"A": [1.0], "B": [1.0, 2.0]}, {}, "one number a user"),
        ({"A": [1.0], "B": [float("nan")]}, {}, "NaN or infinity for 'B'"),
        ({"A": [1.0], "B": [0.0]}, {"n_resamples": 0}, "`n_resamples`"),
        ({"A": [1.0], "B": [0.0]}, {"level": 1}, "`level` must be a number > 0 and < 1"),
    ],
)
def test_bad_input_is_refused(values, options, message):
    with pytest.raises(InputError, match=message):
        paired_bootstrap(values, **options)


def test_holm_refuses_what_is_no_p_value():
    with pytest.raises(InputError, match="from 0 to 1"):
        holm([0.5, 1.5])
