"""Near titles beside the ridge: their weights, and what the model does with them."""

from __future__ import annotations

import numpy as np
import pytest

from graphrec_lm.errors import InputError
from graphrec_lm.kernels import unit_rows
from graphrec_lm.models import TextRidge, load, near_titles
from graphrec_lm.models.near_titles import NearTitles
from graphrec_lm.models.text import title_vectors
from tests.models.worlds import checkerboard
from tests.support import normal

WORLD = checkerboard()
GIVEN = {"regularization": 5.0, "strength": 1.0, "text_regularization": 1.0, "encoder": WORLD.encoder}


def dense(weights):
    return weights if isinstance(weights, np.ndarray) else weights.toarray()


@pytest.mark.parametrize("noise", [0.5, 20.0])
def test_the_weights_are_kernel_ridge_regression_on_the_nearest_others(noise, monkeypatch):
    monkeypatch.setattr(near_titles, "_NEAREST", 4)
    titles, counts = unit_rows(normal((12, 5), 3)), np.array([0, 3, 1, 9, 2, 5, 1, 1, 4, 7, 2, 6])
    found = NearTitles(titles, counts, [noise]).weights(2.0, noise).toarray()
    cosines = titles.astype(np.float64) @ titles.T
    kernel = np.exp((cosines - 1) / 0.2)
    expected = np.zeros((12, 12))
    for item in range(12):
        others = [i for i in np.argsort(-cosines[item]) if i != item and counts[i]][:4]
        inner = kernel[np.ix_(others, others)] + noise * np.eye(4)
        expected[others, item] = np.linalg.solve(inner, kernel[others, item])
    expected *= (2 / (counts + 2))[:, None]
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("solver", ["dense", "sparse"])
def test_they_are_added_to_the_weights(solver):
    without = TextRidge(**GIVEN, solver=solver).fit(WORLD.train)
    model = TextRidge(**GIVEN, solver=solver, near_strength=1.5, near_noise=3.0).fit(WORLD.train)
    titles = unit_rows(title_vectors(WORLD.train, WORLD.encoder)[0])
    near = NearTitles(titles, WORLD.train.item_counts, [3.0]).weights(5.0, 3.0)
    assert near.nnz > 0
    np.testing.assert_allclose(
        dense(model.item_weights_), dense(without.item_weights_) + 1.5 * near.toarray(), atol=1e-5
    )
    assert without.chosen_["near_strength"] == 0
    parts = model.explain("u0", 9, k=30)
    np.testing.assert_allclose(parts["interactions"] + parts["titles"], parts["score"], atol=1e-5)


def test_numbers_of_numpy_are_numbers(tmp_path):
    model = TextRidge(
        encoder=WORLD.encoder, near_strength=np.float32(1), near_noise=np.float64(10), verbose=False
    )
    model.fit(WORLD.train, valid=WORLD.valid).save(tmp_path / "m")
    assert load(tmp_path / "m").chosen_ == model.chosen_


def test_they_are_chosen_on_validation_and_can_be_given():
    model = TextRidge(encoder=WORLD.encoder, verbose=False).fit(WORLD.train, valid=WORLD.valid)
    tried = {(point["near_noise"], point["near_strength"]) for point in model.search_}
    assert len(tried) == 13 and (10.0, 0.0) in tried
    best = max(model.search_, key=lambda point: point["ndcg"])
    assert model.chosen_ == best
    given = {name: value for name, value in best.items() if name != "ndcg"}
    again = TextRidge(**given, encoder=WORLD.encoder).fit(WORLD.train)
    np.testing.assert_allclose(dense(again.item_weights_), dense(model.item_weights_), atol=1e-6)


@pytest.mark.parametrize("solver", ["dense", "sparse"])
def test_the_scores_of_the_search_are_those_of_the_fitted_model(solver):
    model = TextRidge(near_strength=4.0, solver=solver, encoder=WORLD.encoder, verbose=False)
    model.fit(WORLD.train, valid=WORLD.valid)
    assert {point["near_strength"] for point in model.search_} == {4.0}
    found = model.evaluate(WORLD.valid, k=20)["ndcg@20"]
    assert model.chosen_["ndcg"] == pytest.approx(found, abs=1e-6)


def test_without_titles_there_are_none():
    model = TextRidge(strength=0.0, encoder=WORLD.encoder, verbose=False).fit(WORLD.train, valid=WORLD.valid)
    assert {point["near_strength"] for point in model.search_} == {0.0}


@pytest.mark.parametrize("wrong", [{"near_strength": -1.0}, {"near_noise": 0.0}])
def test_bad_numbers(wrong):
    with pytest.raises(InputError, match=f"`{next(iter(wrong))}` must be a number"):
        TextRidge(encoder=WORLD.encoder, **wrong).fit(WORLD.train)
