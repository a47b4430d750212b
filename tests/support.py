"""Random CSR patterns, as hypothesis strategies and by seed, for tests of several rooms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numba
import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from scipy import sparse

WIDTHS = (1, 7, 16, 17, 64, 83, 144)  # below, at and between the widths of the kernels' loops


class Csr(NamedTuple):
    """A 0/1 matrix: its CSR pattern and its number of columns."""

    indptr: np.ndarray
    indices: np.ndarray
    n_columns: int

    @property
    def n_rows(self) -> int:
        return len(self.indptr) - 1

    @property
    def dense(self) -> np.ndarray:
        ones = np.ones(len(self.indices), np.float32)
        return sparse.csr_array((ones, self.indices, self.indptr), (self.n_rows, self.n_columns)).toarray()


def random_csr(rows: int, columns: int, density: float, seed: int, types: str = "li") -> Csr:
    """A random pattern; `types` are the dtype characters of indptr and indices."""
    matrix = sparse.csr_array(np.random.default_rng(seed).random((rows, columns)) < density)
    return Csr(matrix.indptr.astype(types[0]), matrix.indices.astype(types[1]), columns)


def patterns(types: tuple[str, ...] = ("li", "ll", "ii", "il"), largest: int = 12) -> st.SearchStrategy[Csr]:
    """Patterns from 1 x 1 up, with empty rows and columns, up to full; some have a single edge."""
    return st.builds(
        random_csr,
        rows=st.integers(1, largest),
        columns=st.integers(1, largest),
        density=st.sampled_from((0.0, 0.1, 0.4, 1.0)),
        seed=st.integers(0, 10**6),
        types=st.sampled_from(types),
    )


def normal(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Standard normal float32 numbers."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let numba use `count` threads."""
    before = numba.get_num_threads()
    numba.set_num_threads(count)
    try:
        yield
    finally:
        numba.set_num_threads(before)


def thread_counts() -> range:
    """All thread counts that numba can use here."""
    return range(1, numba.config.NUMBA_NUM_THREADS + 1)


def tensors(arrays: tuple, device: str) -> tuple:
    """Numpy arrays of a tuple as tensors on a device; what is none stays."""
    return tuple(torch.from_numpy(a).to(device) if isinstance(a, np.ndarray) else a for a in arrays)


EVERY_DEVICE = pytest.mark.parametrize(
    "device",
    [
        "cpu",
        pytest.param(
            "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
        ),
    ],
)
