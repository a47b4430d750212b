"""Evaluation: what is hidden, what can't be ranked, and frames read by the fitted rules."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import graphrec_lm
from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError, UnknownIdError
from graphrec_lm.models import MF, AlphaRec, LightGCN, Popularity, TitleCosine
from graphrec_lm.text import SentenceEncoder
from tests.models.worlds import COLD_USER, checkerboard


@pytest.fixture(scope="module")
def world():
    return checkerboard()


def test_the_validation_part_can_be_evaluated(world):
    model = TitleCosine(world.encoder).fit(world.train, valid=world.valid)
    alone = TitleCosine(world.encoder).fit(world.train).evaluate(world.valid, k=5)
    assert model.evaluate(world.valid, k=5)["ndcg@5"] == alone["ndcg@5"] > 0


def test_fitted_interactions_in_the_test_are_refused_with_their_number(world):
    model = Popularity().fit(world.train)
    with pytest.raises(InputError, match=rf"no fitted interaction, got {world.train.n_interactions} of them"):
        model.evaluate(world.train)


def test_several_cutoffs_are_those_of_one_ranking(world):
    model = TitleCosine(world.encoder).fit(world.train, valid=world.valid)
    both = model.evaluate(world.test, k=[2, 5], metrics=("recall", "mrr"))
    assert list(both) == ["recall@2", "mrr@2", "recall@5", "mrr@5"]
    for k in (2, 5):
        for name, values in model.evaluate(world.test, k=k, metrics=("recall", "mrr")).per_user.items():
            np.testing.assert_array_equal(both.per_user[name], values)
    with pytest.raises(InputError, match="`k` must be a cut-off"):
        model.evaluate(world.test, k=[])


def test_what_cannot_be_ranked_may_be_dropped(world):
    model = Popularity().fit(world.train)
    test = pd.DataFrame({"user_id": ["u0", "u0", "zoe"], "item_id": [12, 999, 12]})
    with pytest.raises(UnknownIdError):
        model.evaluate(test)
    known = model.evaluate(test[:1])
    assert dict(model.evaluate(test, on_unknown="drop")) == dict(known)
    fitted = world.train.items.ids[world.train.indices[0]]
    mixed = pd.DataFrame({"user_id": ["u0", "u0"], "item_id": [12, fitted]})
    assert dict(model.evaluate(mixed, on_fitted="drop")) == dict(known)
    with pytest.raises(InputError, match="at least one positive"):
        model.evaluate(mixed[1:], on_fitted="drop")


@pytest.mark.parametrize("own", [False, True])
def test_candidates_alone_are_ranked_and_relevant(world, own):
    model = TitleCosine(world.encoder).fit(world.train, valid=world.valid)
    even = [item for item in world.train.items.ids.tolist() if item % 2 == 0]
    test = world.test.to_frame()
    users = test["user_id"].unique().tolist()
    candidates = pd.DataFrame([(u, i) for u in users for i in even], columns=["user_id", "item_id"])
    found = model.evaluate(world.test, k=3, metrics=("recall",), candidates=candidates if own else even)
    wanted = test[test["item_id"] % 2 == 0].groupby("user_id")["item_id"].agg(set)
    assert found.user_ids.tolist() == [user for user in users if user in wanted.index]
    lists = model.recommend(list(wanted.index), k=3, candidates=even, exclude=world.valid.to_frame())
    hits = lists.groupby("user_id")["item_id"].agg(set)
    expected = {user: len(hits[user] & wanted[user]) / len(wanted[user]) for user in wanted.index}
    assert dict(zip(found.user_ids, found.per_user["recall@3"], strict=True)) == pytest.approx(expected)
    assert 0 < found["recall@3"] < 1
    assert found == model.evaluate(world.test, k=3, metrics=("recall",), candidates=iter(even))
    with pytest.raises(InputError, match="positive interaction with a candidate, got 0"):
        model.evaluate(test[test["item_id"] % 2 == 1], candidates=even)
    with pytest.raises(UnknownIdError):
        model.evaluate(test, candidates=[999])


def test_models_that_read_no_weights_say_so(world, caplog):
    rows = pd.DataFrame({"user_id": [1, 1, 2], "item_id": [1, 2, 1], "weight": [1.0, 3.0, 2.0]})
    with caplog.at_level("WARNING", logger="graphrec_lm"):
        Popularity().fit(Dataset.from_frame(rows))
        Popularity().fit(world.train)
    assert [record.getMessage() for record in caplog.records] == [
        "Popularity reads no weights: every pair counts as one; IALS does"
    ]


def test_an_empty_validation_part_trains_all_epochs(world):
    options = {"epochs": 6, "valid_every": 1, "patience": 2, "verbose": False, "dim": 4}
    empty = world.valid.align(world.train.frame({"user_id": ["u0"][:0], "item_id": np.zeros(0, int)}))
    model = MF(**options).fit(world.train, valid=empty)
    assert len(model.history_) == 6
    assert np.array_equal(model.user_vectors_, MF(**options).fit(world.train).user_vectors_)


def test_a_loaded_model_reads_frames_as_the_fitted_one_did(tmp_path):
    rng = np.random.default_rng(0)
    pairs = np.unique(rng.integers(0, 12, (200, 2)), axis=0)
    rows = pd.DataFrame(
        {"userId": pairs[:, 0], "item_id": pairs[:, 1], "stars": rng.integers(1, 6, len(pairs))}
    )
    dataset = Dataset.from_frame(rows[::2], columns={"userId": "user_id"}, positive="stars >= 3.5")
    test = rows[1::2]
    test = test[test["userId"].isin(dataset.users.ids) & test["item_id"].isin(dataset.items.ids)]
    model = Popularity().fit(dataset)
    model.save(tmp_path / "model")
    loaded = graphrec_lm.load(tmp_path / "model")
    assert dict(loaded.evaluate(test, k=3)) == dict(model.evaluate(test, k=3))
    liked = test[test["stars"] >= 3.5]
    assert len(liked) < len(test)
    assert dict(loaded.evaluate(test, k=3)) == dict(loaded.evaluate(liked, k=3))


def test_a_loaded_model_asks_for_its_encoder_to_encode_again(world, tmp_path):
    model = TitleCosine([world.encoder]).fit(world.train)
    model.save(tmp_path / "model")
    loaded = graphrec_lm.load(tmp_path / "model")
    with pytest.raises(InputError, match=r"must be given its encoder .*set_params\(encoder"):
        loaded.fit(world.train)
    refitted = loaded.set_params(encoder=[world.encoder]).fit(world.train)
    assert np.array_equal(refitted.user_vectors_, model.user_vectors_)


def test_options_of_an_encoder_are_not_lost_for_its_name(world, tmp_path):
    model = TitleCosine(world.encoder).fit(world.train)
    model._fitted.params["encoder"] = SentenceEncoder("all-MiniLM-L6-v2", prompt="film: ")
    model.save(tmp_path / "model")
    loaded = graphrec_lm.load(tmp_path / "model")
    assert loaded.encoder.fingerprint != SentenceEncoder("all-MiniLM-L6-v2").fingerprint


@pytest.mark.parametrize("name", ["AlphaRec", "LightGCN", "MF", "TitleCosine"])
def test_a_history_scores_the_same_alone_and_among_hundreds(world, name):
    brief = {"epochs": 2, "verbose": False}
    models = {
        "AlphaRec": AlphaRec(encoder=world.encoder, **brief),
        "LightGCN": LightGCN(**brief),
        "MF": MF(**brief),
        "TitleCosine": TitleCosine(world.encoder),
    }
    model = models[name].fit(world.train)
    rng = np.random.default_rng(3)
    histories = [rng.choice(20, rng.integers(1, 9), replace=False).tolist() for _ in range(300)]
    together = model.recommend(history=histories, k=5)
    for person in (0, 127, 128, 299):
        alone = model.recommend(history=[histories[person]], k=5)
        among = together[together["user_id"] == person]
        assert alone["item_id"].tolist() == among["item_id"].tolist()
        assert alone["score"].tolist() == among["score"].tolist()


def test_people_without_a_history_are_told_and_the_lists_are_kept(world, caplog):
    model = TitleCosine(world.encoder).fit(world.train)
    test = pd.DataFrame({"user_id": ["u0", COLD_USER], "item_id": [12, 3]})
    result = model.evaluate(test, k=4)
    assert "1 of 2 people of `test` have no fitted interaction" in caplog.text
    lists = world.train.items.ids[result.lists]
    for user, row in zip(result.user_ids, lists, strict=True):
        assert model.recommend([user], k=4)["item_id"].tolist() == row.tolist()
    assert graphrec_lm.metrics.coverage(result.lists, world.train.n_items) > 0.2
    caplog.clear()
    model.evaluate(test[:1])
    assert not caplog.text


def test_lists_are_as_long_as_the_cut_off(world):
    model, n_items = TitleCosine(world.encoder).fit(world.train), world.train.n_items
    result = model.evaluate(world.test, k=n_items + 5)
    assert result.lists.shape == (len(result.user_ids), n_items + 5)
    assert (result.lists[:, -5:] == -1).all()
    assert graphrec_lm.metrics.coverage(result.lists, n_items) > 0.5


def test_evaluations_are_compared_by_their_means(world):
    model = TitleCosine(world.encoder).fit(world.train)
    first, second = (model.evaluate(world.test, k=5) for _ in range(2))
    assert first == second == dict(first)
    assert first != model.evaluate(world.test, k=4)
