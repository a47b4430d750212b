"""Several items of each history, drawn without repetition as long as it lasts."""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from graphrec_lm.kernels.sampling import _below, _key

Int = NDArray[np.integer]
Codes = NDArray[np.int32]

_SEVERAL_STREAM = 3  # beside the streams of `sampling`


def draw_several(indptr: Int, indices: Int, users: Codes, n: int, *, seed: int, step: int) -> Codes:
    """Draw `n` items of each user's history, none again before all have come.

    Of a history of d items each comes ⌊n / d⌋ times, and n mod d of them once more.

    Parameters
    ----------
    indptr, indices : int arrays
        CSR pattern of the interactions, [users, items].
    users : int32 array [batch]
        Each with at least one interaction.
    n : int
    seed, step : int
        The draws are a pure function of both.

    Returns
    -------
    int32 array [batch, n]

    Examples
    --------
    >>> indptr, indices = np.array([0, 2]), np.array([4, 7], dtype=np.int32)
    >>> draw_several(indptr, indices, np.zeros(1, dtype=np.int32), 4, seed=0, step=0)
    array([[4, 7, 4, 7]], dtype=int32)
    """
    out = np.empty((len(users), n), dtype=np.int32)
    _draw_several(indptr, indices, users, _key(seed, step, _SEVERAL_STREAM), out)
    return out


@njit(parallel=True, cache=True)
def _draw_several(indptr, indices, users, key, out):  # type: ignore[no-untyped-def]
    batch, n = out.shape
    for b in prange(batch):
        start, degree, row = indptr[users[b]], indptr[users[b] + 1] - indptr[users[b]], out[b]
        repeated = n - n % degree
        for j in range(repeated):
            row[j] = j % degree
        for j in range(repeated, n):  # a place among those not drawn yet; the drawn ones stand in order
            place = _below(key, b * n + j, degree - (j - repeated))
            at = repeated
            while at < j and row[at] <= place:
                place += 1
                at += 1
            for later in range(j, at, -1):
                row[later] = row[later - 1]
            row[at] = place
        for j in range(n):
            row[j] = indices[start + row[j]]
