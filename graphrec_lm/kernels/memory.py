"""Large arrays that are used again: touching fresh memory costs more than computing on it."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
import torch
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

_LEAST = 1 << 18  # entries; smaller arrays come quickly from the allocator
_pool: ContextVar[list[Float32] | None] = ContextVar("pool", default=None)


@contextmanager
def recycling() -> Iterator[None]:
    """Within it, `empty` gives the memory of arrays that nobody refers to any more.

    A training step allocates arrays like those of the one before; one of up to twice the size will do.
    Fresh pages of the operating system have to be cleared and mapped first, by one thread. All is given
    back at the end.

    Examples
    --------
    >>> with recycling():
    ...     first = empty((512, 512)).ctypes.data
    ...     second = empty((512, 512)).ctypes.data
    >>> first == second
    True
    """
    token = _pool.set([])
    try:
        yield
    finally:
        _pool.reset(token)


def empty(shape: tuple[int, ...]) -> Float32:
    """A float32 array with undefined content, like `numpy.empty`.

    Memory that is used once comes in small pages (torch's): numpy asks for huge ones, good for what is
    read again and again, but the kernel may take long to find them.
    """
    size, pool = math.prod(shape), _pool.get()
    if size < _LEAST:
        return np.empty(shape, dtype=np.float32)
    if pool is None:
        once: Float32 = torch.empty(shape).numpy()
        return once
    best = -1
    for place in range(len(pool)):
        is_better = best < 0 or pool[place].size < pool[best].size
        if is_better and size <= pool[place].size <= 2 * size and _references(pool, place) == _IDLE:
            best = place
    if best < 0:
        pool.append(np.empty(size + size // 8, dtype=np.float32))
        best = len(pool) - 1
    return pool[best][:size].reshape(shape)


def _references(pool: list[Float32], place: int) -> int:
    """How often an array is referred to; every view of it does, and every tensor on a view."""
    return sys.getrefcount(pool[place])


_IDLE = _references([np.empty(1, dtype=np.float32)], 0)
