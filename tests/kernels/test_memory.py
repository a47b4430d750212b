"""Memory is used again when nobody refers to it any more, and never before."""

from __future__ import annotations

import gc

import numpy as np
import torch

from graphrec_lm.kernels import empty, recycling
from graphrec_lm.kernels.memory import _pool

SHAPE = (512, 512)


def address(array: np.ndarray) -> int:
    return array.ctypes.data


def test_an_array_in_use_keeps_its_memory_through_every_kind_of_view():
    with recycling():
        array = empty(SHAPE)
        array[:] = 7
        views = array[100:], torch.from_numpy(array[:50]), array.T, array.reshape(-1)[3:9]
        del array
        others = [empty(SHAPE) for _ in range(4)]
        for other in others:
            other[:] = 0
        assert all((np.asarray(view) == 7).all() for view in views)
        assert len({address(other) for other in others}) == 4


def test_memory_comes_back_when_the_last_view_is_gone():
    with recycling():
        tensor = torch.from_numpy(empty(SHAPE))[5:]
        taken = tensor.data_ptr() - 5 * SHAPE[1] * 4
        assert address(empty(SHAPE)) != taken
        del tensor
        gc.collect()
        assert taken in {address(array) for array in [empty(SHAPE), empty(SHAPE)]}


def test_other_shapes_of_the_same_size_share_memory():
    with recycling():
        first = address(empty((1024, 256)))
        assert address(empty((256, 1024))) == first


def test_arrays_of_many_sizes_share_a_bounded_pool():
    with recycling():
        for rows in np.random.default_rng(0).integers(2_000, 4_000, 200):
            first, second = empty((rows, 256)), empty((256, rows))
            assert not np.shares_memory(first, second) and first.shape == (rows, 256)
            del first, second
        assert sum(array.size for array in _pool.get()) <= 2 * 3 * 4_000 * 256


def test_small_arrays_are_plain():
    with recycling():
        array = empty((3, 2))
        assert array.shape == (3, 2) and array.flags.owndata


def test_arrays_outside_have_memory_of_their_own():
    with recycling():
        address_inside = address(empty(SHAPE))
        token = _pool.set(None)
        arrays = [empty(SHAPE) for _ in range(3)]
        _pool.reset(token)
        assert len({address_inside, *map(address, arrays)}) == 4
    assert all(array.dtype == np.float32 and array.flags.writeable for array in arrays)
