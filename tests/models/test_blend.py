"""Blend: the standardised sum, weights chosen on held-out interactions, members kept whole."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from graphrec_lm.errors import InputError
from graphrec_lm.kernels import reference
from graphrec_lm.metrics import ranking_metrics
from graphrec_lm.models import (
    EASE,
    MF,
    Blend,
    ItemKNN,
    LightGCN,
    Popularity,
    Random,
    TextRidge,
    TitleCosine,
    load,
)
from graphrec_lm.models.fusion import Fusion
from graphrec_lm.models.people import People
from graphrec_lm.training import Callback, Checkpoint, TimeLimit, TrainingState
from tests.data.messages import check
from tests.models.test_transfer import Blocks
from tests.models.worlds import checkerboard
from tests.support import normal, random_csr


@pytest.fixture(scope="module")
def world():
    return checkerboard()


def members(world):
    return [EASE(regularization=2.0), TitleCosine(encoder=world.encoder)]


def scores(model, dataset):
    return model._scores(People.by_id(dataset, None, "raise"))


def test_the_score_is_the_weighted_sum_of_standardised_scores(world):
    model = Blend(members(world), weights=[2.0, 0.5]).fit(world.train)
    expected = 0
    for weight, member in zip((2.0, 0.5), members(world), strict=True):
        expected = expected + weight * reference.standardised(scores(member.fit(world.train), world.train))
    np.testing.assert_allclose(scores(model, world.train), expected, atol=1e-4)


def make_fusion(people=400, n_items=60, noisy=1.0):
    """Two members, each the truth and noise of its own, and held-out items drawn from the truth."""
    rng, truth = np.random.default_rng(0), normal((people, n_items), 1)
    parts = [truth + normal((people, n_items), 2), truth + noisy * normal((people, n_items), 3)]
    seen = random_csr(people, n_items, 0.1, seed=3)
    chance = np.exp(3.0 * truth) * (seen.dense == 0)
    chance /= chance.sum(1, keepdims=True)
    held_out = np.array([rng.choice(n_items, p=row) for row in chance], dtype=np.int32)
    fusion = Fusion(
        lambda start, stop: [part[start:stop] for part in parts],
        n_items,
        (seen.indptr.astype(np.int64), seen.indices.astype(np.int32)),
        (np.arange(people + 1, dtype=np.int64), held_out),
    )
    return fusion, parts, seen, held_out


def test_ranking_among_candidates_is_ranking_among_all():
    fusion, parts, seen, held_out = make_fusion()
    weights = np.array([1.0, 0.4], dtype=np.float32)
    total = sum(w * reference.standardised(part) for w, part in zip(weights, parts, strict=True))
    top = reference.topk(total, 20, seen.dense > 0)[0]
    relevant = np.arange(len(held_out) + 1), held_out
    expected = ranking_metrics(top, *relevant, k=20, metrics=("ndcg",))["ndcg@20"].mean()
    assert fusion.ndcg(weights) == pytest.approx(expected, abs=1e-6)


def test_two_views_of_the_truth_are_better_than_one():
    weights, values = make_fusion()[0].best()
    assert values[0] > 1.03 * max(values[1:])
    assert 0.5 < weights[1] / weights[0] < 2


def test_the_noisier_member_counts_less():
    weights, values = make_fusion(noisy=3.0)[0].best()
    assert 0 < weights[1] / weights[0] < 0.6 and values[2] < values[1]


def test_a_useless_member_does_no_harm(world):
    model = Blend([EASE(regularization=2.0), Random()]).fit(world.train, valid=world.valid)
    names = model.validation_
    assert names["blend"] >= names["Random"]
    assert max(names.values()) == pytest.approx(model.evaluate(world.valid, k=20)["ndcg@20"], abs=1e-6)


def test_without_validation_weights_are_chosen_on_a_split(world):
    model = Blend(members(world)).fit(world.train)
    assert set(model.validation_) == {"blend", "EASE", "TitleCosine"}
    assert model.members_[0].dataset_ is world.train


def test_without_validation_members_keep_what_they_chose_on_the_split(world):
    graph = LightGCN(epochs=12, valid_every=1, patience=2, dim=4, batch_size=32, verbose=False)
    model = Blend([TextRidge(encoder=world.encoder, verbose=False), graph]).fit(world.train)
    train, apart, _ = world.train.split("random", valid=0.1, test=0.0, seed=0)
    tried = graph.fit(train, valid=apart).history_
    best = max(tried, key=lambda record: record["valid_ndcg@20"])["epoch"]
    ridge, found = model.members_
    assert len(found.history_) == found.get_params()["epochs"] == best
    chosen = TextRidge(encoder=world.encoder, verbose=False).fit(train, valid=apart).chosen_
    assert ridge.chosen_ == {name: value for name, value in chosen.items() if name != "ndcg"}


def test_wishes_are_not_answered_by_a_member_without_weight(world):
    model = Blend([EASE(), TitleCosine(encoder=world.encoder)], weights=[0, 1]).fit(world.train)
    texts = world.encoder.encode(["north 3"])
    texts /= np.linalg.norm(texts)
    titles = world.encoder.encode(world.train.titles)
    found = model._text_scores(texts, titles)
    np.testing.assert_array_equal(found, model.members_[1]._text_scores(texts, titles))


def test_a_member_without_weight_explains_nothing(world):
    cosine = TitleCosine(encoder=world.encoder)
    model = Blend([EASE(), ItemKNN(), cosine], weights=[0, 1, 1]).fit(world.train)
    neighbours = model.members_[1]
    item = world.train.items.ids[0]
    target = neighbours.recommend(["u0"], k=1)["item_id"].tolist()[0]
    assert_frame_equal(model.explain("u0", target), neighbours.explain("u0", target))
    assert_frame_equal(model.similar_items([item], k=3), neighbours.similar_items([item], k=3))
    alone = Blend([EASE(), cosine], weights=[0, 1]).fit(world.train)
    with pytest.raises(NotImplementedError, match="no member of this Blend"):
        alone.explain("u0", target)


def test_a_blend_within_hides_no_later_member(world):
    inner = Blend([Popularity(), Random()], weights=[1, 1])
    model = Blend([inner, EASE()], weights=[1, 1]).fit(world.train)
    found, item = model.members_[1], world.train.items.ids[0]
    target = found.recommend(["u0"], k=1)["item_id"].tolist()[0]
    assert_frame_equal(model.explain("u0", target), found.explain("u0", target))
    assert_frame_equal(model.similar_items([item], k=3), found.similar_items([item], k=3))


def test_members_that_were_passed_stay_unfitted(world):
    mine = members(world)
    Blend(mine, weights=[1, 1]).fit(world.train)
    assert mine[0]._fitted is None and mine[1]._fitted is None


def test_a_loaded_blend_has_its_members(world, tmp_path):
    model = Blend(members(world)).fit(world.train, valid=world.valid)
    model.save(tmp_path / "blend")
    again = load(tmp_path / "blend")
    assert [type(member).__name__ for member in again.members_] == ["EASE", "TitleCosine"]
    np.testing.assert_array_equal(again.members_[0].item_weights_, model.members_[0].item_weights_)
    assert again.validation_ == model.validation_ and isinstance(again.get_params()["members"][0], EASE)


def test_bad_members_and_weights(world):
    with pytest.raises(InputError) as error:
        Blend([EASE()]).fit(world.train)
    check(error, ["`members` must be at least two models", "Write Blend("])
    with pytest.raises(InputError) as error:
        Blend([EASE(), Popularity()], weights=[1.0]).fit(world.train)
    check(error, ["`weights` must be 2 numbers", "Give one weight a member"])


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: Blend([EASE(), Popularity()], weights=[0, 0]), "must not be 0"),
        (lambda: Blend([EASE(), Popularity()], weights=[1]), "must be 2 numbers"),
        (lambda: Blend([EASE(), type("Mine", (Popularity,), {})()]), "models of the library"),
    ],
)
def test_bad_blends_are_refused_before_a_member_is_fitted(model, message, world, monkeypatch):
    monkeypatch.setattr(EASE, "_fit", None)
    with pytest.raises(InputError, match=message):
        model().fit(world.train, valid=world.valid)


def test_a_checkpoint_serves_one_trained_member(world, tmp_path):
    few = dict(epochs=2, dim=4, batch_size=32, verbose=False)
    path = tmp_path / "c"
    with pytest.raises(InputError, match="one trained member, got MF, LightGCN"):
        Blend([MF(**few), LightGCN(**few)]).fit(world.train, callbacks=[Checkpoint(path, every=1)])
    assert not path.exists()
    Blend([EASE(), MF(**few)], weights=[1, 1]).fit(world.train, callbacks=[Checkpoint(path, every=1)])
    assert path.exists()


def test_members_keep_what_their_encoder_learned(world, tmp_path):
    new = pd.DataFrame({"item_id": [900], "title": ["north again"]})
    two = [TextRidge(encoder="tfidf:4", verbose=False), EASE(regularization=2.0)]
    Blend(two, weights=[1.0, 1.0]).fit(world.train).save(tmp_path / "m")
    loaded, fresh = load(tmp_path / "m"), Blend(two, weights=[1.0, 1.0]).fit(world.train)
    asked = {"users": ["u0", "u3"], "k": 4, "intent": "north"}
    for model in (loaded, fresh):
        model.add_items(new)
    assert len(loaded._state.encoders) == 1
    pd.testing.assert_frame_equal(loaded.recommend(**asked), fresh.recommend(**asked))


@pytest.mark.parametrize("saved", [False, True])
def test_a_blend_in_a_blend_takes_new_items_and_wishes(world, saved, tmp_path):
    new = pd.DataFrame({"item_id": [900], "title": ["north again"]})
    encoder = Blocks() if not saved else "tfidf:4"
    inner = Blend([EASE(regularization=2.0), TitleCosine(encoder=encoder)], weights=[1.0, 1.0])
    model = Blend([inner, EASE(regularization=5.0)], weights=[1.0, 1.0]).fit(world.train)
    if saved:
        model.save(tmp_path / "m")
        model = load(tmp_path / "m")
    found = model.add_items(new).recommend(["u0"], k=30, intent="north", alpha=1.0)
    assert found["title"].str.startswith("north").iloc[:3].all()
    assert 900 in found["item_id"].tolist()


def test_callbacks_are_called_in_every_fit_of_a_member_with_epochs(world, caplog):
    limit = TimeLimit(1e-9)
    graph = LightGCN(epochs=300, valid_every=1, dim=4, batch_size=32, verbose=False)
    with caplog.at_level("WARNING", logger="graphrec_lm"):
        model = Blend([EASE(regularization=2.0), graph]).fit(world.train, callbacks=[Epochs(), limit])
    assert Epochs.counted == 2  # one in the fit that chooses the weights, one in the last
    assert len(model.members_[1].history_) == 1 and not caplog.records


def test_a_model_without_epochs_says_that_callbacks_are_not_called(world, caplog):
    with caplog.at_level("WARNING", logger="graphrec_lm"):
        EASE().fit(world.train, callbacks=[TimeLimit(1)])
    assert "EASE has no epochs: its callbacks are not called" in caplog.text
    assert not EASE().has_epochs and LightGCN().has_epochs and Blend([EASE(), MF()]).has_epochs


class Epochs(Callback):
    """Counts them."""

    counted = 0

    def on_epoch_end(self, state: TrainingState) -> None:
        Epochs.counted += 1
