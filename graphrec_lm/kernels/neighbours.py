"""The columns that a column most often occurs with: a Gram matrix too large to be kept whole."""

from __future__ import annotations

import numpy as np
from numba import get_num_threads, njit, prange
from numpy.typing import NDArray
from scipy.sparse import csr_array

from graphrec_lm.errors import check_number
from graphrec_lm.kernels.largest import are_largest
from graphrec_lm.kernels.patterns import csr_of, transpose
from graphrec_lm.kernels.read_only import read_only

Float32 = NDArray[np.float32]
Int = NDArray[np.integer]


def co_occurring(indptr: Int, indices: Int, n_columns: int, k: int, *, shrink: float = 10.0) -> csr_array:
    """For each column of a 0/1 matrix X the `k` others nearest by co-occurrence, and how often they do.

    Near is G_ij / √((n_i + shrink)(n_j + shrink)) with G = XᵀX, n its diagonal; of equals the smaller code.
    Memory is that of the result and three arrays of `n_columns` a thread.

    Parameters
    ----------
    indptr, indices : int arrays
        CSR pattern of X [rows, n_columns], columns distinct within a row.
    n_columns : int
    k : int
        At most; columns that never occur together are no neighbours.
    shrink : float
        > 0; the larger, the less rare columns are favoured.

    Returns
    -------
    float32 csr_array [n_columns, n_columns]
        Counts G_ij of row j's neighbours i, sorted by code; an empty diagonal.

    Examples
    --------
    >>> co_occurring(np.array([0, 2, 4]), np.array([0, 1, 1, 2], dtype=np.int32), 3, k=1).toarray()
    array([[0., 1., 0.],
           [1., 0., 0.],
           [0., 1., 0.]], dtype=float32)
    """
    check_number("k", k, least=1, integer=True)
    check_number("shrink", shrink, above=0)
    starts, rows = transpose(indptr, indices, n_columns)
    room, scale = _room(n_columns, min(k, n_columns - 1)), _scale(np.diff(starts), shrink)
    _nearest(*read_only(indptr, indices, starts, rows), scale, get_num_threads(), *room)
    return _packed(*room)


def nearest_of(counts: csr_array, popularity: Int, k: int, *, shrink: float = 10.0) -> csr_array:
    """The `k` nearest among the neighbours that `co_occurring` found: what it gives for a smaller k.

    Parameters
    ----------
    counts : csr_array [n_columns, n_columns]
        Of `co_occurring` with a larger `k`.
    popularity : int array [n_columns]
        n, how often each column occurs.
    k, shrink
        As for `co_occurring`.

    Examples
    --------
    >>> wide = csr_array(np.array([[0, 2, 1], [2, 0, 0], [1, 0, 0]], dtype=np.float32))
    >>> nearest_of(wide, np.array([3, 2, 1]), k=1).toarray()
    array([[0., 2., 0.],
           [2., 0., 0.],
           [1., 0., 0.]], dtype=float32)
    """
    check_number("k", k, least=1, integer=True)
    room, scale = _room(counts.shape[0], k), _scale(popularity, shrink)
    _narrow(*read_only(counts.indptr, counts.indices, counts.data), scale, *room)
    return _packed(*room)


def _scale(popularity: Int, shrink: float) -> Float32:
    """What a count with each column is multiplied with to be near; the other column's is the same for all."""
    scale: Float32 = ((popularity + shrink) ** -0.5).astype(np.float32)
    return scale


def _room(n: int, k: int) -> tuple[NDArray[np.int32], Float32, NDArray[np.int64]]:
    """Where codes and counts of each column are written, and how many they are."""
    return np.empty((n, k), np.int32), np.empty((n, k), np.float32), np.zeros(n + 1, dtype=np.int64)


def _packed(codes: NDArray[np.int32], counts: Float32, sizes: NDArray[np.int64]) -> csr_array:
    bounds = np.cumsum(sizes)
    _pack(codes, counts, bounds)
    total, shape = bounds[-1], (len(codes), len(codes))
    return csr_of(counts.reshape(-1)[:total], codes.reshape(-1)[:total], bounds, shape)


@njit(cache=True)
def _pack(codes, counts, bounds):  # type: ignore[no-untyped-def]
    """Move the entries of each row to where they stand without gaps, in place."""
    all_codes, all_counts = codes.reshape(-1), counts.reshape(-1)
    for row in range(len(codes)):
        first, size = row * codes.shape[1], bounds[row + 1] - bounds[row]
        for place in range(size):
            all_codes[bounds[row] + place] = all_codes[first + place]
            all_counts[bounds[row] + place] = all_counts[first + place]


@njit(parallel=True, cache=True)
def _nearest(indptr, indices, starts, rows, scale, parts, codes, counts, sizes):  # type: ignore[no-untyped-def]
    n = len(codes)
    for part in prange(parts):
        sums, touched = np.zeros(n, np.float32), np.empty(n, np.int32)
        for column in range(part, n, parts):  # interleaved: popular columns often stand together
            size = _count(indptr, indices, rows[starts[column] : starts[column + 1]], sums, touched)
            found = np.sort(touched[:size][touched[:size] != column])
            sizes[column + 1] = _keep(found, sums[found], scale, codes[column], counts[column])
            sums[touched[:size]] = 0


@njit(parallel=True, cache=True)
def _narrow(indptr, indices, values, scale, codes, counts, sizes):  # type: ignore[no-untyped-def]
    for row in prange(len(codes)):
        part = slice(indptr[row], indptr[row + 1])
        sizes[row + 1] = _keep(indices[part], values[part], scale, codes[row], counts[row])


@njit(cache=True)
def _count(indptr, indices, rows, sums, touched):  # type: ignore[no-untyped-def]
    """Add the given rows to `sums`; the columns they touch, and their number."""
    size = 0
    for row in rows:
        for edge in range(indptr[row], indptr[row + 1]):
            other = indices[edge]
            if sums[other] == 0:
                touched[size] = other
                size += 1
            sums[other] += np.float32(1)
    return size


@njit(cache=True)
def _keep(found, values, scale, codes, counts):  # type: ignore[no-untyped-def]
    """Write the nearest of `found`; of those that equal the last one, the first."""
    is_near, kept = are_largest(values * scale[found], len(codes)), 0
    for t in range(len(found)):
        if is_near[t]:
            codes[kept], counts[kept] = found[t], values[t]
            kept += 1
    return kept
