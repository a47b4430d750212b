"""Unit rows and the gradient through them equal autograd's."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from graphrec_lm.kernels.units import table_gradient, unit_rows_of
from tests.support import WIDTHS, normal, thread_counts, threads


@given(rows=st.integers(1, 9), n=st.integers(0, 30), dim=st.sampled_from(WIDTHS), seed=st.integers(0, 999))
def test_rows_and_gradient_equal_autograd(rows, n, dim, seed):
    table, upstream = normal((rows, dim), seed), normal((n, dim), seed + 1)
    table[0] = 0
    codes = np.random.default_rng(seed).integers(0, rows, n, dtype=np.int32)
    exact = torch.from_numpy(table).double().requires_grad_()
    expected = functional.normalize(exact, dim=1)[torch.from_numpy(codes).long()]
    (expected * torch.from_numpy(upstream)).sum().backward()
    units, factors = unit_rows_of(table, codes, multiple=8)
    assert units.shape[1] % 8 == 0 and not units[:, dim:].any()
    np.testing.assert_allclose(units[:, :dim], expected.detach().numpy(), atol=1e-6)
    upstream = np.pad(upstream, ((0, 0), (0, units.shape[1] - dim)))
    found = table_gradient(codes, upstream, units, factors, table.shape)
    np.testing.assert_allclose(found[1:], exact.grad.numpy()[1:], rtol=1e-4, atol=1e-4)


def test_the_gradient_does_not_depend_on_the_number_of_threads():
    table, upstream = normal((50, 64), 0), normal((400, 64), 1)
    codes = np.random.default_rng(0).integers(0, 50, 400, dtype=np.int32)
    units, factors = unit_rows_of(table, codes)
    results = []
    for count in thread_counts():
        with threads(count):
            results.append(table_gradient(codes, upstream, units, factors, table.shape))
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])
