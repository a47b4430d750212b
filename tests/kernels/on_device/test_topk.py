"""topk in torch, on each device, equals a stable full sort, ties and all."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphrec_lm import kernels
from graphrec_lm.kernels import on_device, reference
from tests.kernels.test_topk import whole_numbers
from tests.support import EVERY_DEVICE, normal, patterns, random_csr, tensors


def assert_equal(found, expected):
    for ours, theirs, dtype in zip(found, expected, (torch.int32, torch.float32), strict=True):
        assert ours.dtype == dtype
        np.testing.assert_array_equal(ours.cpu().numpy(), theirs)


@EVERY_DEVICE
@given(
    seen=patterns(),
    dim=st.integers(1, 5),
    k=st.integers(1, 15),
    seed=st.integers(0, 10**6),
    share=st.sampled_from((None, 0.0, 0.5, 1.0)),
    rows=st.sampled_from((1, 2, 3, 4096)),
)
def test_equals_a_stable_sort(device, seen, dim, k, seed, share, rows):
    queries, items = whole_numbers((seen.n_rows, dim), seed), whole_numbers((seen.n_columns, dim), seed + 1)
    hidden, candidates = seen.dense > 0, None
    if share is not None:
        candidates = np.flatnonzero(np.random.default_rng(seed).random(seen.n_columns) < share)
        hidden = hidden | ~np.isin(np.arange(seen.n_columns), candidates)
    moved = tensors((queries, items, k), device)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(on_device.topk.__globals__, "_MOST_ROWS", rows)
        few = tensors((candidates,), device)[0]
        found = kernels.topk(*moved, seen=tensors(seen[:2], device), candidates=few)
    assert_equal(found, reference.topk(queries @ items.T, k, hidden))


@EVERY_DEVICE
def test_scores_of_every_size_and_sign_are_ordered_and_come_back_whole(device):
    scores = np.array([0.0, -0.0, 1e-40, -1e-40, 3e38, -3e38, np.inf, 1.5, -1.5, -np.inf, np.nan], np.float32)
    queries, items = tensors((np.ones((1, 1), np.float32), scores[:, None]), device)
    codes, values = kernels.topk(queries, items, 11)
    assert codes.cpu().tolist() == [[6, 4, 7, 2, 0, 1, 3, 8, 5, -1, -1]]
    best = [scores[code] for code in codes.cpu()[0, :9]]
    np.testing.assert_array_equal(values.cpu().numpy()[0], [*best, -np.inf, -np.inf])


@EVERY_DEVICE
def test_one_query_alone_gets_what_it_gets_among_many(device):
    queries, items = tensors((normal((300, 33)), normal((257, 33), 1)), device)
    together = kernels.topk(queries, items, 7)
    for row in (0, 1, 128, 299):
        alone = kernels.topk(queries[row : row + 1], items, 7)
        assert all(torch.equal(one, other[row : row + 1]) for one, other in zip(alone, together, strict=True))


@EVERY_DEVICE
def test_nothing_to_rank(device):
    pattern = random_csr(3, 4, 0.5, seed=0)
    queries, items = tensors((normal((0, 3)), normal((4, 3))), device)
    assert [found.shape for found in kernels.topk(queries, items, 2)] == [(0, 2), (0, 2)]
    nothing = kernels.topk(*tensors((normal((3, 2)), normal((0, 2))), device), 2)
    assert nothing[0].tolist() == [[-1, -1]] * 3
    alone = tensors((np.array([0, 0]), pattern.indices), device)
    assert kernels.topk(items[:1], items, 1, seen=alone)[0].shape == (1, 1)
