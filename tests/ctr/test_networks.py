"""The networks' equations, computed by hand from their weights."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from graphrec_lm.ctr import AFM, FM, GMF, LR, MODELS, PNN, AutoInt, DCNv2, DeepFM, xDeepFM
from graphrec_lm.ctr.features import Layout
from graphrec_lm.ctr.layers import Batch, Front, Inputs, Sizes

SIZES = Sizes(4, 6, 3, ("user", "user", "item", "context"))
RNG = np.random.default_rng(0)
FIELDS, LINEAR, DENSE = (
    torch.tensor(RNG.standard_normal(shape), dtype=torch.float32) for shape in ((5, 4, 6), (5,), (5, 3))
)
X = Inputs(FIELDS, LINEAR, DENSE)


def head(model):
    return model._head(SIZES, torch.Generator().manual_seed(1)).eval()


def pairs():
    return itertools.combinations(range(4), 2)


def test_front_gathers_averages_lists_and_adds_first_order_terms():
    layout = Layout(7, 1, [(1, 3)], ["user", "item", "item"], 2, [3], [None])
    front = Front(layout, 4, torch.Generator().manual_seed(0))
    table = front.table.data
    table[1:, -1] = torch.arange(1.0, 7)
    front.weights.data.fill_(0.5)
    batch = Batch(
        torch.tensor([[1, 4, 5], [2, 6, 0]], dtype=torch.int32), torch.ones(2, 2), [torch.ones(2, 3)]
    )
    fields, linear, dense = front(batch)
    assert fields.shape == (2, 3, 4)
    torch.testing.assert_close(fields[0, 1], (table[4, :-1] + table[5, :-1]) / 2)
    torch.testing.assert_close(fields[1, 1], table[6, :-1])
    scaled = 3**0.5 / 2
    torch.testing.assert_close(dense, torch.tensor([[1, 1, scaled, scaled, scaled]] * 2))
    block = 0.5 * (2 + 3 * scaled)
    torch.testing.assert_close(linear, torch.tensor([1 + 4.5 + block, 2 + 6 + block]))


def test_lr_and_fm():
    torch.testing.assert_close(head(LR())(X), LINEAR)
    expected = LINEAR + sum((FIELDS[:, i] * FIELDS[:, j]).sum(1) for i, j in pairs())
    torch.testing.assert_close(head(FM())(X), expected)


def test_deepfm_is_fm_and_a_perceptron():
    network = head(DeepFM(hidden=(7,)))
    first, _, _, last = network.deep.layers
    deep = last(torch.relu(first(torch.cat([FIELDS.flatten(1), DENSE], 1)))).squeeze(1)
    torch.testing.assert_close(network(X), head(FM())(X) + deep)


def test_afm_weighs_pairs():
    network = head(AFM())
    products = torch.stack([FIELDS[:, i] * FIELDS[:, j] for i, j in pairs()], 1)
    scores = network.score(products).exp()
    pooled = (scores / scores.sum(1, keepdim=True) * products).sum(1) * 6
    torch.testing.assert_close(network(X), LINEAR + (pooled * network.out).sum(1))


@pytest.mark.parametrize("rank", [None, 2])
def test_dcn_crosses(rank):
    network = head(DCNv2(crosses=1, rank=rank))
    start = torch.cat([FIELDS.flatten(1), DENSE], 1)
    crossed = start * network.crosses[0](start) + start
    torch.testing.assert_close(network(X), LINEAR + crossed @ network.out + network.deep(start))


def test_xdeepfm_compresses_products():
    network = head(xDeepFM(maps=(3,)))
    weight = network.mix[0].weight.reshape(3, 4, 4)
    maps = torch.einsum("hij,bid,bjd->bh", weight, FIELDS, FIELDS)
    torch.testing.assert_close(network(X), LINEAR + maps @ network.out + network.deep(X.flat))


def test_autoint_attends():
    network = head(AutoInt(heads=1, layers=1))
    query, key, value, own = (FIELDS @ w.T for w in network.layers[0].weight.chunk(4))
    h = torch.relu(torch.softmax(query @ key.transpose(1, 2), -1) @ value + own)
    torch.testing.assert_close(network(X), LINEAR + h.flatten(1) @ network.out + network.deep(X.flat))


def test_pnn_reads_inner_products():
    network = head(PNN())
    products = torch.stack([(FIELDS[:, i] * FIELDS[:, j]).sum(1) for i, j in pairs()], 1)
    torch.testing.assert_close(network(X), LINEAR + network.deep(torch.cat([X.flat, products], 1)))


def test_gmf_multiplies_user_and_item():
    expected = LINEAR + ((FIELDS[:, 0] + FIELDS[:, 1]) * FIELDS[:, 2]).sum(1)
    torch.testing.assert_close(head(GMF())(X), expected)


@pytest.mark.parametrize("name", sorted(set(MODELS) - {"BoostedTrees"}))
def test_heads_depend_on_their_generator_alone(name: str):
    torch.manual_seed(5)
    first = head(MODELS[name]())(X)
    torch.manual_seed(6)
    torch.testing.assert_close(head(MODELS[name]())(X), first, rtol=0, atol=0)


def test_the_tables_gradient_is_autograds_own():
    layout = Layout(9, 2, [(2, 4)], ["user", "item", "item"], 0, [], [])
    front = Front(layout, 3, torch.Generator().manual_seed(0))
    codes = torch.tensor([[1, 4, 7, 7], [1, 5, 8, 0], [2, 4, 0, 0]], dtype=torch.int32)
    inputs = front(Batch(codes, torch.zeros(3, 0), []))
    (inputs.fields.pow(2).sum() + inputs.linear.pow(3).sum()).backward()
    table = front.table.detach().clone().requires_grad_()
    rows = torch.nn.functional.embedding(codes, table)
    count = (codes[:, 2:] > 0).sum(1, keepdim=True).clamp(min=1)
    coded = torch.cat([rows[:, :2], (rows[:, 2:].sum(1) / count)[:, None]], 1)
    (coded[..., :-1].pow(2).sum() + coded[..., -1].sum(1).pow(3).sum()).backward()
    torch.testing.assert_close(front.table.grad[1:], table.grad[1:])
    assert not front.table.grad[0].any()


def test_dropout_keeps_its_share_and_its_mean():
    from graphrec_lm.ctr.layers import Dropout

    generator = torch.Generator().manual_seed(3)
    dropout, x = Dropout(0.3, generator), torch.ones(400, 100)
    y = dropout(x)
    assert abs((y == 0).float().mean() - 0.3) < 0.01
    torch.testing.assert_close(y.unique(), torch.tensor([0, 1 / 0.7]))
    generator.manual_seed(3)
    assert torch.equal(dropout(x), y)
    assert torch.equal(dropout.eval()(x), x)
