"""The fused projection of users and items equals plain autograd on stored user vectors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.models.projection import Projection
from tests.support import normal, random_csr


@pytest.mark.parametrize("in_bfloat16", [False, True])
@pytest.mark.parametrize("kind", ["mlp", "linear"])
@pytest.mark.parametrize(("n_users", "n_items"), [(30, 20), (1, 1), (40, 3)])
def test_values_and_gradients(kind, n_users, n_items, in_bfloat16):
    pattern = random_csr(n_users, n_items, 0.3, seed=1)
    graph = BipartiteGraph(pattern.indptr, pattern.indices, n_items)
    projection = Projection(kind, 24, 70, 16, torch.Generator().manual_seed(0))
    titles = torch.from_numpy(normal((n_items, 24), 2))
    upstream = [torch.from_numpy(normal((n, 16), n)) for n in (n_users, n_items)]

    def run(users, items):
        projection.zero_grad()
        torch.autograd.backward([users, items], upstream)
        return [users, items, *(weight.grad.clone() for weight in projection.parameters())]

    degrees = np.maximum(np.diff(pattern.indptr), 1)[:, None]
    means = torch.from_numpy((pattern.dense / degrees).astype(np.float32)) @ titles
    found = run(*projection.users_and_items(titles, graph, in_bfloat16))
    expected = run(projection(means), projection(titles))
    for ours, theirs in zip(found, expected, strict=True):
        distance, length = float((ours - theirs).detach().norm()), float(theirs.detach().norm())
        # rounding to 8 bits moves some sums to the other side of the LeakyReLU's kink
        assert distance <= (0.05 if in_bfloat16 else 1e-5) * length
