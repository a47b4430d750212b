"""SGL, XSimGCL and BCLoss against dense algebra in double precision and losses written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, logsigmoid, normalize

from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.models import SGL, BCLoss, LightGCN, XSimGCL
from graphrec_lm.models.bc_loss import degree_classes, margin_infonce
from graphrec_lm.models.sgl import thinned
from graphrec_lm.models.xsimgcl import sign_noise
from graphrec_lm.training import Batch, BatchSampler
from graphrec_lm.training.losses import infonce
from tests.models.test_contract import QUICK
from tests.support import normal, random_csr

GRAPH = BipartiteGraph(*random_csr(30, 20, 0.25, seed=3))
LOSSES = pytest.mark.parametrize("loss", ["bpr", "infonce"])
TAU = 0.15


def dense(graph):
    """R and the symmetrically normalised adjacency of all nodes, in double precision."""
    pattern = torch.zeros(graph.n_users, graph.n_items, dtype=torch.float64)
    pattern[np.repeat(np.arange(graph.n_users), np.diff(graph.indptr)), graph.indices] = 1
    size = sum(pattern.shape)
    square = torch.zeros(size, size, dtype=torch.float64)
    square[: graph.n_users, graph.n_users :], square[graph.n_users :, : graph.n_users] = pattern, pattern.T
    scale = torch.where(square.sum(1) > 0, square.sum(1), math.inf) ** -0.5
    return pattern, scale[:, None] * square * scale


def layers_of(graph, first, count):
    """Layers 0..count of all nodes."""
    layers = [first]
    for _ in range(count):
        layers.append(dense(graph)[1] @ layers[-1])
    return layers


def mean(layers):
    return torch.stack(layers).mean(0)


def drawn(loss, step=7, size=25):
    n = 1 if loss == "bpr" else 6
    return BatchSampler(GRAPH, "interaction", n, shared=loss == "infonce", seed=2).draw(step, size)


def in_batch(one, other, tau):
    """InfoNCE of each row with its counterpart among all rows of the other view."""
    return cross_entropy(normalize(one) @ normalize(other).T / tau, torch.arange(len(one)))


def contrast_of(batch, one, other):
    """Users and items of the batch, each once."""
    users, items = sorted(set(batch.users.tolist())), sorted(set(batch.positives.tolist()))
    items = [GRAPH.n_users + item for item in items]
    return sum(in_batch(one[nodes], other[nodes], TAU) for nodes in (users, items))


def ranking_loss(loss, batch, final, first, penalty=1e-2):
    """BPR with its penalty on layer 0, or InfoNCE with shared negatives, the seen ones left out."""
    own, items = final[batch.users], final[GRAPH.n_users :]
    positives = items[batch.positives]
    if loss == "bpr":
        at = batch.users, GRAPH.n_users + batch.positives, GRAPH.n_users + batch.negatives[:, 0]
        margins = (own * (positives - items[batch.negatives[:, 0]])).sum(1)
        squares = sum(first[codes].square().sum() for codes in at)
        return -logsigmoid(margins).mean() + penalty * squares / (2 * len(own))
    logits = normalize(own) @ normalize(items[batch.negatives]).T
    seen = dense(GRAPH)[0][batch.users][:, batch.negatives] > 0
    target = (normalize(own) * normalize(positives)).sum(1, keepdim=True)
    both = torch.cat([target, logits.masked_fill(seen, -math.inf)], 1)
    return cross_entropy(both / TAU, torch.zeros(len(own), dtype=torch.long))


def doubled(learner):
    """The embeddings of all nodes in double precision."""
    return torch.cat([learner.users, learner.items]).detach().double().requires_grad_()


def assert_equal_losses(learner, batch, first, expected):
    found = learner.loss(batch)
    found.backward()
    expected.backward()
    assert float(found.detach()) == pytest.approx(float(expected.detach()), rel=1e-4)
    gradient = torch.cat([learner.users.grad, learner.items.grad])
    np.testing.assert_allclose(gradient, first.grad, rtol=1e-4, atol=1e-4 * float(first.grad.abs().max()))


def test_a_view_lacks_edges_in_both_directions_and_has_its_own_degrees():
    view = thinned(GRAPH, 0.3, np.random.default_rng(0))
    pattern, adjacency = dense(view)
    assert not (pattern > dense(GRAPH)[0]).any() and 0 < view.n_edges < GRAPH.n_edges
    back = BipartiteGraph(view.item_indptr, view.item_indices, view.n_users)
    assert torch.equal(dense(back)[0], pattern.T) and torch.equal(adjacency, adjacency.T)
    np.testing.assert_allclose(view.user_scale**2 * pattern.sum(1).numpy(), pattern.sum(1) > 0, rtol=1e-5)
    first = normal((50, 4))
    users, items = view.propagate(*torch.from_numpy(first).split([30, 20]), 3)
    expected = mean(layers_of(view, torch.from_numpy(first).double(), 3))
    np.testing.assert_allclose(torch.cat([users, items]), expected, atol=1e-6)


@pytest.mark.parametrize("drop", [0.0, 0.1, 0.5, 1.0])
def test_the_rate_of_a_view_is_the_one_asked_for(drop):
    graph = BipartiteGraph(*random_csr(300, 200, 0.2, seed=1))
    lost = 1 - thinned(graph, drop, np.random.default_rng(5)).n_edges / graph.n_edges
    assert lost == pytest.approx(drop, abs=4 * math.sqrt(drop * (1 - drop) / graph.n_edges))


def test_views_are_a_function_of_seed_and_epoch():
    def patterns(step, seed=0):
        batch = Batch(*np.zeros((3, 25), np.int32), step=step)
        return [dense(view)[0] for view in SGL(drop=0.3, seed=seed)._embeddings(GRAPH).views(batch)]

    steps = math.ceil(GRAPH.n_edges / 25)
    one, other = patterns(0)
    assert not torch.equal(one, other)
    assert all(torch.equal(*pair) for pair in zip(patterns(0), patterns(steps - 1), strict=True))
    assert not torch.equal(one, patterns(steps)[0]) and not torch.equal(one, patterns(0, seed=1)[0])
    learner = SGL(drop=0.3)._embeddings(GRAPH)
    for step in (0, steps, 2 * steps):
        views = learner.views(Batch(*np.zeros((3, 25), np.int32), step=step))
    assert torch.equal(dense(views[1])[0], patterns(2 * steps)[1])


@LOSSES
@pytest.mark.parametrize("drop", [0.3, 1.0])
def test_sgl_has_the_loss_of_its_paper(loss, drop):
    model = SGL(2, 5, drop=drop, contrast=0.7, contrast_tau=TAU, loss=loss, tau=TAU, regularization=1e-2)
    learner, batch = model._embeddings(GRAPH), drawn(loss)
    first = doubled(learner)
    views = [mean(layers_of(view, first, 2)) for view in learner.views(batch)]
    expected = ranking_loss(loss, batch, mean(layers_of(GRAPH, first, 2)), first)
    assert_equal_losses(learner, batch, first, expected + 0.7 * contrast_of(batch, *views))


def test_sgl_without_contrast_is_lightgcn(world):
    ours, theirs = (model.fit(world.train) for model in (SGL(**QUICK, contrast=0), LightGCN(**QUICK)))
    np.testing.assert_array_equal(ours.user_vectors_, theirs.user_vectors_)


def test_noise_has_the_length_asked_for_and_the_signs_of_the_rows():
    rows = torch.from_numpy(normal((40, 8))).requires_grad_()
    with torch.no_grad():
        rows[7] = 0
    noise = sign_noise(rows, 0.1, np.random.default_rng(0))
    lengths = noise.norm(dim=1)
    assert not noise.requires_grad and not noise[7].any()
    np.testing.assert_allclose(np.delete(lengths.numpy(), 7), 0.1, rtol=1e-5)
    assert (noise * rows.detach() >= 0).all() and noise.abs().std() > 0.005


def noisy_layers(first, count, length, seed, step):
    """Layers 1..count of all nodes, the noise drawn as the model draws it."""
    generator, layers, rows = np.random.default_rng((seed, step)), [], first
    for _ in range(count):
        rows = dense(GRAPH)[1] @ rows
        shapes = (GRAPH.n_users, rows.shape[1]), (GRAPH.n_items, rows.shape[1])
        noise = np.concatenate([generator.random(shape, dtype=np.float32) for shape in shapes])
        rows = rows + length * rows.detach().sign() * normalize(torch.from_numpy(noise).double())
        layers.append(rows)
    return layers


@LOSSES
@pytest.mark.parametrize(("layer", "layer_zero"), [(1, False), (2, True), (3, False)])
def test_xsimgcl_has_the_loss_of_its_paper(loss, layer, layer_zero):
    settings = dict(noise=0.2, contrast=0.7, contrast_tau=TAU, contrast_layer=layer, layer_zero=layer_zero)
    model = XSimGCL(3, 5, loss=loss, tau=TAU, regularization=1e-2, seed=4, **settings)
    learner = model._embeddings(GRAPH)
    first, batch = doubled(learner), drawn(loss)
    layers = noisy_layers(first, 3, 0.2, seed=4, step=7)
    final = mean([first, *layers] if layer_zero else layers)
    expected = ranking_loss(loss, batch, final, first)
    expected = expected + 0.7 * contrast_of(batch, final, layers[layer - 1])
    assert_equal_losses(learner, batch, first, expected)


def test_noise_is_a_function_of_seed_and_step():
    def final(step, seed):
        with torch.no_grad():
            return XSimGCL(2, 5, seed=seed)._embeddings(GRAPH).noisy(step)[0][0]

    def spread(one, other):
        return float((one - other).norm(dim=1).max())

    assert torch.equal(final(3, 0), final(3, 0))
    assert spread(final(3, 0), final(4, 0)) > 0.01


@pytest.mark.parametrize("layer_zero", [True, False])
def test_xsimgcl_recommends_without_noise(layer_zero):
    learner = XSimGCL(2, 8, noise=0.5, layer_zero=layer_zero)._embeddings(GRAPH)
    with torch.no_grad():
        found = torch.cat(learner.represent())
    layers = layers_of(GRAPH, doubled(learner), 2)
    expected = mean(layers if layer_zero else layers[1:]).detach()
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_xsimgcl_with_layer_zero_and_nothing_else_is_lightgcn(world):
    nothing = dict(layer_zero=True, noise=0, contrast=0)
    ours, theirs = (model.fit(world.train) for model in (XSimGCL(**QUICK, **nothing), LightGCN(**QUICK)))
    np.testing.assert_allclose(ours.user_vectors_, theirs.user_vectors_, rtol=1e-3, atol=1e-4)
    found, expected = (model.recommend(history=[[1, 2]], k=3)["score"] for model in (ours, theirs))
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def margin_loss(users, items, batch, margins, tau):
    """Written out: the positives' angles moved, seen shared negatives left out."""
    own, positives = normalize(users), normalize(items)[batch.positives]
    angles = torch.arccos((own * positives).sum(1))
    target = torch.cos(torch.minimum(angles + margins, torch.tensor(math.pi)))
    negatives = normalize(items)[torch.from_numpy(batch.negatives).expand(len(own), 9).long()]
    logits = torch.einsum("bd,bnd->bn", own, negatives)
    if batch.seen is not None:
        histories = np.split(batch.seen[1], batch.seen[0][1:-1])
        seen = np.array([np.isin(batch.negatives, history) for history in histories])
        logits = logits.masked_fill(torch.from_numpy(seen), -math.inf)
    both = torch.cat([target[:, None], logits], 1) / tau
    return cross_entropy(both, torch.zeros(len(own), dtype=torch.long))


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("dim", [6, 64])
def test_the_loss_with_margins_and_its_gradients_are_those_written_out(shared, dim):
    batch = BatchSampler(GRAPH, "interaction", 9, shared=shared, seed=0).draw(step=1, size=40).local()
    margins = torch.from_numpy(np.random.default_rng(0).uniform(0, 2, 40).astype(np.float32))
    results = []
    start = normal((40, dim), 1), normal((20, dim), 2)
    for kind, function in ((torch.float32, margin_infonce), (torch.float64, margin_loss)):
        tables = [torch.from_numpy(table).to(kind).requires_grad_() for table in start]
        loss = function(*tables, batch, margins.to(kind), 0.07)
        loss.backward()
        results.append([loss.detach(), *(table.grad for table in tables)])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4 * float(theirs.abs().max()))


