"""Batches of users: everyone once an epoch, each batch a pure function of (seed, step)."""

from __future__ import annotations

import numpy as np
import pytest

from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.training import UserSampler
from tests.support import random_csr

PATTERN = random_csr(50, 9, 0.15, seed=3)
GRAPH = BipartiteGraph(*PATTERN)
TOUCHED = np.flatnonzero(PATTERN.dense.any(axis=1))


@pytest.mark.parametrize("size", [1, 7, 50])
def test_everyone_with_a_history_comes_once_an_epoch(size):
    sampler = UserSampler(GRAPH, seed=0)
    assert len(sampler) == len(TOUCHED) < 50
    steps = -(-len(TOUCHED) // size)
    epochs = [[sampler.draw(epoch * steps + step, size) for step in range(steps)] for epoch in range(2)]
    orders = [np.concatenate([batch.users for batch in batches]) for batches in epochs]
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), TOUCHED)
    assert not np.array_equal(*orders)


def test_a_batch_is_a_function_of_seed_and_step():
    one, again, other = (UserSampler(GRAPH, seed).draw(5, 7) for seed in (1, 1, 2))
    for name in ("users", "indptr", "indices"):
        np.testing.assert_array_equal(getattr(one, name), getattr(again, name))
    assert one.step == 5 and not np.array_equal(one.users, other.users)


def test_it_brings_the_whole_histories():
    batch = UserSampler(GRAPH, seed=0).draw(2, 11)
    for place, user in enumerate(batch.users):
        history = batch.indices[batch.indptr[place] : batch.indptr[place + 1]]
        np.testing.assert_array_equal(history, np.flatnonzero(PATTERN.dense[user]))


def test_an_epoch_is_drawn_once(monkeypatch):
    sampler = UserSampler(GRAPH, seed=3)
    one = [sampler.draw(step, 2).users.tolist() for step in (0, 1, 5, 0)]
    assert one == [UserSampler(GRAPH, seed=3).draw(step, 2).users.tolist() for step in (0, 1, 5, 0)]
    assert len(sampler._orders) == 1
