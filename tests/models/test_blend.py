"""Blend: the standardised sum, weights learned on held-out interactions, members kept whole."""

from __future__ import annotations

import numpy as np
import pytest

from graphrec_lm.errors import InputError
from graphrec_lm.kernels import reference
from graphrec_lm.models import EASE, Blend, Popularity, Random, TitleCosine, load
from graphrec_lm.models.fusion import Fusion, person_weights
from graphrec_lm.models.people import People
from tests.data.messages import check
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


def test_weights_grow_with_the_history():
    weights = np.array([[1, 0.5], [2, -1]], dtype=np.float32)
    found = person_weights(weights, np.array([0, 9]))
    np.testing.assert_allclose(found, [[1, 2], [1 + 0.5 * np.log(10), 2 - np.log(10)]], rtol=1e-6)


def make_fusion(seed=0, people=200, n_items=60):
    """A useful member, noise, and held-out items drawn from the useful member's softmax."""
    rng = np.random.default_rng(seed)
    useful, noise = normal((people, n_items), 1), normal((people, n_items), 2)
    seen = random_csr(people, n_items, 0.1, seed=3)
    chance = np.exp(2.0 * useful) * (seen.dense == 0)
    chance /= chance.sum(1, keepdims=True)
    held_out = np.array([rng.choice(n_items, p=row) for row in chance], dtype=np.int32)
    relevant = np.arange(people + 1, dtype=np.int64), held_out
    parts = [useful, noise]
    return Fusion(
        lambda start, stop: [part[start:stop] for part in parts],
        n_items,
        (seen.indptr.astype(np.int64), seen.indices.astype(np.int32)),
        relevant,
    )


def test_learning_finds_the_weights_that_made_the_data():
    weights = make_fusion(people=500).learn(2)
    total = person_weights(weights, np.array([6]))[0]
    assert total[0] == pytest.approx(2.0, abs=0.4) and abs(total[1]) < 0.3


def test_what_ranks_best_is_kept():
    fusion = make_fusion()
    weights, values = fusion.best(2)
    assert max(values) == values[0] or max(values) == values[1]
    assert fusion.ndcg([weights]) == pytest.approx([max(values)]) and max(values) > values[2]


def test_the_gradient_vanishes_at_the_learned_weights():
    import torch

    fusion = make_fusion(seed=5)
    features, hits, absent = fusion._candidates(2)
    weights = torch.tensor(fusion.learn(2).T.reshape(-1), dtype=torch.float64, requires_grad=True)
    logits = (features @ weights).masked_fill(absent, -torch.inf)
    likely = torch.log_softmax(logits, 1).masked_fill(absent, 0.0)
    (-(hits * likely).sum(1).mean() + 1e-3 * weights.square().sum()).backward()
    assert weights.grad.abs().max() < 1e-3
    assert hits.sum().item() == pytest.approx(200) and not absent.all(1).any()


def test_a_useless_member_does_no_harm(world):
    model = Blend([EASE(regularization=2.0), Random()]).fit(world.train, valid=world.valid)
    names = model.validation_
    assert names["blend"] >= names["Random"]
    assert max(names.values()) == pytest.approx(model.evaluate(world.valid, k=20)["ndcg@20"], abs=1e-6)


def test_without_validation_weights_are_learned_on_a_split(world):
    model = Blend(members(world)).fit(world.train)
    assert set(model.validation_) == {"blend", "EASE", "TitleCosine"}
    assert model.members_[0].dataset_ is world.train


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
