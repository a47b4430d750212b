"""MultVAE: the annealing schedule; the bound against numbers by hand and against dense algebra."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from graphrec_lm.errors import InputError
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.models import MultVAE
from graphrec_lm.models.multvae import _Autoencoder, _HistorySums, unit_scale
from graphrec_lm.training import UserBatch, UserSampler
from graphrec_lm.training.losses import gaussian_divergence, multinomial
from tests.data.messages import check
from tests.models.worlds import checkerboard
from tests.support import normal, random_csr

PATTERN = random_csr(12, 9, 0.4, seed=0)
GRAPH = BipartiteGraph(*PATTERN)
SMALL = dict(dim=3, hidden=4, verbose=False)


def learner(anneal_steps=100, **changes):
    return _Autoencoder(MultVAE(**{**SMALL, **changes}), GRAPH, anneal_steps)


def test_the_weight_of_the_divergence_grows_to_its_cap():
    schedule = learner(anneal_steps=100, anneal_cap=0.2).beta
    assert [schedule(step) for step in (0, 1, 10, 19)] == pytest.approx([0, 0.01, 0.1, 0.19])
    assert [schedule(step) for step in (20, 21, 10**6)] == [0.2] * 3
    assert learner(anneal_cap=0.0).beta(50) == 0


@pytest.mark.parametrize(("given", "expected"), [(None, 30), (7, 7)])
def test_by_default_one_would_be_reached_with_the_last_epoch(given, expected):
    model = MultVAE(**SMALL, batch_size=5, epochs=10, total_anneal_steps=given)
    assert len(UserSampler(GRAPH, 0)) == 11  # three steps an epoch
    found, notes = model._learner(None, GRAPH)
    assert found.anneal_steps == expected and notes == {}


def test_the_likelihood_by_hand():
    logits = torch.tensor([[0.0, math.log(2), math.log(5)], [1.0, 1.0, 1.0]])
    found = multinomial(logits, np.array([0, 2, 3]), np.array([1, 2, 0], dtype=np.int32))
    # softmax: (1, 2, 5) / 8 and thirds; the first user has items 1 and 2, the second item 0
    assert found.item() == pytest.approx((-math.log(2 / 8) - math.log(5 / 8) + math.log(3)) / 2)


def test_the_divergence_by_hand():
    mean, variance = torch.tensor([[1.0, -2.0], [0.0, 0.0]]), torch.tensor([[1.0, 4.0], [1.0, 1.0]])
    # ½ (μ² + σ² - 1 - log σ²): ½ and ½ (4 + 3 - log 4) for the first user, nothing for the second
    expected = (0.5 + 0.5 * (7 - math.log(4))) / 2
    assert gaussian_divergence(mean, variance.log()).item() == pytest.approx(expected)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("step", [3, 70])
def test_the_bound_equals_dense_algebra(dropout, step):
    model = learner(dropout=dropout, anneal_cap=0.2)
    drawn = UserSampler(GRAPH, 0).draw(0, 5)
    batch = UserBatch(step, drawn.users, drawn.indptr, drawn.indices)
    rng = np.random.default_rng((0, step, 1))
    dense = torch.from_numpy(PATTERN.dense[batch.users])
    mask = torch.zeros_like(dense)
    mask[dense > 0] = torch.from_numpy(
        (rng.random(len(batch.indices), dtype=np.float32) >= dropout) * 1.0
    ).float()
    noise = torch.from_numpy(rng.standard_normal((5, 3), dtype=np.float32))
    hidden = torch.tanh(functional.normalize(dense) * mask / (1 - dropout) @ model.w1 + model.b1)
    mean, log_variance = (hidden @ model.w2 + model.b2).split(3, dim=1)
    sample = mean + noise * log_variance.exp().sqrt()
    logits = torch.tanh(sample @ model.w3 + model.b3) @ model.w4.T + model.b4
    likelihood = -(functional.log_softmax(logits, 1) * dense).sum(1).mean()
    divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1).mean()
    expected = likelihood + min(0.2, step / 100) * divergence
    found = model.loss(batch)
    torch.testing.assert_close(found, expected)
    gradients = (torch.autograd.grad(loss, list(model.parameters())) for loss in (found, expected))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_the_loss_is_a_function_of_seed_and_step():
    batch = UserSampler(GRAPH, 0).draw(4, 12)
    losses = [learner(seed=seed).loss(batch).item() for seed in (1, 1)]
    later = UserBatch(5, batch.users, batch.indptr, batch.indices)
    model = learner(seed=1, anneal_cap=0.0)
    assert losses[0] == losses[1] and model.loss(later) != model.loss(batch)


def test_sums_of_histories_are_differentiable():
    table = torch.from_numpy(normal((9, 4))).requires_grad_()
    dense = torch.from_numpy(PATTERN.dense) * torch.from_numpy(unit_scale(PATTERN.indptr))[:, None]
    upstream = torch.from_numpy(normal((12, 4), 1))
    found = _HistorySums.apply(table, PATTERN[:2], unit_scale(PATTERN.indptr))
    torch.testing.assert_close(found, dense @ table)
    torch.testing.assert_close(torch.autograd.grad(found, table, upstream)[0], dense.T @ upstream)


def test_scores_are_the_logits_at_the_mean():
    train = checkerboard().train
    model = MultVAE(dim=3, hidden=4, epochs=2, verbose=False).fit(train)
    arrays = {name: value.astype(np.float64) for name, value in model._state.arrays.items()}
    history = train.indices[slice(*train.indptr[3:5])]
    hidden = np.tanh(arrays["w1"][history].sum(0) / np.sqrt(len(history)) + arrays["b1"])
    decoded = np.tanh((hidden @ arrays["w2"] + arrays["b2"]) @ arrays["w3"] + arrays["b3"])
    expected = arrays["items"][:, :-1] @ decoded + arrays["items"][:, -1]
    found = model.predict([("u3", item) for item in range(21)])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


BAD = {
    "no dimension": ({"dim": 0}, "`dim` must be an integer >= 1", "0"),
    "no unit": ({"hidden": 0}, "`hidden` must be an integer >= 1", "0"),
    "nothing left": ({"dropout": 1.0}, "`dropout` must be < 1", "1", "Leave the encoder"),
    "more than all": ({"dropout": 1.5}, "`dropout` must be a number", "<= 1", "1.5"),
    "a cap below zero": ({"anneal_cap": -0.1}, "`anneal_cap` must be a number >= 0", "-0.1"),
    "no step": ({"total_anneal_steps": 0}, "`total_anneal_steps` must be an integer >= 1", "0"),
    "no epoch": ({"epochs": 0}, "`epochs` must be an integer >= 1", "0"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_parameters(name):
    changes, *words = BAD[name]
    with pytest.raises(InputError) as error:
        MultVAE(**{**SMALL, **changes}).fit(checkerboard().train)
    check(error, words)
