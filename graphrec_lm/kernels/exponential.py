"""A float32 exponential that compilers vectorise; a library call an element would not be."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic


@intrinsic
def _as_float(typing_context, bits):  # type: ignore[no-untyped-def]
    """Read the bits of an int32 as a float32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), generate


@njit(inline="always")
def exponential(x):  # type: ignore[no-untyped-def]
    """e^x of a float32 x <= 88, within 1.5 units in the last place; 0 below -60, where e^x < 1e-26.

    A softmax doesn't miss what is so small beside its largest term; and a product with it would be a
    subnormal number, each of which costs a matrix product more than a hundred ordinary ones.

    Reduction to |r| <= ½ ln 2 and a polynomial of degree 5 in r, as in Cephes' `expf`.
    """
    is_tiny = x < np.float32(-60)
    x = max(x, np.float32(-60))
    n = np.floor(x * np.float32(1.44269504) + np.float32(0.5))
    r = x - n * np.float32(0.693359375) + n * np.float32(2.12194440e-4)
    p = np.float32(1.9875691500e-4)
    p = p * r + np.float32(1.3981999507e-3)
    p = p * r + np.float32(8.3334519073e-3)
    p = p * r + np.float32(4.1665795894e-2)
    p = p * r + np.float32(1.6666665459e-1)
    p = p * r + np.float32(5.0000001201e-1)
    fraction = p * r * r + r + np.float32(1)
    scale = _as_float((np.int32(n) + np.int32(127)) << np.int32(23))
    return np.float32(0) if is_tiny else fraction * scale
