"""bfloat16 numbers in numpy, which has no such type: the upper halves of float32 ones, as uint16."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray


def to_bfloat16(x: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Round to the nearest bfloat16 (8 bits of precision): half the memory, half the traffic.

    >>> to_bfloat16(np.array([1.0], dtype=np.float32))
    array([16256], dtype=uint16)
    """
    bits: NDArray[np.uint16] = torch.from_numpy(x).bfloat16().view(torch.uint16).numpy()
    return bits


def from_bfloat16(bits: NDArray[np.uint16]) -> NDArray[np.float32]:
    """The float32 numbers that `bits` stand for, exactly.

    >>> from_bfloat16(np.array([16256], dtype=np.uint16))
    array([1.], dtype=float32)
    """
    return (bits.astype(np.uint32) << 16).view(np.float32)
