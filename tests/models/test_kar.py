"""KAR's experts, one by one; the fused embeddings in plain torch; new people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from graphrec_lm.errors import InputError
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.models import KAR, load
from graphrec_lm.models.experts import HybridExpertAdaptor
from graphrec_lm.models.fitted import Fitted
from graphrec_lm.models.people import People
from tests.data.messages import check
from tests.models import plain_torch as plain
from tests.models.test_contract import FEW, QUICK
from tests.models.worlds import encoder
from tests.support import normal, random_csr

KINDS = pytest.mark.parametrize("kind", ["users", "items"])
COUNTS = pytest.mark.parametrize(("shared", "dedicated"), [(2, 3), (0, 1), (1, 1)])


def adaptor(shared=2, dedicated=3):
    return HybridExpertAdaptor(7, 4, 5, shared, dedicated, torch.Generator().manual_seed(0))


def by_hand(adapt, vectors, kind, shared, dedicated):
    """One expert after the other, each times its gate."""
    weights = dict(adapt.named_parameters())
    scores = vectors @ weights[f"{kind}_gate_w"] + weights[f"{kind}_gate_b"]
    gates = scores.exp() / scores.exp().sum(1, keepdim=True)
    total = torch.zeros(len(vectors), 5)
    experts = [("shared", n) for n in range(shared)] + [(kind, n) for n in range(dedicated)]
    for place, (owner, n) in enumerate(experts):
        part = slice(4 * n, 4 * n + 4)
        inner = torch.relu(vectors @ weights[f"{owner}_w1"][:, part] + weights[f"{owner}_b1"][part])
        outer = inner @ weights[f"{owner}_w2"][part] + weights[f"{owner}_b2"][n]
        total = total + gates[:, place : place + 1] * outer
    return total


@KINDS
@COUNTS
def test_the_adaptor_is_a_gated_sum_of_experts(kind, shared, dedicated):
    adapt, vectors = adaptor(shared, dedicated), torch.from_numpy(normal((6, 7), 1))
    found, expected = adapt(vectors, kind), by_hand(adapt, vectors, kind, shared, dedicated)
    upstream = torch.from_numpy(normal((6, 5), 2))
    ours, theirs = (plain.gradients(adapt, (rows * upstream).sum()) for rows in (found, expected))
    torch.testing.assert_close(found, expected)
    plain.assert_close(ours, theirs)


@KINDS
@COUNTS
def test_the_gates_of_everyone_sum_to_one(kind, shared, dedicated):
    adapt = adaptor(shared, dedicated)
    gates = adapt.gates(adapt.first_layer(torch.from_numpy(30 * normal((50, 7))), kind), kind)
    assert gates.shape == (50, shared + dedicated) and bool((gates >= 0).all())
    torch.testing.assert_close(gates.sum(1), torch.ones(50))


def test_shared_experts_learn_from_both_kinds_and_dedicated_ones_from_theirs():
    adapt = adaptor()
    adapt(torch.from_numpy(normal((6, 7))), "users").sum().backward()
    names = {name for name, weight in adapt.named_parameters() if weight.grad is not None}
    assert {name.split("_")[0] for name in names} == {"shared", "users"} and len(names) == 10


def test_histories_are_adapted_as_their_stored_means_would_be():
    pattern = random_csr(30, 20, 0.2, seed=1)
    graph, adapt = BipartiteGraph(pattern.indptr, pattern.indices, 20), adaptor()
    titles = torch.from_numpy(normal((20, 7), 2))
    upstream = torch.from_numpy(normal((30, 5), 3))
    found = adapt.of_histories(titles, graph)
    expected = by_hand(adapt, plain.history_means(graph, titles), "users", 2, 3)
    ours, theirs = (plain.gradients(adapt, (rows * upstream).sum()) for rows in (found, expected))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    plain.assert_close(ours, theirs)


@pytest.mark.parametrize("fusion", ["add", "concat"])
@pytest.mark.parametrize("loss", ["bpr", "infonce"])
def test_the_loss_and_its_gradients(world, fusion, loss):
    model = KAR(fusion, encoder=encoder(), loss=loss, **QUICK | dict(layers=2, regularization=0.1))
    graph = BipartiteGraph.from_dataset(world.train)
    learner, batch = model._learner(world.train, graph)[0], model._sampler(graph).draw(3, 60)
    titles = torch.from_numpy(learner.texts.items)
    means = plain.history_means(graph, titles)
    pairs = (
        (learner.users, learner.adaptor(means, "users")),
        (learner.items, learner.adaptor(titles, "items")),
    )
    start = [torch.cat(pair, 1) if fusion == "concat" else sum(pair) for pair in pairs]
    users, items = plain.propagated(graph, *start, 2)
    if loss == "bpr":
        expected = plain.bpr(users, items, batch) + 0.1 * plain.squares(learner.users, learner.items, batch)
    else:
        expected = plain.infonce(users, items, batch, graph, model.tau)
    plain.assert_close(plain.gradients(learner, learner.loss(batch)), plain.gradients(learner, expected))


@pytest.mark.parametrize("fusion", ["add", "concat"])
@pytest.mark.parametrize("layers", [0, 2])
def test_somebody_new_is_a_user_without_an_id_embedding(world, fusion, layers):
    model = KAR(fusion, encoder=encoder(), **QUICK | dict(layers=layers))
    graph = BipartiteGraph.from_dataset(world.train)
    learner, notes = model._learner(world.train, graph)
    with torch.no_grad():
        learner.users.zero_()
        users, items = model._final(learner)
        arrays = {"users": users, "items": items, **model._learned(learner)}
    notes |= {"cosine": model._cosine}
    model._fitted = replace(Fitted.of(world.train, None, arrays, notes=notes), params=model.get_params())
    train = world.train
    histories = [train.indices[slice(*train.indptr[u : u + 2])].tolist() for u in range(train.n_users)]
    people = People.by_history(train, histories, "raise")
    np.testing.assert_allclose(model._fold_in(people), users, rtol=1e-3, atol=1e-5)


BAD = {
    "another fusion": (dict(fusion="ad"), "`fusion` must be one of", "'ad'", "mean 'add'"),
    "no expert of its own": (dict(dedicated_experts=0), "`dedicated_experts` must be an integer >= 1", "0"),
    "fewer than no shared expert": (dict(shared_experts=-1), "`shared_experts` must be", "-1"),
    "experts of nothing": (dict(hidden=0), "`hidden` must be an integer >= 1", "0"),
    "another loss": (dict(loss="brp"), "`loss` must be one of", "'brp'"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_parameters(world, name):
    changes, *words = BAD[name]
    with pytest.raises(InputError) as error:
        KAR(encoder=encoder(), **{**FEW, **changes}).fit(world.train)
    check(error, words)


def test_numbers_of_numpy_can_be_saved(world, tmp_path):
    model = KAR(dedicated_experts=np.int64(2), encoder=encoder(), dim=4, epochs=1, verbose=False)
    model.fit(world.train).save(tmp_path / "m")
    assert load(tmp_path / "m")._state.notes["experts"] == model._state.notes["experts"]
