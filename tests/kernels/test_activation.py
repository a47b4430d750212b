"""ReLU, leaky and with dropout, equals torch's, forward and backward."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from graphrec_lm.kernels import leaky_relu, leaky_relu_gradient, relu_dropout, relu_dropout_gradient
from tests.support import WIDTHS, normal


@given(rows=st.integers(0, 9), dim=st.sampled_from(WIDTHS), seed=st.integers(0, 999))
def test_it_equals_torch(rows, dim, seed):
    x, upstream, bias = normal((rows, dim), seed), normal((rows, dim), seed + 1), normal((dim,), seed + 2)
    exact = torch.from_numpy(x).requires_grad_()
    expected = functional.leaky_relu(exact + torch.from_numpy(bias))
    expected.backward(torch.from_numpy(upstream))
    found = leaky_relu(x, bias, out=np.empty_like(x))
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-6)
    np.testing.assert_allclose(leaky_relu_gradient(upstream, found, out=found), exact.grad, rtol=1e-6)


@given(
    rows=st.integers(0, 9),
    dim=st.sampled_from(WIDTHS),
    seed=st.integers(0, 999),
    rate=st.sampled_from([0.0, 0.4]),
)
def test_dropout_after_relu_equals_torch(rows, dim, seed, rate):
    x, upstream, bias = normal((rows, dim), seed), normal((rows, dim), seed + 1), normal((dim,), seed + 2)
    drawn = np.random.default_rng(seed).integers(0, 2**16, (rows, dim), dtype=np.uint16) if rate else None
    kept = torch.ones(rows, dim) if drawn is None else torch.from_numpy(drawn >= rate * 2**16) / (1 - rate)
    exact = torch.from_numpy(x).requires_grad_()
    expected = functional.relu(exact + torch.from_numpy(bias)) * kept
    expected.backward(torch.from_numpy(upstream))
    found = relu_dropout(x, bias, np.empty_like(x), drawn, rate)
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-6)
    gradient = relu_dropout_gradient(upstream, found, found, rate)
    np.testing.assert_allclose(gradient, exact.grad, rtol=1e-6)


def test_what_is_no_number_stays_so():
    x, one = np.array([[np.nan, -1, np.inf]], np.float32), np.ones(3, np.float32)
    np.testing.assert_equal(relu_dropout(x, one, np.empty_like(x)), [[np.nan, 0, np.inf]])
    drawn = np.full((1, 3), 60_000, np.uint16)
    np.testing.assert_equal(relu_dropout(x, one, np.empty_like(x), drawn, 0.5), [[np.nan, 0, np.inf]])
