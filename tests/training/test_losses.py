"""Losses equal what one gets by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from graphrec_lm.training import Batch
from graphrec_lm.training.losses import bpr, contrast, infonce, squared_norm
from tests.support import normal

USERS = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
ITEMS = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 4.0]])


def batch(users, positives, negatives, seen=None):
    return Batch(*(np.array(codes, np.int32) for codes in (users, positives, negatives)), seen)


def softplus(x):
    return math.log1p(math.exp(x))


def test_bpr_is_the_mean_over_pairs():
    loss = bpr(USERS, ITEMS, batch([0, 1], [0, 1], [[1], [2]]))
    assert float(loss) == pytest.approx((softplus(0 - 2) + softplus(8 - 2)) / 2)


def test_bpr_takes_every_negative():
    loss = bpr(USERS, ITEMS, batch([0], [0], [[1, 2]]))
    assert float(loss) == pytest.approx((softplus(0 - 2) + softplus(3 - 2)) / 2)


def test_squared_norm_is_half_the_squares_of_a_pair():
    loss = squared_norm(USERS, ITEMS, batch([0, 1], [0, 1], [[1], [2]]))
    assert float(loss) == pytest.approx(((1 + 4 + 1) + (4 + 1 + 25)) / 2 / 2)


@pytest.mark.parametrize("n", [1, 3])
def test_the_gradients_of_bpr_and_of_the_penalty_are_autograds(n):
    rng = np.random.default_rng(0)
    codes = [rng.integers(0, size, shape) for size, shape in ((4, 7), (5, 7), (5, (7, n)))]
    pairs, tables = batch(*codes), (normal((4, 6), 1), normal((5, 6), 2))

    def run(kind, loss_of):
        users, items = (torch.from_numpy(table).to(kind).requires_grad_() for table in tables)
        loss = loss_of(users, items)
        (2 * loss).backward()
        return loss.detach(), users.grad, items.grad

    def expected(users, items):
        own, positive, negative = users[codes[0]], items[codes[1]], items[codes[2]]
        margins = (own[:, None] * (negative - positive[:, None])).sum(-1)
        squares = sum(rows.square().sum() for rows in (own, positive, negative))
        return torch.nn.functional.softplus(margins).mean() + 0.1 * squares / (2 * 7)

    found = run(torch.float32, lambda u, i: bpr(u, i, pairs) + 0.1 * squared_norm(u, i, pairs))
    for ours, theirs in zip(found, run(torch.float64, expected), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_infonce_scores_cosines():
    loss = infonce(USERS, ITEMS, batch([0], [0], [[1, 2]]), tau=0.5)
    assert float(loss) == pytest.approx(
        -1 / 0.5 + math.log(math.exp(2) + math.exp(0) + math.exp(1.2)), rel=1e-5
    )


def test_infonce_with_shared_negatives_leaves_the_seen_out():
    seen = np.array([0, 1, 2]), np.array([0, 1], np.int32)
    loss = infonce(USERS, ITEMS, batch([0, 1], [0, 1], [0, 1, 2], seen), tau=1.0)
    one = -1 + math.log(math.exp(1) + math.exp(0) + math.exp(0.6))
    two = -1 + math.log(math.exp(1) + math.exp(0) + math.exp(0.8))
    assert float(loss) == pytest.approx((one + two) / 2, rel=1e-5)


def test_a_local_batch_has_the_same_loss_on_the_rows_of_its_users():
    seen = np.array([0, 1, 2]), np.array([0, 1], np.int32)
    whole = batch([1, 0, 1], [1, 0, 1], [0, 1, 2], seen)
    rows = USERS[torch.from_numpy(whole.users).long()]
    losses = infonce(USERS, ITEMS, whole, tau=1.0), infonce(rows, ITEMS, whole.local(), tau=1.0)
    assert float(losses[0]) == float(losses[1])


def test_infonce_of_several_positives_is_the_mean_of_each_against_the_same_negatives():
    loss = infonce(USERS, ITEMS, batch([0], [[0, 2]], [[1]]), tau=1.0)
    each = [-1 + math.log(math.exp(1) + math.exp(0)), -0.6 + math.log(math.exp(0.6) + math.exp(0))]
    assert float(loss) == pytest.approx(sum(each) / 2, rel=1e-5)


@pytest.mark.parametrize("negatives", [[0, 1, 4], [[1, 4, 4], [3, 3, 3], [4, 3, 1]]])
@pytest.mark.parametrize("positives", [[1, 0, 1], [[1, 4], [0, 0], [1, 3]]])
def test_a_compact_batch_has_the_same_loss_on_what_it_names(positives, negatives):
    seen = (np.array([0, 2, 3]), np.array([0, 2, 4], np.int32)) if np.ndim(negatives) == 1 else None
    whole = batch([1, 0, 1], positives, negatives, seen)
    items = torch.from_numpy(normal((6, 2)))
    users, named, compact = whole.compact(6)
    assert users.tolist() == [0, 1] and set(named) == {*np.ravel(positives), *np.ravel(negatives)}
    found = infonce(USERS[users], items[named], compact, tau=1.0)
    assert float(found) == pytest.approx(float(infonce(USERS, items, whole, tau=1.0)), rel=1e-5)


def test_one_negative_at_tau_one_is_bpr_on_cosines():
    units = [torch.nn.functional.normalize(table) for table in (USERS, ITEMS)]
    pairs = batch([0, 1], [0, 1], [[1], [2]])
    assert float(infonce(*units, pairs, tau=1.0)) == pytest.approx(float(bpr(*units, pairs)), rel=1e-5)


def test_contrast_has_the_other_nodes_as_negatives():
    one, other = USERS, torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    first = -0.6 + math.log(math.exp(0.6) + math.exp(0))
    second = -1 + math.log(math.exp(0.8) + math.exp(1))
    assert float(contrast(one, other, tau=1.0)) == pytest.approx((first + second) / 2, rel=1e-5)


def test_nothing_competes_with_a_node_alone():
    assert float(contrast(USERS[:1], ITEMS[:1], tau=0.1)) == pytest.approx(0, abs=1e-6)