def test_no_margin_is_infonce():
    batch = BatchSampler(GRAPH, "interaction", 9, shared=True, seed=0).draw(step=1, size=40).local()
    tables = torch.from_numpy(normal((40, 6))), torch.from_numpy(normal((20, 6), 1))
    found = margin_infonce(*tables, batch, torch.zeros(40), 0.1)
    assert float(found) == pytest.approx(float(infonce(*tables, batch, 0.1)), rel=1e-5)


@pytest.mark.parametrize("dim", [1, 3])
@pytest.mark.parametrize(("sign", "margin"), [(1, 1.0), (1, 4.0), (-1, 0.0), (-1, 1.0)])
def test_margins_at_the_ends_of_the_circle(dim, sign, margin):
    """The same direction, the opposite one, and angles beyond π: no NaN, and cos(min(θ + M, π))."""
    users = torch.ones(1, dim, requires_grad=True)
    items = torch.stack([sign * torch.ones(dim), torch.ones(dim)]).requires_grad_()
    code, other = np.zeros(1, np.int32), np.ones((1, 1), np.int32)
    loss = margin_infonce(users, items, Batch(code, code, other), torch.tensor([margin]), 0.5)
    loss.backward()
    target = math.cos(min((sign < 0) * math.pi + margin, math.pi))
    assert float(loss.detach()) == pytest.approx(math.log1p(math.exp((1 - target) / 0.5)), rel=1e-2)
    assert torch.isfinite(users.grad).all() and torch.isfinite(items.grad).all()


