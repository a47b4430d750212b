"""IALS: exact fold-in, its problem's optimum, repeatable; and what is said without `implicit`."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
import torch

from graphrec_lm import load
from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError
from graphrec_lm.models import IALS, ials
from graphrec_lm.models.ials import _common, least_squares_users
from graphrec_lm.models.people import People
from tests.data.messages import check
from tests.models.test_closed_forms import random_dataset
from tests.models.worlds import checkerboard
from tests.support import normal, random_csr

QUICK = dict(factors=4, iterations=5, verbose=False)


def dense_solve(dense, items, regularization, alpha):
    """The normal equations of every user, with the confidences as a diagonal matrix."""
    rows = []
    for history in dense:
        confidence = np.diag(np.where(history > 0, alpha, 1.0))
        left = items.T @ confidence @ items + regularization * np.eye(items.shape[1])
        rows.append(np.linalg.solve(left, items.T @ confidence @ history))
    return np.stack(rows)


@pytest.mark.parametrize("n_users", [1, 300])  # 300: more than are solved together
def test_folding_in_solves_the_normal_equations(n_users):
    pattern, items = random_csr(n_users, 40, 0.15, seed=2), normal((40, 6), 1)
    found = least_squares_users(items, pattern.indptr, pattern.indices, _common(items, 0.3), 7.0)
    expected = dense_solve(pattern.dense.astype(np.float64), items.astype(np.float64), 0.3, 7.0)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)
    assert found.dtype == np.float32


def test_weights_are_confidence():
    pattern, items = random_csr(30, 12, 0.3, seed=2), normal((12, 4), 1)
    weights = np.random.default_rng(0).uniform(0.5, 3, len(pattern.indices)).astype(np.float32)
    found = least_squares_users(items, pattern.indptr, pattern.indices, _common(items, 0.3), 7.0, weights)
    confidence = pattern.dense.astype(np.float64)
    confidence[confidence > 0] = weights
    for row, own in zip(found, confidence, strict=True):
        diagonal = np.diag(1 + 6 * own)
        left = items.T @ diagonal @ items + 0.3 * np.eye(4)
        np.testing.assert_allclose(row, np.linalg.solve(left, items.T @ diagonal @ (own > 0)), rtol=1e-4)


def weighted_dataset():
    plain, _ = random_dataset(60, 25)
    weights = np.random.default_rng(0).uniform(0.5, 5, plain.n_interactions)
    return Dataset.from_codes(plain.users, plain.items, plain.edges.users, plain.indices, weights=weights)


def test_an_empty_history_is_zero():
    nobody = np.zeros(2, dtype=np.int64), np.zeros(0, dtype=np.int32)
    items = normal((5, 3))
    assert not least_squares_users(items, *nobody, _common(items, 0.1), 2.0).any()


class TestWithImplicit:
    @pytest.fixture(autouse=True)
    def needs_implicit(self):
        pytest.importorskip("implicit")

    def test_users_are_solved_for_the_final_items(self):
        dataset, pattern = random_dataset(60, 25)
        model = IALS(factors=5, regularization=0.2, alpha=4.0, verbose=False).fit(dataset)
        items = model.item_vectors_.astype(np.float64)
        expected = dense_solve(pattern.dense.astype(np.float64), items, 0.2, 4.0)
        np.testing.assert_allclose(model.user_vectors_, expected, atol=1e-5)

    def test_scores_without_an_item_are_those_of_the_shorter_history(self):
        dataset, _ = random_dataset(30, 25)
        model = IALS(**QUICK, alpha=6.0).fit(dataset)
        order = np.random.default_rng(0).permutation(dataset.n_interactions)[:40]
        users, items = dataset.edges.users[order], dataset.indices[order]
        shorter = model._fold_in(People.without(dataset, users, items))
        expected = np.einsum("nf,nf->n", shorter, model.item_vectors_[items])
        pairs = list(zip(users.tolist(), items.tolist(), strict=True))
        np.testing.assert_allclose(model.predict(pairs, leave_out=True), expected, atol=1e-5)

    def test_weights_of_a_dataset_enter_the_fit(self):
        plain, _ = random_dataset(60, 25)
        users = plain.edges.users
        weights = 1.0 + (plain.indices == 3) * 9
        heavy = Dataset.from_codes(plain.users, plain.items, users, plain.indices, weights=weights)
        alike = Dataset.from_codes(
            plain.users, plain.items, users, plain.indices, weights=np.ones(len(users))
        )
        models = [IALS(**QUICK, alpha=4.0).fit(dataset) for dataset in (plain, alike, heavy)]
        np.testing.assert_array_equal(models[0].item_vectors_, models[1].item_vectors_)
        pairs = [(int(user), 3) for user in users[plain.indices == 3]]
        assert models[2].predict(pairs).mean() > models[0].predict(pairs).mean()
        more = plain.frame({"user_id": [0], "item_id": [3], "weight": [1.0]})
        before = models[2].user_vectors_
        after = models[2].update(more).user_vectors_
        np.testing.assert_allclose(after[1:], before[1:], atol=1e-6)
        assert np.abs(after[0] - before[0]).max() > 1e-3

    def test_new_people_with_weights_are_solved_like_fitted_ones(self):
        dataset = weighted_dataset()
        model = IALS(**QUICK, alpha=4.0).fit(dataset)
        own = slice(*dataset.indptr[:2])
        history = dict(zip(dataset.indices[own].tolist(), dataset.weights[own].tolist(), strict=True))
        fitted, new = model.recommend([0], k=5), model.recommend(history=[history, list(history)], k=5)
        np.testing.assert_allclose(new["score"][:5], fitted["score"], rtol=1e-5)
        assert new["item_id"][:5].tolist() == fitted["item_id"].tolist()
        assert np.abs(new["score"][5:].to_numpy() - fitted["score"].to_numpy()).max() > 1e-3
        unknown = model.recommend(history=[{**history, 999: 5.0}], k=5, on_unknown="drop")
        np.testing.assert_allclose(unknown["score"], fitted["score"], rtol=1e-5)
        for wrong in ({3: 0.0}, {3: float("nan")}, {3: "two"}):
            with pytest.raises(InputError, match="weights of a `history`"):
                model.recommend(history=[wrong])

    def test_a_score_is_explained_by_the_history(self):
        for dataset in (weighted_dataset(), random_dataset(60, 25)[0]):
            model = IALS(**QUICK, alpha=4.0).fit(dataset)
            parts = model.explain(2, 7, k=100)
            assert sorted(parts["item_id"]) == dataset.indices[slice(*dataset.indptr[2:4])].tolist()
            assert parts["score"].sum() == pytest.approx(model.predict([(2, 7)])[0], abs=1e-5)
            assert parts["score"].is_monotonic_decreasing and len(model.explain(2, 7, k=1)) == 1
            own = slice(*dataset.indptr[2:4])
            weights = [1.0] * 99 if dataset.weights is None else dataset.weights[own].tolist()
            history = dict(zip(dataset.indices[own].tolist(), weights, strict=False))
            pd.testing.assert_frame_equal(model.explain(item=7, history=history, k=100), parts)

    def test_an_update_solves_those_whose_weights_grew(self, monkeypatch):
        dataset = weighted_dataset()
        model = IALS(**QUICK, alpha=4.0).fit(dataset)
        solved, solve = [], ials.least_squares_users
        monkeypatch.setattr(
            ials,
            "least_squares_users",
            lambda *a: solved.append(np.count_nonzero(np.diff(a[1]))) or solve(*a),
        )
        heard = int(dataset.indices[dataset.indptr[3]])
        new = int(np.setdiff1d(np.arange(25), dataset.indices[slice(*dataset.indptr[5:7])])[0])
        rows = {"user_id": [3, 5, 99], "item_id": [heard, new, 4], "weight": [2.0, 1.0, 3.0]}
        model.update(dataset.frame(rows))
        assert solved == [3]
        grown = model.dataset_
        pattern = grown.indptr, grown.indices
        common = model._state.arrays["common"]
        expected = solve(model.item_vectors_, *pattern, common, 4.0, grown.weights)
        np.testing.assert_allclose(model.user_vectors_, expected, atol=1e-6)

    def test_it_is_near_a_fixed_point_of_the_alternation(self):
        dataset, pattern = random_dataset(60, 25)
        model = IALS(factors=3, regularization=1.0, alpha=4.0, iterations=300, verbose=False).fit(dataset)
        users = model.user_vectors_.astype(np.float64)
        items = dense_solve(pattern.dense.T.astype(np.float64), users, 1.0, 4.0)
        np.testing.assert_allclose(model.item_vectors_, items, atol=2e-3)

    def test_a_seed_makes_a_fit_repeatable_bit_for_bit_on_any_number_of_threads(self):
        dataset, _ = random_dataset(60, 25)
        before, found = torch.get_num_threads(), []
        try:
            for count in (1, 1, 2):
                torch.set_num_threads(count)
                found.append(IALS(**QUICK, seed=3).fit(dataset))
        finally:
            torch.set_num_threads(before)
        for other in found[1:]:
            np.testing.assert_array_equal(found[0].item_vectors_, other.item_vectors_)
            np.testing.assert_array_equal(found[0].user_vectors_, other.user_vectors_)
        other = IALS(**QUICK, seed=4).fit(dataset)
        assert not np.array_equal(found[0].item_vectors_, other.item_vectors_)

    def test_new_people_are_folded_in_with_the_fitted_parameters(self, tmp_path):
        train = checkerboard().train
        model = IALS(**QUICK).fit(train)
        before = model.recommend(history=[[1, 2]])
        model.set_params(alpha=99.0, regularization=5.0).save(tmp_path / "model")
        for one in (model, load(tmp_path / "model")):
            np.testing.assert_array_equal(one.recommend(history=[[1, 2]])["score"], before["score"])


def test_without_implicit_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "implicit", None)
    monkeypatch.delitem(sys.modules, "implicit.cpu.als", raising=False)
    monkeypatch.delitem(sys.modules, "implicit.cpu", raising=False)
    model = IALS(**QUICK)
    with pytest.raises(ImportError, match=r'pip install "graphrec_lm\[implicit\]"'):
        model.fit(checkerboard().train)
    assert model._fitted is None


BAD = {
    "no factor": ({"factors": 0}, "`factors` must be an integer >= 1", "0"),
    "no ridge": ({"regularization": 0.0}, "`regularization` must be a number > 0", "0.0"),
    "less than the unseen": ({"alpha": 0.5}, "`alpha` must be a number >= 1", "0.5"),
    "no iteration": ({"iterations": 0}, "`iterations` must be an integer >= 1", "0"),
    "a seed below zero": ({"seed": -1}, "`seed` must be an integer >= 0", "-1"),
    "a word": ({"verbose": "no"}, "`verbose` must be True or False", "'no'"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_parameters(name):
    changes, *words = BAD[name]
    with pytest.raises(InputError) as error:
        IALS(**changes).fit(checkerboard().train)
    check(error, words)
