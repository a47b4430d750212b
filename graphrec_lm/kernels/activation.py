"""Leaky ReLU with a bias, forward and backward in one pass each."""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

_SLOPE = np.float32(0.01)  # as in torch.nn.LeakyReLU


def leaky_relu(x: Float32, bias: Float32, out: Float32) -> Float32:
    """max(x + bias, 0.01 · (x + bias)) into `out`, which may be `x`.

    Parameters
    ----------
    x : float32 array [n, dim]
    bias : float32 array [dim]
    out : float32 array [n, dim]

    Examples
    --------
    >>> x = np.array([[-3, 1]], dtype=np.float32)
    >>> leaky_relu(x, np.ones(2, dtype=np.float32), out=x)
    array([[-0.02,  2.  ]], dtype=float32)
    """
    _leaky_relu(x, bias, out)
    return out


def leaky_relu_gradient(upstream: Float32, activated: Float32, out: Float32) -> Float32:
    """Gradient by x, given that of the result and the result itself; `out` may be either.

    Parameters
    ----------
    upstream, activated, out : float32 arrays [n, dim]

    Examples
    --------
    >>> activated = np.array([[-0.02, 2]], dtype=np.float32)
    >>> leaky_relu_gradient(np.ones((1, 2), dtype=np.float32), activated, out=activated)
    array([[0.01, 1.  ]], dtype=float32)
    """
    _leaky_relu_gradient(upstream, activated, out)
    return out


@njit(parallel=True, cache=True, error_model="numpy")
def _leaky_relu(x, bias, out):  # type: ignore[no-untyped-def]
    for row in prange(len(x)):
        for d in range(x.shape[1]):
            value = x[row, d] + bias[d]
            out[row, d] = max(value, _SLOPE * value)


@njit(parallel=True, cache=True, error_model="numpy")
def _leaky_relu_gradient(upstream, activated, out):  # type: ignore[no-untyped-def]
    for row in prange(len(upstream)):
        for d in range(upstream.shape[1]):
            slope = np.float32(1) if activated[row, d] > 0 else _SLOPE
            out[row, d] = slope * upstream[row, d]
