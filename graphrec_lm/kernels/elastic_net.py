"""Elastic nets of every column on all others, by coordinate descent on the Gram matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import get_num_threads, njit, prange
from numpy.typing import NDArray

from graphrec_lm.errors import InputError, check_number
from graphrec_lm.kernels.read_only import read_only

Float32 = NDArray[np.float32]
Int = NDArray[np.integer]


def elastic_net(
    gram: Any,
    columns: Int,
    *,
    l1: float,
    l2: float,
    nonnegative: bool = True,
    candidates: tuple[Int, Int] | None = None,
    tolerance: float = 1e-4,
    sweeps: int = 100,
) -> Float32:
    """Minimise ½‖x_j - X w‖² + l1 ‖w‖₁ + ½ l2 ‖w‖² with w_j = 0, for columns j of X.

    Coordinate descent with G = XᵀX alone: w_i is the soft threshold of q_i + G_ii w_i over G_ii + l2,
    with q = G_j - G w. It descends within a set of members, whose Gram matrix is small and dense, to which
    the items of the largest gain are added until none beside it asks for a weight: all conditions of
    optimality hold then.

    With `nonnegative` weights and a G without negative entries, q never rises above G_j, so that only the
    items with G_ij > l1 can get a weight: the others are not looked at, without loss.

    Each column is solved by one thread: the result doesn't depend on their number.

    Parameters
    ----------
    gram : scipy.sparse.csr_array [n, n]
        Symmetric, of float32, without negative entries; see `gram` with `least`.
    columns : int array [m]
        Which columns are solved.
    l1, l2 : float
        > 0 and >= 0, in the units of G: counts of rows. Without `l1` nothing is sparse.
    nonnegative : bool
        Constrain the weights to w >= 0.
    candidates : (indptr, indices), optional
        CSR pattern [n, n]: row j names the only items that may get a weight for column j.
    tolerance : float
        Stop when no weight moves by more than this in a sweep, > 0.
    sweeps : int
        At most, each time the set has grown.

    Returns
    -------
    float32 array [m, n]
        A row for each of `columns`: its weights.

    Examples
    --------
    >>> from graphrec_lm.kernels import gram
    >>> counts = gram(np.array([0, 2, 4]), np.array([0, 1, 0, 1], dtype=np.int32), 2, least=1)
    >>> elastic_net(counts, np.array([0]), l1=1.0, l2=2.0)
    array([[0.  , 0.25]], dtype=float32)
    """
    check_number("l1", l1, above=0)
    check_number("l2", l2, least=0)
    check_number("tolerance", tolerance, above=0)
    check_number("sweeps", sweeps, least=1, integer=True)
    if gram.data.min(initial=0) < 0:
        raise InputError("`gram` must have no negative entry", gram.data.min(), "Pass co-occurrences.")
    everything = np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int32)
    pattern = candidates or ((gram.indptr, gram.indices) if nonnegative else everything)
    out = np.zeros((len(columns), gram.shape[0]), dtype=np.float32)
    long = (array.astype(np.int64, copy=False) for array in (columns, gram.indptr, pattern[0]))
    short = (array.astype(np.int32, copy=False) for array in (gram.indices, pattern[1]))
    (columns, starts, bounds), (codes, chosen) = (read_only(*arrays) for arrays in (long, short))
    values, diagonal = read_only(gram.data, gram.diagonal())
    how = float(l1), float(l2), nonnegative, float(tolerance), sweeps
    _solve((starts, codes, values), diagonal, bounds, chosen, columns, how, get_num_threads(), out)
    return out


@njit(parallel=True, cache=True, error_model="numpy")
def _solve(gram, diagonal, bounds, candidates, columns, how, parts, out):  # type: ignore[no-untyped-def]
    for part in prange(parts):
        _part(gram, diagonal, bounds, candidates, columns, how, part, parts, out)


@njit(cache=True, error_model="numpy")
def _part(gram, diagonal, bounds, candidates, columns, how, part, parts, out):  # type: ignore[no-untyped-def]
    """Every `parts`-th column: popular ones often stand together."""
    n = len(diagonal)
    slope, gains, chosen = np.empty(n), np.empty(n), np.empty(n, dtype=np.int32)
    place_of = np.full(n, -1, dtype=np.int32)
    for place in range(part, len(columns), parts):
        for item in range(n):
            slope[item] = 0
        _add_row(gram, columns[place], 1.0, slope)
        count = _choose(columns[place], slope, diagonal, bounds, candidates, how, chosen)
        _column(gram, diagonal, chosen, count, how, slope, gains, place_of, out[place])


@njit(cache=True)
def _choose(column, slope, diagonal, bounds, candidates, how, chosen):  # type: ignore[no-untyped-def]
    """The items that may get a weight; `bounds` of one number stands for all of them."""
    l1, nonnegative = how[0], how[2]
    count, everything = 0, len(bounds) == 1
    first, last = (0, len(diagonal)) if everything else (bounds[column], bounds[column + 1])
    for at in range(first, last):
        item = at if everything else candidates[at]
        if item != column and diagonal[item] > 0 and (slope[item] > l1 or not nonnegative):
            chosen[count] = item
            count += 1
    return count


@njit(cache=True, error_model="numpy")
def _column(gram, diagonal, chosen, count, how, slope, gains, place_of, weights):  # type: ignore[no-untyped-def]
    """Solve one column on a growing set of members, until no item beside it asks for a weight."""
    size, members, inner = 0, np.empty(64, dtype=np.int32), np.empty((64, 64))
    before, own = np.empty(64), np.empty(64)
    while True:
        least, added = _gains(diagonal, chosen, count, how, slope, gains, place_of, max(16, size))
        if added == 0:
            break
        if size + added > len(members):
            members, inner = _grown(members, inner, size, 2 * (size + added))
            before, own = np.empty(len(members)), np.empty(len(members))
        for at in range(count):
            if gains[at] >= least:
                members[size], place_of[chosen[at]] = chosen[at], size
                size += 1
                _inner_row(gram, chosen[at], place_of, inner, size)
        for at in range(size):
            before[at], own[at] = weights[members[at]], slope[members[at]]
        _descend(members, size, inner, own, how, weights)
        for at in range(size):
            step = before[at] - weights[members[at]]
            if step != 0:
                _add_row(gram, members[at], step, slope)
    for at in range(size):
        place_of[members[at]] = -1


@njit(cache=True, error_model="numpy")
def _gains(diagonal, chosen, count, how, slope, gains, place_of, most):  # type: ignore[no-untyped-def]
    """Fill in what items beside the members would gain; a threshold that about `most` reach; how many do."""
    l1, l2, nonnegative, tolerance, _ = how
    largest, added = 0.0, 0
    for at in range(count):
        item = chosen[at]
        excess = (slope[item] if nonnegative else abs(slope[item])) - l1
        gains[at] = 0
        if place_of[item] < 0 and excess > tolerance * (diagonal[item] + l2):
            gains[at] = excess * excess / (diagonal[item] + l2)
            largest = max(largest, gains[at])
    least, wanting = largest, largest > 0
    while wanting:
        least, added, rest = least / 2, 0, 0
        for at in range(count):
            added += gains[at] >= least
            rest += 0 < gains[at] < least
        wanting = added < most and rest > 0
    return least, added


@njit(cache=True)
def _grown(members, inner, size, room):  # type: ignore[no-untyped-def]
    more, matrix = np.empty(room, dtype=np.int32), np.empty((room, room))
    for at in range(size):
        more[at] = members[at]
        for other in range(size):
            matrix[at, other] = inner[at, other]
    return more, matrix


@njit(cache=True)
def _inner_row(gram, item, place_of, inner, size):  # type: ignore[no-untyped-def]
    """Row and column of the last member in the Gram matrix of the members."""
    indptr, indices, values = gram
    for at in range(size):
        inner[size - 1, at] = 0
    for edge in range(indptr[item], indptr[item + 1]):
        if place_of[indices[edge]] >= 0:
            inner[size - 1, place_of[indices[edge]]] = values[edge]
    for at in range(size):
        inner[at, size - 1] = inner[size - 1, at]


@njit(cache=True, error_model="numpy")
def _descend(members, size, inner, own, how, weights):  # type: ignore[no-untyped-def]
    """Coordinate descent over the members, `own` their slopes."""
    l1, l2, nonnegative, tolerance, sweeps = how
    for _ in range(sweeps):
        moved = 0.0
        for at in range(size):
            old = np.float64(weights[members[at]])
            pull = own[at] + inner[at, at] * old
            new = np.float32(_shrunk(pull, l1, nonnegative) / (inner[at, at] + l2))
            step = np.float64(new) - old
            if step != 0:
                weights[members[at]] = new
                moved = max(moved, abs(step))
                for other in range(size):
                    own[other] -= step * inner[at, other]
        if moved <= tolerance:
            break


@njit(cache=True)
def _add_row(gram, item, factor, slope):  # type: ignore[no-untyped-def]
    """slope += factor · G_item."""
    indptr, indices, values = gram
    for edge in range(indptr[item], indptr[item + 1]):
        slope[indices[edge]] += factor * values[edge]


@njit(inline="always")
def _shrunk(pull, l1, nonnegative):  # type: ignore[no-untyped-def]
    """Soft thresholding."""
    if pull > l1:
        return pull - l1
    if pull < -l1 and not nonnegative:
        return pull + l1
    return 0.0
