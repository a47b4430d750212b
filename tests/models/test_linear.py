"""Training on rows that were propagated once equals propagating the projected rows in every step."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.models.alpharec import _AlphaRecLearner
from graphrec_lm.models.linear import LinearLearner
from graphrec_lm.models.projection import Projection
from graphrec_lm.models.text_view import TextView
from graphrec_lm.training import BatchSampler
from graphrec_lm.training.losses import ranking_loss
from tests.support import normal, random_csr


def learners(n_items, layers, in_bfloat16=False, loss="infonce"):
    pattern = random_csr(40, n_items, 0.1, seed=3)
    graph = BipartiteGraph(pattern.indptr, pattern.indices, n_items)
    titles = torch.from_numpy(normal((n_items, 70), 1))
    for kind in (LinearLearner, _AlphaRecLearner):
        projection = Projection("linear", 70, 1, 16, torch.Generator().manual_seed(0))
        yield kind(projection, titles, graph, layers, ranking_loss(loss, 0.2), in_bfloat16)


@pytest.mark.parametrize("in_bfloat16", [False, True])
@pytest.mark.parametrize("layers", [0, 1, 3])
def test_representations_are_exact(layers, in_bfloat16):
    with torch.no_grad():
        ours, theirs = (learner.represent() for learner in learners(30, layers, in_bfloat16))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("is_long", [False, True])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("n_items", [12, 400])
@pytest.mark.parametrize("layers", [0, 2])
def test_loss_and_gradient(layers, n_items, shared, is_long, monkeypatch):
    monkeypatch.setattr(TextView, "_is_long", lambda *_: is_long)
    results = []
    for learner in learners(n_items, layers):
        batch = BatchSampler(learner.graph, "interaction", 5, shared, seed=0).draw(0, 25)
        loss = learner.loss(batch)
        loss.backward()
        results.append((loss.detach(), learner.projection.w1.grad))
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_loss_and_gradient_of_bpr():
    results = []
    for learner in learners(30, 2, loss="bpr"):
        loss = learner.loss(BatchSampler(learner.graph, "interaction", 3, False, seed=0).draw(0, 25))
        loss.backward()
        results.append((loss.detach(), learner.projection.w1.grad))
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