def skewed():
    """Item i of 30 is touched by about 200 / (1 + i) of 300 users."""
    rng = np.random.default_rng(0)
    return rng.random((300, 30)) < 0.7 / (1 + np.arange(30))


@pytest.mark.parametrize("margin", ["angle", "sigmoid"])
def test_popular_items_have_the_smaller_margins(margin):
    matrix = skewed()
    indptr, indices = np.concatenate([[0], matrix.sum(1).cumsum()]), np.nonzero(matrix)[1]
    graph = BipartiteGraph(indptr, indices, 30)
    settings = dict(margin_epochs=40, batch_size=128, learning_rate=0.05, negatives=16)
    learner = BCLoss(dim=8, margin=margin, **settings)._embeddings(graph)
    least, largest = (0.0, math.pi) if margin == "angle" else (0.0, 1.0)
    assert least <= learner.margins.min() and learner.margins.max() <= largest
    assert not learner.margins.requires_grad and len(list(learner.parameters())) == 2
    by_item = learner.margins[:, learner.item_classes].mean(0).numpy()
    assert np.corrcoef(by_item, np.log(1 + matrix.sum(0)))[0, 1] < -0.9


def test_degrees_are_classed_by_quarter_octaves():
    degrees = np.array([5, 0, 1, 2, 3, 100, 101, 200])
    classes = degree_classes(np.concatenate([[0], degrees.cumsum()]))
    assert classes.tolist() == [4, 0, 1, 2, 3, 5, 5, 6]


def test_bc_loss_without_layers_is_matrix_factorisation():
    learner = BCLoss(layers=0, dim=5, margin_epochs=1)._embeddings(GRAPH)
    first, batch = doubled(learner), drawn("infonce")
    margins = learner.margins[learner.user_classes[batch.users], learner.item_classes[batch.positives]]
    users, items = first[batch.users], first[GRAPH.n_users :]
    nine = Batch(batch.users, batch.positives, np.arange(9, dtype=np.int32), batch.seen)
    expected = margin_loss(users, items, nine.local(), margins.double(), 0.07)
    assert_equal_losses(learner, nine, first, expected)
