"""Sums of standardised rows: how scores of different scales are added."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from graphrec_lm.kernels.read_only import read_only

Float32 = NDArray[np.float32]


def add_standardised(out: Float32, scores: Float32, weights: Float32) -> Float32:
    """Add the rows of `scores`, each brought to mean 0 and deviation 1 and weighted, to `out`.

    Parameters
    ----------
    out : float32 array [rows, columns]
        Changed in place.
    scores : float32 array [rows, columns]
        Finite. A row without variation adds nothing.
    weights : float32 array [rows]

    Returns
    -------
    `out`

    Examples
    --------
    >>> scores = np.array([[1, 3], [5, 5]], dtype=np.float32)
    >>> add_standardised(np.zeros((2, 2), np.float32), scores, np.array([2, 1], np.float32))
    array([[-2.,  2.],
           [ 0.,  0.]], dtype=float32)
    """
    _add(out, *read_only(scores, np.asarray(weights, dtype=np.float32)))
    return out


def standardised(scores: Float32) -> Float32:
    """Rows brought to mean 0 and deviation 1, those without variation to 0; see `add_standardised`."""
    ones = np.ones(len(scores), dtype=np.float32)
    return add_standardised(np.zeros_like(scores), np.ascontiguousarray(scores), ones)


def weighted_sum(parts: Sequence[Float32], weights: Float32) -> Float32:
    """Σ_m weights[:, m] · standardised(parts[m]), float32 [rows, columns]; see `add_standardised`."""
    out = np.zeros_like(parts[0])
    for part, weight in zip(parts, weights.T, strict=True):
        add_standardised(out, np.ascontiguousarray(part), np.ascontiguousarray(weight))
    return out


@njit(parallel=True, cache=True, fastmath={"reassoc", "contract"})
def _add(out, scores, weights):  # type: ignore[no-untyped-def]
    columns = scores.shape[1]
    for row in prange(scores.shape[0]):
        first = scores[row, 0]  # as origin: large scores that hardly differ lose no digits
        total, squares = 0.0, 0.0
        for column in range(columns):
            shifted = np.float64(scores[row, column] - first)
            total += shifted
            squares += shifted * shifted
        mean = total / columns
        variance = squares / columns - mean * mean
        if variance > 1e-12 * (squares / columns):
            scale = np.float32(weights[row] / np.sqrt(variance))
            shift = np.float32(mean) + first
            for column in range(columns):
                out[row, column] += scale * (scores[row, column] - shift)
