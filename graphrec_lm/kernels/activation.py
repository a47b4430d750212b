"""ReLU, leaky or with dropout, after a bias: forward and backward in one pass each."""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from graphrec_lm.kernels.read_only import read_only

Float32 = NDArray[np.float32]
Drawn = NDArray[np.uint16]

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
    _relu_gradient(upstream, activated, np.float32(1), _SLOPE, out)
    return out


def relu_dropout(
    x: Float32, bias: Float32, out: Float32, drawn: Drawn | None = None, rate: float = 0.0
) -> Float32:
    """max(x + bias, 0) / (1 - rate) into `out`, which may be `x`, and 0 where dropout falls.

    Parameters
    ----------
    x : float32 array [n, dim]
    bias : float32 array [dim]
    out : float32 array [n, dim]
    drawn : uint16 array [n, dim], optional
        Random numbers: those below rate · 65,536 are dropped. None: nothing is.
    rate : float
        In [0, 1).

    Examples
    --------
    >>> x, drawn = np.array([[-3, 1, 1]], dtype=np.float32), np.array([[9, 9, 60_000]], dtype=np.uint16)
    >>> relu_dropout(x, np.ones(3, dtype=np.float32), out=x, drawn=drawn, rate=0.5)
    array([[0., 0., 4.]], dtype=float32)
    """
    if drawn is None:
        _relu(x, bias, out)
    else:
        _relu_dropout(x, bias, *read_only(drawn), round(rate * 2**16), np.float32(1 / (1 - rate)), out)
    return out


def relu_dropout_gradient(upstream: Float32, activated: Float32, out: Float32, rate: float = 0.0) -> Float32:
    """Gradient by x, given that of the result and the result itself, which shows what was dropped.

    Parameters
    ----------
    upstream, activated, out : float32 arrays [n, dim]
        `out` may be either of the others.
    rate : float
        0 if nothing was dropped.

    Examples
    --------
    >>> activated = np.array([[0, 0, 4]], dtype=np.float32)
    >>> relu_dropout_gradient(np.ones((1, 3), dtype=np.float32), activated, out=activated, rate=0.5)
    array([[0., 0., 2.]], dtype=float32)
    """
    _relu_gradient(upstream, activated, np.float32(1 / (1 - rate)), np.float32(0), out)
    return out


@njit(parallel=True, cache=True, error_model="numpy")
def _leaky_relu(x, bias, out):  # type: ignore[no-untyped-def]
    for row in prange(len(x)):
        for d in range(x.shape[1]):
            value = x[row, d] + bias[d]
            out[row, d] = max(value, _SLOPE * value)


@njit(parallel=True, cache=True, error_model="numpy")
def _relu(x, bias, out):  # type: ignore[no-untyped-def]
    for row in prange(len(x)):
        for d in range(x.shape[1]):
            value = x[row, d] + bias[d]
            out[row, d] = np.float32(0) if value <= 0 else value  # NaN stays


@njit(parallel=True, cache=True, error_model="numpy")
def _relu_dropout(x, bias, drawn, least, scale, out):  # type: ignore[no-untyped-def]
    for row in prange(len(x)):
        for d in range(x.shape[1]):
            value = x[row, d] + bias[d]
            out[row, d] = np.float32(0) if value <= 0 or drawn[row, d] < least else scale * value


@njit(parallel=True, cache=True, error_model="numpy")
def _relu_gradient(upstream, activated, positive, negative, out):  # type: ignore[no-untyped-def]
    for row in prange(len(upstream)):
        for d in range(upstream.shape[1]):
            out[row, d] = upstream[row, d] * (positive if activated[row, d] > 0 else negative)
