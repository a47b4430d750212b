"""RLMRec against its equations in plain torch; masks; texts about users."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.models import KAR, LightGCN, RLMRec
from graphrec_lm.models.alignment import batch_items, batch_users
from graphrec_lm.models.node_texts import NodeTexts
from graphrec_lm.text import PrecomputedEncoder
from graphrec_lm.training import Batch, Checkpoint
from graphrec_lm.training.losses import contrast
from tests.data.messages import check
from tests.models import plain_torch as plain
from tests.models.test_contract import FEW, QUICK
from tests.models.worlds import COLD_USER, encoder, frames, titles
from tests.support import normal

BOTH = pytest.mark.parametrize("variant", ["con", "gen"])
INFONCE = FEW | dict(loss="infonce", layers=2)


def started(world, **params):
    """A model, its graph, the learner before training, and a batch with repeated users and items."""
    model = RLMRec(encoder=encoder(), **params)
    graph = BipartiteGraph.from_dataset(world.train)
    return model, graph, model._learner(world.train, graph)[0], model._sampler(graph).draw(step=3, size=60)


def texts_of(graph, learner):
    items = torch.from_numpy(learner.texts.items)
    return plain.history_means(graph, items), items


def plain_ranking(model, graph, learner, batch, users, items):
    if model.loss == "infonce":
        return plain.infonce(users, items, batch, graph, model.tau)
    penalty = plain.squares(learner.users, learner.items, batch)
    return plain.bpr(users, items, batch) + model.regularization * penalty


def distinct_nodes(batch):
    others = batch.negatives[:60] if batch.negatives.ndim == 1 else batch.negatives[:, 0]
    return sorted(set(batch.users)), sorted({*batch.positives, *others})


@pytest.mark.parametrize("hidden", [None, 5])
@pytest.mark.parametrize("how", [{"loss": "bpr"}, {"loss": "infonce", "share_negatives": True}])
def test_the_contrastive_loss_and_its_gradients(world, how, hidden):
    params = QUICK | dict(
        layers=2, alignment_weight=0.7, alignment_tau=0.3, hidden=hidden, regularization=0.1
    )
    model, graph, learner, batch = started(world, **params, **how)
    users, items = plain.propagated(graph, learner.users, learner.items, 2)
    user_texts, item_texts = texts_of(graph, learner)
    some, touched = distinct_nodes(batch)
    alignment = plain.in_batch(users[some], learner.mlp(user_texts[some]), 0.3)
    alignment = alignment + plain.in_batch(items[touched], learner.mlp(item_texts[touched]), 0.3)
    expected = plain_ranking(model, graph, learner, batch, users, items) + 0.7 * alignment
    found = plain.gradients(learner, learner.loss(batch))
    plain.assert_close(found, plain.gradients(learner, expected))
    assert learner.mlp.w1.shape == (8, hidden or 8)


@pytest.mark.parametrize("how", [{"loss": "bpr"}, {"loss": "infonce"}])
def test_the_generative_loss_and_its_gradients(world, how):
    params = QUICK | dict(layers=2, alignment_weight=0.7, alignment_tau=0.3, mask_rate=0.3)
    model, graph, learner, batch = started(world, variant="gen", **params, **how)
    masks = [torch.from_numpy(mask)[:, None].float() for mask in learner.masked(batch.step)]
    tables = zip((learner.users, learner.items), masks, strict=True)
    start = [rows * (1 - mask) + mask * learner.token for rows, mask in tables]
    users, items = plain.propagated(graph, *start, 2)
    some, touched = (
        [code for code in nodes if mask[code]]
        for nodes, mask in zip(distinct_nodes(batch), masks, strict=True)
    )
    assert len(some) > 2 and len(touched) > 2
    user_texts, item_texts = texts_of(graph, learner)
    told = learner.mlp(torch.cat([users[some], items[touched]]))
    reconstruction = plain.in_batch(told, torch.cat([user_texts[some], item_texts[touched]]), 0.3)
    expected = plain_ranking(model, graph, learner, batch, users, items) + 0.7 * reconstruction
    found = plain.gradients(learner, learner.loss(batch))
    plain.assert_close(found, plain.gradients(learner, expected))
    assert all(gradient.abs().sum() > 0 for gradient in found)


def test_a_batch_without_masked_nodes_has_only_the_ranking_loss(world):
    _, _, learner, batch = started(world, variant="gen", **INFONCE)
    nobody = np.zeros(25, dtype=bool), np.zeros(21, dtype=bool)
    rows = learner.represent()
    assert float(learner.reconstruction(rows[0][batch.users], rows[1], batch, nobody)) == 0


def test_masks_are_functions_of_seed_and_step_at_the_given_rate(world):
    learner = started(world, variant="gen", mask_rate=0.25, **INFONCE)[2]
    other = started(world, variant="gen", mask_rate=0.25, **INFONCE, seed=1)[2]
    masks = np.array([np.concatenate(learner.masked(step)) for step in range(400)])
    assert (masks.sum(1) == int(46 * 0.25)).all()
    np.testing.assert_array_equal(np.concatenate(learner.masked(7)), masks[7])
    assert not np.array_equal(masks[7], masks[8])
    assert not np.array_equal(np.concatenate(other.masked(7)), masks[7])
    share = masks.mean(0)
    assert np.abs(share - 11 / 46).max() < 5 * np.sqrt(0.25 * 0.75 / 400)


def test_one_node_is_masked_at_least(world):
    learner = started(world, variant="gen", mask_rate=1e-9, **INFONCE)[2]
    assert np.concatenate(learner.masked(0)).sum() == 1


def test_the_nodes_of_a_batch():
    codes = (np.array(values, np.int32) for values in ([4, 1, 4], [2, 0, 2], [[5, 8], [2, 9], [5, 7]]))
    batch = Batch(*codes)
    users, places = batch_users(batch)
    assert users.tolist() == [1, 4] and batch.users[places].tolist() == [1, 4]
    assert batch_items(batch).tolist() == [0, 2, 5]


@pytest.mark.parametrize("count", [1, 2, 9])
def test_the_contrast_is_a_cross_entropy(count):
    rows, candidates = (torch.from_numpy(normal((count, 6), seed)).requires_grad_() for seed in (0, 1))
    found, expected = (loss(rows, candidates, 0.4) for loss in (contrast, plain.in_batch))
    for one, other in zip(
        *(torch.autograd.grad(x, [rows, candidates]) for x in (found, expected)), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(found, expected)


@BOTH
def test_without_weight_and_masks_it_is_lightgcn(world, variant):
    _, graph, learner, batch = started(world, variant=variant, alignment_weight=0.0, **INFONCE)
    theirs = LightGCN(**INFONCE)._learner(world.train, graph)[0]
    if variant == "gen":
        learner.masked = lambda step: (np.zeros(25, dtype=bool), np.zeros(21, dtype=bool))
    torch.testing.assert_close(learner.loss(batch), theirs.loss(batch))


def profiled(texts):
    """The checkerboard with a column of texts about the users, and an encoder that knows them."""
    rows, items, users = frames()
    train = Dataset.from_frame(rows, items, users.assign(profile=texts)).split("from_column").train
    known = [*titles(), *dict.fromkeys(text for text in texts if text and text.strip())]
    vectors = np.concatenate([encoder().encode(titles()), normal((len(known) - 21, 8), 5)])
    return train, PrecomputedEncoder(texts=known, embeddings=vectors)


PROFILES = [f"likes {code}" for code in range(25)]


def test_texts_about_users_stand_for_them(world):
    train, known = profiled(PROFILES)
    graph = BipartiteGraph.from_dataset(train)
    codes = np.array([3, 0], dtype=np.int32)
    given, notes = NodeTexts.encoded(train, graph, known, "profile")
    means, plain_notes = NodeTexts.encoded(train, graph, known, None)
    np.testing.assert_array_equal(given.of_users(codes), known.encode(["likes 3", "likes 0"]))
    expected = plain.history_means(graph, torch.from_numpy(means.items))[codes]
    torch.testing.assert_close(means.of_users(codes), expected)
    assert means.users is None and notes.keys() - plain_notes.keys() == {"user_texts_fingerprint"}


@pytest.mark.parametrize("make", [RLMRec, KAR])
def test_texts_about_users_enter_the_fit_and_its_checkpoint(make, tmp_path):
    train, known = profiled(PROFILES)
    other, _ = profiled(PROFILES[::-1])
    params = INFONCE | dict(epochs=1, encoder=known, user_texts="profile")
    one = make(**params).fit(train, callbacks=[Checkpoint(tmp_path / "run.safetensors")])
    assert not np.array_equal(one.item_vectors_, make(**params).fit(other).item_vectors_)
    with pytest.raises(InputError, match="another run's"):
        make(**params).fit(other, callbacks=[Checkpoint(tmp_path / "run.safetensors")])
    one.save(tmp_path / "model")
    history = dict(history=[[1, 2, 3], []], k=5)
    assert make.load(tmp_path / "model").recommend(**history).equals(one.recommend(**history))


BAD_TEXTS = {
    "no such column": (
        PROFILES,
        "profiel",
        ["must name a column", "'profiel'", "mean 'profile'"],
    ),
    "a user without one": (
        [*PROFILES[:-1], None],
        "profile",
        ["for every user", repr(COLD_USER), "leave"],
    ),
    "a blank one": (["  ", *PROFILES[1:]], "profile", ["a text for every user", "1 ('u0')", "histories"]),
    "a number": (PROFILES, 3, ["must name a column", "3", "user table"]),
}


@pytest.mark.parametrize("name", BAD_TEXTS)
def test_bad_texts_about_users(name):
    texts, column, words = BAD_TEXTS[name]
    train, known = profiled(texts)
    with pytest.raises(InputError) as error:
        RLMRec(encoder=known, user_texts=column, **INFONCE).fit(train)
    check(error, words)


BAD = {
    "another variant": (dict(variant="cno"), "`variant` must be one of", "'cno'", "mean 'con'"),
    "a weight below zero": (dict(alignment_weight=-1), "`alignment_weight` must be a number >= 0", "-1"),
    "no temperature": (dict(alignment_tau=0), "`alignment_tau` must be a number > 0", "0"),
    "no hidden layer": (dict(hidden=0), "`hidden` must be an integer >= 1", "0"),
    "no masks": (dict(variant="gen", mask_rate=0), "`mask_rate` must be a number > 0", "0"),
    "everything masked": (
        dict(variant="gen", mask_rate=1.0),
        "`mask_rate` must be a number < 1",
        "1.0",
        "0.1",
    ),
    "masked nodes alone": (dict(variant="gen", layers=0), "`layers` must be an integer >= 1", "0"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_parameters(world, name):
    changes, *words = BAD[name]
    with pytest.raises(InputError) as error:
        RLMRec(encoder=encoder(), **{**QUICK, **changes}).fit(world.train)
    check(error, words)
