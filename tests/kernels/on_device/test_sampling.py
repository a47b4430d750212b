"""torch's draws on each device are numba's, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphrec_lm import kernels
from graphrec_lm.errors import InputError
from graphrec_lm.kernels import on_device
from tests.support import EVERY_DEVICE, patterns, random_csr, tensors

SEEDS, STEPS = st.integers(0, 2**63 - 1), st.integers(0, 10**9)


def assert_same(found, expected):
    assert found.dtype == torch.int32
    np.testing.assert_array_equal(found.cpu().numpy(), expected)


@EVERY_DEVICE
@given(pattern=patterns(), by=st.sampled_from(("user", "interaction")), seed=SEEDS, step=STEPS)
def test_positives(device, pattern, by, seed, step):
    if not len(pattern.indices):
        return
    how = {"by": by, "seed": seed, "step": step}
    found = kernels.draw_positives(*tensors(pattern[:2], device), 30, **how)
    for one, other in zip(found, kernels.draw_positives(*pattern[:2], 30, **how), strict=True):
        assert_same(one, other)


@EVERY_DEVICE
@given(
    pattern=patterns(),
    seed=SEEDS,
    step=STEPS,
    first=st.integers(0, 99),
    most=st.sampled_from((1, 12, 1 << 22)),
    power=st.sampled_from((None, 0.0, 0.75)),
)
def test_negatives(device, pattern, seed, step, first, most, power):
    users = np.arange(pattern.n_rows, dtype=np.int32)[::-1].copy()
    table = moved = None
    if power is not None:
        table = kernels.alias_table((1.0 + pattern.dense.sum(0)) ** power)
        moved = on_device.move_table(table, torch.device(device))
    how = {"seed": seed, "step": step, "first": first}
    expected = kernels.draw_negatives(*pattern[:2], users, pattern.n_columns, 5, **how, table=table)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(on_device.draw_negatives.__globals__, "_MOST", most)
        arguments = tensors((*pattern[:2], users, pattern.n_columns, 5), device)
        assert_same(kernels.draw_negatives(*arguments, **how, table=moved), expected)


@EVERY_DEVICE
def test_a_table_that_gives_the_history_alone_ends_in_uniform_draws(device):
    table = kernels.alias_table(np.array([1.0, 0.0, 0.0, 0.0]))
    one = np.array([0, 1]), np.zeros(1, np.int32), np.zeros(2, np.int32)
    expected = kernels.draw_negatives(*one, 4, 50, seed=0, step=0, table=table)
    moved = on_device.move_table(table, torch.device(device))
    assert_same(kernels.draw_negatives(*tensors(one, device), 4, 50, seed=0, step=0, table=moved), expected)


@EVERY_DEVICE
def test_a_batch_of_a_real_size(device):
    pattern = random_csr(300, 900, 0.1, seed=0)
    moved, how = tensors(pattern[:2], device), {"seed": 5, "step": 7}
    users, items = kernels.draw_positives(*pattern[:2], 2000, by="user", **how)
    assert_same(kernels.draw_positives(*moved, 2000, by="user", **how)[1], items)
    expected = kernels.draw_negatives(*pattern[:2], users, 900, 64, **how)
    assert_same(kernels.draw_negatives(*moved, *tensors((users,), device), 900, 64, **how), expected)


@EVERY_DEVICE
def test_hashed_numbers(device):
    rows = np.array([0, 5, 5, 2**40])
    found = kernels.hash_uniform(*tensors((rows,), device), 70, seed=3)
    np.testing.assert_array_equal(found.cpu().numpy(), kernels.hash_uniform(rows, 70, seed=3))


@EVERY_DEVICE
def test_there_must_be_something_to_draw_from(device):
    nothing = tensors((np.array([0, 0]), np.zeros(0, np.int32)), device)
    with pytest.raises(InputError, match="there must be interactions to draw from"):
        kernels.draw_positives(*nothing, 3, by="user", seed=0, step=0)
