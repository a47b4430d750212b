"""New items predicted from the nearest titles: item-to-item weights equal the formula; item vectors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.kernel_ridge import KernelRidge

import graphrec_lm
from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError
from graphrec_lm.kernels import reference, unit_rows
from graphrec_lm.models import (
    EASE,
    IALS,
    KAR,
    L3AE,
    MF,
    SLIM,
    Blend,
    ItemKNN,
    LightGCN,
    MultVAE,
    Popularity,
    Recommender,
    RLMRec,
    TextRidge,
    WhiteGCN,
    XSimGCL,
)
from graphrec_lm.models.grown_weights import OWN, GrownWeights, weight_products
from graphrec_lm.models.mixtures import mixtures_of, predictors_of
from graphrec_lm.models.people import People
from graphrec_lm.models.text import encoded
from graphrec_lm.models.thin_plus_sparse import ThinPlusSparse
from tests.models.test_transfer import NEW, WORLD, Blocks, items
from tests.models.worlds import frames

MODELS = {
    "EASE": lambda: EASE(regularization=2.0),
    "ItemKNN": lambda: ItemKNN(shrink=0.5),
    "SLIM": lambda: SLIM(l1=0.1, l2=1.0, verbose=False),
    "L3AE": lambda: L3AE(interaction_regularization=1.0, distillation=1.0, encoder=Blocks()),
    "TextRidge": lambda: TextRidge(encoder=Blocks(), verbose=False),
    "TextRidge, sparse": lambda: TextRidge(encoder=Blocks(), solver="sparse", verbose=False),
}
LOOP = {"loss": "infonce", "dim": 8, "epochs": 30, "learning_rate": 0.02, "batch_size": 64, "verbose": False}
FACTORS = {
    "LightGCN": lambda: LightGCN(**LOOP),
    "MF": lambda: MF(**LOOP | {"loss": "bpr"}),
    "XSimGCL": lambda: XSimGCL(**LOOP),
    "KAR": lambda: KAR(**LOOP, encoder=Blocks()),
    "RLMRec": lambda: RLMRec(**LOOP, encoder=Blocks()),
    "MultVAE": lambda: MultVAE(hidden=16, dim=8, epochs=60, learning_rate=0.02, verbose=False),
    "IALS": lambda: IALS(factors=8, regularization=1.0, iterations=5, verbose=False),
}


def random_weights(kind: str) -> tuple[object, np.ndarray]:
    generator = np.random.default_rng(3)
    dense = generator.standard_normal((6, 6)).astype(np.float32)
    if kind == "dense":
        return dense, dense
    dense[generator.random((6, 6)) < 0.5] = 0
    if kind == "sparse":
        return sparse.csr_array(dense), dense
    left, right = generator.standard_normal((2, 6, 2)).astype(np.float32)
    return ThinPlusSparse(left, right, sparse.csr_array(dense)), left @ right.T + dense


@pytest.mark.parametrize("kind", ["dense", "sparse", "thin"])
def test_sums_equal_the_dense_formula(kind):
    known, dense = random_weights(kind)
    mixtures = np.array([[0.5, 0, 0.5, 0, 0, 0], [0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0]], dtype=np.float32)
    weights = GrownWeights(known, sparse.csr_array(mixtures))
    both = np.vstack([np.eye(6, dtype=np.float32), mixtures])
    expected = both @ (dense + OWN * np.eye(6, dtype=np.float32)) @ both.T
    expected[:6, :6] = dense
    histories = [[0, 3], [7], [], [1, 6, 7, 8], [8]]
    indptr = np.concatenate([[0], np.cumsum([len(h) for h in histories])]).astype(np.int64)
    indices = np.array([i for h in histories for i in h], dtype=np.int32)
    sums = np.stack([expected[h].sum(axis=0) for h in histories])
    np.testing.assert_allclose(weights.sums(indptr, indices), sums, atol=1e-5)
    np.testing.assert_allclose(weights.column(np.array([0, 6, 7]), 7), expected[[0, 6, 7], 7], atol=1e-5)
    some = np.eye(9, dtype=np.float32)[[0, 8]] / 2 + np.float32(0.1)
    np.testing.assert_allclose(weight_products(sparse.csr_array(some), weights), some @ expected, atol=1e-5)
    assert weights.shape == (9, 9)


def test_mixtures_are_of_touched_items_and_sum_to_one():
    generator = np.random.default_rng(0)
    vectors = generator.standard_normal((40, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    touched = np.arange(0, 30, 2, dtype=np.int32)
    found = mixtures_of(vectors[30:], vectors[:30], touched).toarray()
    cosines = np.maximum(vectors[30:] @ vectors[:30].T, 0) ** 4
    cosines[:, 1::2] = 0
    np.testing.assert_allclose(found, cosines / cosines.sum(axis=1, keepdims=True), atol=1e-5)
    nobody = mixtures_of(-vectors[:1], vectors[:1], np.zeros(1, dtype=np.int32))
    assert nobody.nnz == 0


@pytest.mark.parametrize("noise", [1.0, 20.0])
@pytest.mark.parametrize("nearest", [100, 6])
def test_predictors_are_kernel_ridge_regression_on_the_nearest_titles(nearest, noise):
    generator = np.random.default_rng(1)
    vectors = unit_rows(generator.standard_normal((340, 4)).astype(np.float32))
    new, known = vectors[40:], vectors[:40]
    touched = np.arange(0, 40, 2, dtype=np.int32)
    known_values = generator.standard_normal(40)
    found = predictors_of(new, known, touched, nearest, noise=noise) @ known_values
    for row, vector in zip(found, new, strict=True):
        near = touched[np.argsort(-(known[touched] @ vector))[:nearest]]
        machine = KernelRidge(alpha=noise, kernel=lambda a, b: np.exp((a @ b - 1) / 0.2))
        machine.fit(known[near].astype(np.float64), known_values[near])
        assert row == pytest.approx(machine.predict(vector[None].astype(np.float64))[0], abs=1e-5)


def test_an_item_can_be_predicted_from_others_alone():
    known = unit_rows(np.random.default_rng(2).standard_normal((9, 4)).astype(np.float32))
    everything = np.arange(9, dtype=np.int32)
    itself = np.arange(10), everything
    found = predictors_of(known, known, everything, 4, seen=itself).toarray()
    for item in everything:
        others = predictors_of(known[[item]], known, np.delete(everything, item), 4).toarray()[0]
        np.testing.assert_allclose(found[item], others, atol=1e-6)


def test_titles_that_say_the_same_share_their_weight():
    known = np.array([[1, 0], [1, 0], [0.8, 0.6]], dtype=np.float32)
    twin, other = (
        predictors_of(known[:1], rows, np.arange(len(rows), dtype=np.int32)).toarray()[0]
        for rows in (known, known[1:])
    )
    assert twin[0] == pytest.approx(twin[1]) and twin[0] < 0.8 * other[0]
    assert predictors_of(known[:1], known, np.zeros(0, dtype=np.int32)).nnz == 0


@pytest.mark.parametrize("name", [*MODELS, *FACTORS])
def test_new_items_are_recommended_at_once(name, tmp_path):
    model = (MODELS | FACTORS)[name]().fit(WORLD.train, valid=WORLD.valid)
    before = model.recommend(["u0", "u1"], k=20, candidates=list(range(20)))
    model.add_items(items([70], NEW[:1])[:0], encoder=Blocks())
    again = model.recommend(["u0", "u1"], k=20, candidates=list(range(20)))
    pd.testing.assert_frame_equal(again, before)
    model.add_items(items([70], NEW[:1]), encoder=Blocks()).add_items(
        items([60, 65], NEW[1:]), encoder=Blocks()
    )
    after = model.recommend(["u0", "u1"], k=20, candidates=list(range(20)))
    pd.testing.assert_frame_equal(after, before)
    scores = model.recommend(["u0", "u1"], candidates=[70, 60, 65])
    best = scores[scores["rank"] == 1]["title"].str.split().str[0].tolist()
    assert best == ["north", "south"]
    assert model.recommend(history=[[60]], k=3)["title"].str.startswith("south").all()
    assert model.similar_items([60], k=3)["title"].str.startswith("south").all()
    if name in MODELS:
        score = float(model.predict([("u1", 60)])[0])
        assert model.explain("u1", 60, k=30)["score"].sum() == pytest.approx(score, abs=1e-5)
    model.save(tmp_path / "m")
    loaded = graphrec_lm.load(tmp_path / "m")
    pd.testing.assert_frame_equal(loaded.recommend(["u0"], k=24), model.recommend(["u0"], k=24))


@pytest.mark.parametrize("name", FACTORS)
def test_a_new_item_of_a_known_title_is_ranked_as_that_item(name):
    model = FACTORS[name]().fit(WORLD.train)
    new = unit_rows(encoded(WORLD.train.titles[:1], Blocks())[0])
    mixture = predictors_of(new, model._unit_titles(Blocks()), model._touched())
    model.add_items(items([60], WORLD.train.titles[:1]), encoder=Blocks())
    expected = mixture @ model.item_vectors_[:-1]
    if model._state.notes.get("cosine"):
        expected /= np.linalg.norm(expected)
    np.testing.assert_allclose(model.item_vectors_[-1:], expected, atol=1e-5)


def test_a_new_item_gains_by_its_namesake_in_the_history():
    apart = GrownWeights(np.zeros((3, 3), np.float32), sparse.csr_array(np.eye(3, dtype=np.float32)[:1]))
    found = apart.sums(np.array([0, 1, 2, 3]), np.array([0, 1, 3], np.int32))
    np.testing.assert_allclose(found, OWN * np.array([[0, 0, 0, 1], [0, 0, 0, 0], [1, 0, 0, 1]]), atol=1e-7)


def test_explanations_of_old_and_new_items():
    model = TextRidge(encoder=Blocks(), verbose=False).fit(WORLD.train, valid=WORLD.valid)
    before = model.explain("u1", 19, k=30)
    model.add_items(items([60], ["south new"]))
    pd.testing.assert_frame_equal(model.explain("u1", 19, k=30), before)
    added = model.explain("u1", 60, k=30)
    assert (added["interactions"] == 0).all() and added["titles"].sum() == pytest.approx(added["score"].sum())


def test_explanations_after_an_update_are_of_what_was_learned():
    model = TextRidge(encoder=Blocks(), verbose=False).fit(WORLD.train, valid=WORLD.valid)
    before = model.explain("u1", 19, k=30)
    model.update(pd.DataFrame({"user_id": ["u3", "zoe", "zoe"], "item_id": [19, 19, 12]}))
    pd.testing.assert_frame_equal(model.explain("u1", 19, k=30), before)


@pytest.mark.parametrize("name", ["L3AE", "TextRidge", "KAR", "RLMRec"])
def test_titles_are_kept_with_the_model(name, tmp_path):
    model = (MODELS | FACTORS)[name]().fit(WORLD.train)
    model.save(tmp_path / "m")
    loaded = graphrec_lm.load(tmp_path / "m")
    for one in (model, loaded):
        one.add_items(items([70, 60, 65], NEW), encoder=OnlyNew())
        assert one._state.arrays["titles"].shape == (24, 8)
    pd.testing.assert_frame_equal(loaded.recommend(k=5), model.recommend(k=5))


class OnlyNew(Blocks):
    """Knows no title of the fitted items."""

    def encode(self, texts):
        assert set(texts) <= set(NEW)
        return super().encode(texts)


def test_nobody_s_history_explains_nothing():
    model = TextRidge(encoder=Blocks(), verbose=False).fit(WORLD.train)
    assert len(model.explain("nobody", 3)) == 0
    assert len(model.add_items(items([60], ["south new"])).explain("nobody", 3)) == 0


def test_what_was_fitted_without_titles_takes_no_items():
    rows = frames()[0]
    model = EASE().fit(Dataset.from_frame(rows[rows["split"] == "train"]))
    with pytest.raises(InputError, match="must have titles to take items"):
        model.add_items(items([70], NEW[:1]), encoder=Blocks())


def test_what_cannot_be_added_changes_nothing():
    model = TextRidge(encoder=Blocks(), verbose=False).fit(WORLD.train)
    before = model._fitted
    for frame, encoder, message in [
        (items([3], ["north"]), None, "already there"),
        (items([99], ["north"]), WORLD.encoder, "another fingerprint"),
    ]:
        with pytest.raises(InputError, match=message):
            model.add_items(frame, encoder=encoder)
        assert model._fitted is before


def test_a_blend_takes_what_all_its_members_take(tmp_path):
    def members() -> list[Recommender]:
        return [WhiteGCN(encoder=Blocks()), EASE(regularization=2.0)]

    model = Blend(members(), weights=[1.0, 0.5]).fit(WORLD.train)
    model.save(tmp_path / "blend")
    model.add_items(items([70, 60, 65], NEW), encoder=Blocks())
    assert model.dataset_.n_items == 24
    everyone, expected = People.by_id(model.dataset_, None, "raise"), 0
    for weight, member in zip((1.0, 0.5), members(), strict=True):
        grown = member.fit(WORLD.train).add_items(items([70, 60, 65], NEW), encoder=Blocks())
        expected = expected + weight * reference.standardised(grown._scores(everyone))
    np.testing.assert_allclose(model._scores(everyone), expected, atol=1e-4)
    loaded = graphrec_lm.load(tmp_path / "blend")
    with pytest.raises(InputError, match="given its encoder"):
        loaded.add_items(items([70, 60, 65], NEW))
    loaded.add_items(items([70, 60, 65], NEW), encoder=Blocks())
    pd.testing.assert_frame_equal(loaded.recommend(k=5), model.recommend(k=5))


def test_the_usual_blend_takes_new_items_loaded_or_not(tmp_path):
    members = [TextRidge(encoder=Blocks(), verbose=False), LightGCN(**LOOP)]
    model = Blend(members, weights=[1.0, 0.5]).fit(WORLD.train)
    model.save(tmp_path / "blend")
    loaded = graphrec_lm.load(tmp_path / "blend")
    for one in (model, loaded):
        one.add_items(items([70, 60, 65], NEW), encoder=OnlyNew())
        first = one.recommend(["u0", "u1"], candidates=[70, 60, 65], k=1)["title"].str.split().str[0]
        assert first.tolist() == ["north", "south"]
    pd.testing.assert_frame_equal(loaded.recommend(k=5), model.recommend(k=5))


def test_a_blend_with_a_member_that_takes_no_items():
    model = Blend([EASE(), Popularity()], weights=[1.0, 0.5]).fit(WORLD.train)
    with pytest.raises(NotImplementedError, match="Popularity cannot take new items"):
        model.add_items(items([70], NEW[:1]), encoder=Blocks())
    assert model.dataset_.n_items == 21
