"""Leaky ReLU equals torch's, forward and backward."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from graphrec_lm.kernels import leaky_relu, leaky_relu_gradient
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
