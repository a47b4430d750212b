"""Propagation equals PyG's LGConv and dense algebra, and so do its gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.models.fold_in import fold_table, graph_part
from graphrec_lm.models.people import People
from tests.support import WIDTHS, Csr, normal, patterns, random_csr, thread_counts, threads

CLOSE = {"rtol": 1e-4, "atol": 1e-5}
COMBINE = st.sampled_from(("mean", "last"))


def tables(pattern: Csr, dim: int = 5) -> list[torch.Tensor]:
    sizes = pattern.n_rows, pattern.n_columns
    return [torch.from_numpy(normal((n, dim), seed)).requires_grad_() for seed, n in enumerate(sizes)]


def normalised(pattern: Csr) -> torch.Tensor:
    """The square matrix D^-½ A D^-½ of the bipartite graph, in double precision."""
    dense = torch.from_numpy(pattern.dense).double()
    n_users, n_items = dense.shape
    square = torch.zeros(n_users + n_items, n_users + n_items, dtype=torch.double)
    square[:n_users, n_users:], square[n_users:, :n_users] = dense, dense.T
    scale = square.sum(1).clamp(min=1).rsqrt()
    return scale[:, None] * square * scale


@given(
    pattern=patterns(types=("li",)),
    layers=st.integers(0, 3),
    batch=st.integers(1, 9),
    seed=st.integers(0, 99),
)
def test_a_batch_of_users_equals_its_rows_of_all(pattern, layers, batch, seed):
    graph = BipartiteGraph(*pattern)
    codes = np.random.default_rng(seed).integers(0, pattern.n_rows, batch, dtype=np.int32)
    upstream = [torch.from_numpy(normal((n, 5), seed)) for n in (batch, pattern.n_columns)]
    results = []
    for whole in (False, True):
        users, items = tables(pattern)
        if whole:
            out = graph.propagate(users, items, layers)
            out = out[0][torch.from_numpy(codes).long()], out[1]
        else:
            out = graph.propagate_batch(users, items, layers, codes)
        torch.autograd.backward(out, upstream)
        results.append([*out, users.grad, items.grad])
    for found, expected in zip(*results, strict=True):
        np.testing.assert_allclose(found.detach(), expected.detach(), **CLOSE)


def by_algebra(pattern: Csr, users, items, layers, combine):
    rows = [torch.cat([users, items]).double()]
    for _ in range(layers):
        rows.append(normalised(pattern) @ rows[-1])
    out = torch.stack(rows).mean(0) if combine == "mean" else rows[-1]
    return out[: len(users)], out[len(users) :]


def assert_close(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), **CLOSE)


@given(pattern=patterns(), layers=st.integers(0, 4), combine=COMBINE, dim=st.sampled_from(WIDTHS))
def test_equals_dense_algebra(pattern, layers, combine, dim):
    inputs = tables(pattern, dim)
    found = BipartiteGraph(*pattern).propagate(*inputs, layers, combine)
    assert_close(found, by_algebra(pattern, *inputs, layers, combine))


@given(pattern=patterns(), layers=st.integers(0, 4), combine=COMBINE)
def test_gradients_equal_those_of_dense_algebra(pattern, layers, combine):
    weights = [torch.from_numpy(normal((n, 5), 7)) for n in (pattern.n_rows, pattern.n_columns)]
    gradients = []
    for function in (BipartiteGraph(*pattern).propagate, lambda *args: by_algebra(pattern, *args)):
        inputs = tables(pattern)
        outputs = function(*inputs, layers, combine)
        loss = sum((weight * output**2).sum() for weight, output in zip(weights, outputs, strict=True))
        gradients.append(torch.autograd.grad(loss, inputs))
    assert_close(*gradients)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_equals_pyg_lgconv(seed, layers):
    from torch_geometric.nn import LGConv

    pattern = random_csr(30, 20, (0.02, 0.1, 0.3, 0.9)[seed], seed)
    users, items = tables(pattern, 16)
    rows = np.repeat(np.arange(30), np.diff(pattern.indptr))
    edges = torch.from_numpy(np.stack([rows, pattern.indices + 30]).astype(np.int64))
    both_ways, conv = torch.cat([edges, edges.flip(0)], dim=1), LGConv()
    hops = [torch.cat([users, items])]
    for _ in range(layers):
        hops.append(conv(hops[-1], both_ways))
    mean = torch.stack(hops).mean(0)
    assert_close(BipartiteGraph(*pattern).propagate(users, items, layers), (mean[:30], mean[30:]))


@given(pattern=patterns())
def test_history_mean_and_its_gradient(pattern):
    graph, degrees = BipartiteGraph(*pattern), np.maximum(pattern.dense.sum(1, keepdims=True), 1)
    means, items = torch.from_numpy(pattern.dense / degrees), tables(pattern)[1]
    assert_close([graph.history_mean(items)], [means @ items])
    weight = torch.from_numpy(normal((pattern.n_rows, 5), 7))
    found = torch.autograd.grad((graph.history_mean(items) * weight).sum(), items)
    assert_close(found, [means.T @ weight])


@settings(max_examples=30)
@given(pattern=patterns(types=("li",)), layers=st.integers(0, 3))
def test_the_look_up_table_for_new_people_gives_layers_one_and_up(pattern, layers):
    graph, (users, items) = BipartiteGraph(*pattern), (table.detach() for table in tables(pattern))
    people = People(np.arange(graph.n_users), None, graph.indptr, graph.indices)
    found = graph_part(fold_table(graph, users, items, layers), people)
    mean = by_algebra(pattern, users, items, layers, "mean")[0]
    expected = mean * (layers + 1) - users
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=2e-5)


def test_inputs_are_left_alone():
    pattern = random_csr(8, 6, 0.4, seed=0)
    inputs = tables(pattern)
    before = [table.detach().clone() for table in inputs]
    outputs = BipartiteGraph(*pattern).propagate(*inputs, 2)
    sum(output.sum() for output in outputs).backward()
    assert all(torch.equal(a, b) for a, b in zip(before, inputs, strict=True))


def test_does_not_depend_on_the_number_of_threads():
    pattern = random_csr(200, 150, 0.1, seed=0)
    results = []
    for count in thread_counts():
        with threads(count):
            results.append(BipartiteGraph(*pattern).propagate(*tables(pattern, 17), 3))
    assert all(torch.equal(a, b) for r in results for a, b in zip(results[0], r, strict=True))
