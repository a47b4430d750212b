"""Losses equal what one gets by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from graphrec_lm.training import Batch
from graphrec_lm.training.losses import bpr, infonce, squared_norm

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


def test_one_negative_at_tau_one_is_bpr_on_cosines():
    units = [torch.nn.functional.normalize(table) for table in (USERS, ITEMS)]
    pairs = batch([0, 1], [0, 1], [[1], [2]])
    assert float(infonce(*units, pairs, tau=1.0)) == pytest.approx(float(bpr(*units, pairs)), rel=1e-5)
