"""TextGCNMLP and AlphaFree against dense algebra and plain autograd in double precision."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch.nn import functional

from graphrec_lm.data import Dataset, IdMap
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.models import AlphaFree, TextGCNMLP
from graphrec_lm.models.alpha_free import align, augmented_view, similar_items
from graphrec_lm.models.projection import Projection
from graphrec_lm.models.text_view import TextView
from graphrec_lm.text import PrecomputedEncoder
from graphrec_lm.training import BatchSampler
from tests.support import normal, random_csr

N_USERS, N_ITEMS, WIDTH = 30, 40, 24
PATTERN = random_csr(N_USERS, N_ITEMS, 0.08, seed=3)
GRAPH = BipartiteGraph(PATTERN.indptr, PATTERN.indices, N_ITEMS)
VECTORS = normal((N_ITEMS, WIDTH), 1)
VECTORS = (VECTORS + normal((1, WIDTH), 2)).astype(np.float16).astype(np.float32)
LONG = pytest.mark.parametrize("is_long", [False, True])


def diffused(layers):
    """Users' and items' rows of P, from the square adjacency."""
    adjacency = np.zeros((N_USERS + N_ITEMS,) * 2)
    adjacency[:N_USERS, N_USERS:] = PATTERN.dense
    means = PATTERN.dense / np.maximum(PATTERN.dense.sum(1, keepdims=True), 1) @ VECTORS.astype(np.float64)
    adjacency += adjacency.T
    scale = 1 / np.sqrt(np.maximum(adjacency.sum(1), 1))
    hops = [np.concatenate([means, VECTORS])]
    for _ in range(layers):
        hops.append(scale[:, None] * adjacency * scale @ hops[-1])
    mean = torch.from_numpy(np.mean(hops, axis=0))
    return mean[:N_USERS], mean[N_USERS:]


def tower(vectors, weights):
    return functional.leaky_relu(vectors @ weights["w1"] + weights["b1"]) @ weights["w2"] + weights["b2"]


def copies(*modules):
    """Weights of projections in double precision, to be differentiated; of one, one copy."""
    made = {
        id(m): {k: v.detach().double().requires_grad_() for k, v in m.named_parameters()} for m in modules
    }
    return [made[id(module)] for module in modules]


def ranking_loss(users, items, batch, tau):
    """Every positive alone against the negatives, pair by pair."""
    scores = functional.normalize(users) @ functional.normalize(items).T / tau
    losses = []
    for at, user in enumerate(batch.users):
        own = batch.negatives if batch.negatives.ndim == 1 else batch.negatives[at]
        if batch.seen is not None:
            own = own[~np.isin(own, batch.seen[1][batch.seen[0][user] : batch.seen[0][user + 1]])]
        row = scores[user]
        losses += [row[[item, *own]].logsumexp(0) - row[item] for item in np.atleast_1d(batch.positives[at])]
    return torch.stack(losses).mean()


def agreement(one, other, tau):
    """InfoNCE both ways between two views, in full."""
    logits = functional.normalize(one) @ functional.normalize(other).T / tau
    target = torch.arange(len(logits))
    return (functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)) / 2


def assert_gradients(learner, batch, modules, expected_loss):
    """Loss and gradients of a learner equal those of a function of weights in double precision."""
    weights = copies(*modules)
    expected = expected_loss(*weights)
    expected.backward()
    loss = learner.loss(batch)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-4)
    for module, copy in zip(modules, weights, strict=True):
        for name, parameter in module.named_parameters():
            np.testing.assert_allclose(parameter.grad, copy[name].grad, rtol=1e-4, atol=1e-4)


def learner_of(model):
    """The untrained learner of a model on the data of this file."""
    titles = [f"title {item}" for item in range(N_ITEMS)]
    users = np.repeat(np.arange(N_USERS), np.diff(PATTERN.indptr))
    dataset = Dataset.from_codes(
        IdMap(range(N_USERS)),
        IdMap(range(N_ITEMS)),
        users,
        PATTERN.indices,
        item_table=pa.table({"item_id": np.arange(N_ITEMS), "title": titles}),
    )
    model.set_params(encoder=PrecomputedEncoder(texts=titles, embeddings=VECTORS))
    return model._learner(dataset, GRAPH)[0]


@LONG
@pytest.mark.parametrize("layers", [0, 1, 3])
def test_the_view_is_diffusion_by_dense_algebra(layers, is_long, monkeypatch):
    monkeypatch.setattr(TextView, "_is_long", lambda *_: is_long)
    monkeypatch.setattr("graphrec_lm.models.text_view._PEOPLE", 7)
    view = TextView(torch.from_numpy(VECTORS), GRAPH, layers)
    towers = [Projection("mlp", WIDTH, 9, 5, torch.Generator().manual_seed(seed)) for seed in (0, 1)]
    expected = [tower(rows, copy) for rows, copy in zip(diffused(layers), copies(*towers), strict=True)]
    users, items = np.array([4, 29, 0], np.int32), np.array([7, 1], np.int32)
    some, everyone = view.rows(*towers, users, items), view.everyone(*towers)
    for found, wanted in zip(
        (*some, *everyone), (expected[0][users], expected[1][items], *expected), strict=True
    ):
        np.testing.assert_allclose(found.detach(), wanted.detach(), rtol=1e-4, atol=1e-5)


@LONG
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("share_negatives", [False, True])
@pytest.mark.parametrize("positives", [1, 3])
def test_text_gcn_mlp_has_the_loss_and_gradients_of_autograd(
    positives, share_negatives, shared, is_long, monkeypatch
):
    monkeypatch.setattr(TextView, "_is_long", lambda *_: is_long)
    learner = learner_of(TextGCNMLP(layers=2, dim=5, hidden=9, shared=shared, tau=0.2))
    assert (learner.user_tower is learner.item_tower) == shared
    batch = BatchSampler(GRAPH, "user", 6, share_negatives, seed=0, positives=positives).draw(0, 20)
    assert batch.positives.shape == ((20,) if positives == 1 else (20, positives))
    users, items = diffused(2)
    assert_gradients(
        learner,
        batch,
        [learner.user_tower, learner.item_tower],
        lambda one, other: ranking_loss(tower(users, one), tower(items, other), batch, 0.2),
    )


def brute_force_neighbourhoods(neighbors):
    """Weights of the neighbourhoods, item by item."""
    units = VECTORS.astype(np.float64) / np.linalg.norm(VECTORS, axis=1, keepdims=True)
    cosines, counts = units @ units.T, PATTERN.dense.T @ PATTERN.dense
    weights = np.zeros((N_ITEMS, N_ITEMS))
    for item in range(N_ITEMS):
        others = [other for other in range(N_ITEMS) if other != item and counts[item, other]]
        for other in sorted(others, key=lambda other: (-counts[item, other], other))[:neighbors]:
            if cosines[item, other] >= cosines[item].mean():
                weights[item, other] = counts[item, other]
        weights[item, item] = max(counts[item, item], 1)
    return weights / weights.sum(1, keepdims=True)


def brute_force_users(weights):
    """Mean title of the union of the neighbourhoods over each history."""
    means = np.zeros((N_USERS, WIDTH))
    for user in range(N_USERS):
        union = np.flatnonzero((weights[np.flatnonzero(PATTERN.dense[user])] > 0).any(0))
        means[user] = VECTORS[union].mean(0) if len(union) else 0
    return means


@pytest.mark.parametrize("neighbors", [0, 2, 5, 100])
def test_the_augmented_view_equals_brute_force(neighbors):
    expected = brute_force_neighbourhoods(neighbors)
    untouched = PATTERN.dense.sum(0) == 0
    assert untouched.any() and (expected[untouched].max(1) == 1).all()
    np.testing.assert_allclose(similar_items(VECTORS, GRAPH, neighbors).toarray(), expected, atol=1e-6)
    if neighbors == 5:  # the titles keep some of those that co-occur, and drop some
        co_occurring = (PATTERN.dense.T @ PATTERN.dense > 0).sum(1) - ~untouched
        assert 0 < (expected > 0).sum() - N_ITEMS < np.minimum(co_occurring, 5).sum()
    view = augmented_view(VECTORS, GRAPH, neighbors)
    np.testing.assert_allclose(view.items, expected @ VECTORS, rtol=1e-5, atol=1e-6)
    identity = Projection("linear", WIDTH, 1, WIDTH, torch.Generator())
    with torch.no_grad():
        identity.w1.copy_(torch.eye(WIDTH))
    users = view.everyone(identity, identity)[0]
    np.testing.assert_allclose(users, brute_force_users(expected), rtol=1e-4, atol=1e-5)


def test_only_similar_titles_enter_the_augmented_view():
    graph = BipartiteGraph(np.array([0, 3]), np.array([0, 1, 2]), n_items=3)
    titles = np.array([[1, 0], [1, 0.1], [0, 1]], np.float32)
    assert (similar_items(titles, graph, 2).toarray() > 0).tolist() == [
        [True, True, False],
        [True, True, False],
        [False, False, True],
    ]


def test_alignment_is_what_one_gets_by_hand():
    one, other = (
        torch.tensor([[2.0, 0.0], [9.0, 9.0], [0.0, 1.0]]),
        torch.tensor([[1.0, 0.0], [5.0, 1.0], [3.0, 4.0]]),
    )
    found = align(one, other, np.array([0, 2], np.int32), tau=0.5)
    rows = [-2 + math.log(math.exp(2) + math.exp(1.2)), -1.6 + math.log(math.exp(0) + math.exp(1.6))]
    columns = [-2 + math.log(math.exp(2) + math.exp(0)), -1.6 + math.log(math.exp(1.2) + math.exp(1.6))]
    assert float(found) == pytest.approx((sum(rows) / 2 + sum(columns) / 2) / 2, rel=1e-5)


@pytest.mark.parametrize("share_negatives", [False, True])
@pytest.mark.parametrize("alignment", [0.0, 0.7])
def test_alpha_free_has_the_loss_and_gradients_of_autograd(alignment, share_negatives):
    model = AlphaFree(dim=5, hidden=9, tau=0.2, neighbors=3, alignment=alignment, alignment_tau=0.3)
    learner = learner_of(model)
    batch = BatchSampler(GRAPH, "user", 6, share_negatives, seed=0).draw(0, 25)
    assert len(set(batch.users)) < 25 and len(set(batch.positives)) < 25
    neighbourhoods = brute_force_neighbourhoods(3)
    views = [
        (*diffused(0),),
        (torch.from_numpy(brute_force_users(neighbourhoods)), torch.from_numpy(neighbourhoods @ VECTORS)),
    ]

    def expected(*weights):
        rows = [[tower(part, copy) for part in view] for view, copy in zip(views, weights, strict=True)]
        ranking = sum(ranking_loss(*pair, batch, 0.2) for pair in rows)
        named = np.unique(batch.users), np.unique(batch.positives)
        both = zip(*rows, named, strict=True)
        return ranking + alignment * sum(
            agreement(one[codes], other[codes], 0.3) for one, other, codes in both
        )

    assert_gradients(learner, batch, [learner.tower, learner.augmented_tower], expected)


def test_inference_reads_the_original_view_alone():
    learner = learner_of(AlphaFree(dim=5, hidden=9, neighbors=3))
    before = learner.represent()
    with torch.no_grad():
        for weight in learner.augmented_tower.parameters():
            weight.zero_()
    for found, rows, wanted in zip(learner.represent(), before, diffused(0), strict=True):
        np.testing.assert_array_equal(found, rows)
        np.testing.assert_allclose(
            found, tower(wanted, *copies(learner.tower)).detach(), rtol=1e-4, atol=1e-5
        )
