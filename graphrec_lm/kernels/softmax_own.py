"""InfoNCE with each pair's own negatives: two passes over the item rows, no [batch, n, dim] array."""

from __future__ import annotations

import numpy as np
from numba import get_num_threads, njit, prange
from numpy.typing import NDArray

from graphrec_lm.kernels.against import against
from graphrec_lm.kernels.exponential import exponential
from graphrec_lm.kernels.memory import empty
from graphrec_lm.kernels.sampling import draw_negatives
from graphrec_lm.kernels.units import table_gradient, unit_rows_of
from graphrec_lm.kernels.vectors import (
    AHEAD,
    LANES,
    WIDTH,
    add_product,
    add_scaled,
    fetch_row,
    load,
    store,
    total,
    zeros,
)

Codes = NDArray[np.int32]
Float32 = NDArray[np.float32]
Pattern = tuple[NDArray[np.integer], NDArray[np.integer]]
Draws = tuple[int, int, int]

_PAIRS = 4096  # of a micro-batch


def own_negatives(
    users: Float32,
    items: Float32,
    user_codes: Codes,
    positive_codes: Codes,
    negatives: Codes | Draws,
    tau: float,
    seen: Pattern | None,
) -> tuple[float, Float32, Float32]:
    """Loss and gradients of `sampled_softmax` for negatives [batch, n], given or drawn.

    The batch is taken in micro-batches whose gradients meet at the tables: what is held does not
    grow with it, and the result is that of the whole batch.

    Returns
    -------
    loss : float
    user_grad, item_grad : float32 arrays, of the tables' shapes
    """
    everyone = np.arange(len(items), dtype=np.int32)
    own, own_factors = unit_rows_of(users, user_codes, multiple=WIDTH)
    units, factors = unit_rows_of(items, everyone, multiple=WIDTH)
    own_grad, units_grad = empty(own.shape), empty(units.shape)
    units_grad.fill(0)
    positives = positive_codes.reshape(len(own), -1)
    several = positives.shape[1]
    losses = np.empty(len(own), dtype=np.float32)
    scale, inverse = np.float32(1 / (positives.size * tau)), np.float32(1 / tau)
    for start in range(0, len(own), _PAIRS):
        part = slice(start, start + _PAIRS)
        others = _negatives_of(negatives, part, user_codes, len(items), seen)
        codes = np.concatenate([positives[part], others], axis=1)
        slopes = empty(codes.shape)
        _to_slopes(own[part], units, codes, several, inverse, scale, slopes, own_grad[part], losses[part])
        _scatter(codes, slopes, own[part], get_num_threads(), units_grad)
    user_grad = table_gradient(user_codes, own_grad, own, own_factors, users.shape)
    item_grad = table_gradient(everyone, units_grad, units, factors, items.shape)
    return float(losses.mean(dtype=np.float64)), user_grad, item_grad


def _negatives_of(
    negatives: Codes | Draws, part: slice, user_codes: Codes, n_items: int, seen: Pattern | None
) -> Codes:
    """Rows of the given negatives, or the same rows drawn now."""
    if not isinstance(negatives, tuple):
        return negatives[part]
    n, seed, step = negatives
    users = user_codes[part]
    indptr, indices = seen if seen is not None else (np.zeros(2, np.int64), np.zeros(0, np.int32))
    users = users if seen is not None else np.zeros_like(users)
    return draw_negatives(indptr, indices, users, n_items, n, seed=seed, step=step, first=part.start)


@njit(parallel=True, cache=True, fastmath={"contract", "nsz", "reassoc"}, error_model="numpy")
def _to_slopes(  # type: ignore[no-untyped-def]
    users, items, codes, several, inverse_tau, scale, slopes, user_grad, losses
):
    """Slopes of the loss by each logit (the first columns `several` positives), and by each unit user row."""
    batch = len(codes)
    dim = users.shape[1]
    queries, table, gradients = users.reshape(-1), items.reshape(-1), user_grad.reshape(-1)
    for b in prange(batch):
        row = slopes[b]
        row[:] = np.float32(0)
        for start in range(0, dim, WIDTH):
            _add_dots(table, dim, start, codes[b], queries, b * dim + start, row)
        positives, others = row[:several], row[several:]
        largest = positives[0]  # of the negatives, or the least positive: no sum below can vanish
        for k in range(several):
            largest = min(largest, positives[k])
        for j in range(len(others)):
            largest = max(largest, others[j])
        largest *= inverse_tau
        rest, weight, loss = np.float32(0), np.float32(0), np.float32(0)
        for j in range(len(others)):
            others[j] = exponential(others[j] * inverse_tau - largest)
            rest += others[j]
        for k in range(several):
            found = against(positives[k] * inverse_tau - largest, rest)
            loss += found[0]
            positives[k] = found[1] * scale
            weight += found[2]
        losses[b] = loss / np.float32(several)
        factor = weight * scale
        for j in range(len(others)):
            others[j] *= factor
        for start in range(0, dim, WIDTH):
            _weighted_sum(table, dim, start, codes[b], row, gradients, b * dim + start)


@njit(error_model="numpy")
def _add_dots(table, dim, start, codes, queries, at, out):  # type: ignore[no-untyped-def]
    """Add to out[j] the product of table row codes[j] and a query, over 64 columns."""
    a, b = load(queries, at), load(queries, at + LANES)
    c, d = load(queries, at + 2 * LANES), load(queries, at + 3 * LANES)
    for j in range(len(codes)):
        fetch_row(table, np.int64(codes[min(j + AHEAD, len(codes) - 1)]) * dim + start)
        place = np.int64(codes[j]) * dim + start
        first = add_product(add_product(zeros(), a, table, place), b, table, place + LANES)
        both = add_product(first, c, table, place + 2 * LANES)
        out[j] += total(add_product(both, d, table, place + 3 * LANES))


@njit(error_model="numpy")
def _weighted_sum(table, dim, start, codes, weights, out, at):  # type: ignore[no-untyped-def]
    """out[at : at + 64] = Σ_j weights[j] · table row codes[j], 64 columns of it."""
    a, b, c, d = zeros(), zeros(), zeros(), zeros()
    for j in range(len(codes)):
        place = np.int64(codes[j]) * dim + start
        a = add_scaled(a, weights[j], table, place)
        b = add_scaled(b, weights[j], table, place + LANES)
        c = add_scaled(c, weights[j], table, place + 2 * LANES)
        d = add_scaled(d, weights[j], table, place + 3 * LANES)
    store(out, at, a)
    store(out, at + LANES, b)
    store(out, at + 2 * LANES, c)
    store(out, at + 3 * LANES, d)


@njit(parallel=True, cache=True, error_model="numpy")
def _scatter(codes, slopes, users, parts, out):  # type: ignore[no-untyped-def]
    """Add slope · user row to each item, in the order of the batch whatever the number of parts.

    Each part owns a range of items and reads all codes.
    """
    rows, dim = out.shape
    queries, table = users.reshape(-1), out.reshape(-1)
    for part in prange(parts):
        low, high = rows * part // parts, rows * (part + 1) // parts
        chosen = np.empty(codes.shape[1], dtype=np.int32)
        for b in range(len(codes)):
            count = 0
            for j in range(codes.shape[1]):  # without a branch, which nobody could predict
                chosen[count] = j
                count += low <= codes[b, j] < high
            for start in range(0, dim, WIDTH):
                at = b * dim + start
                _add_to_rows(queries, at, codes[b], slopes[b], chosen[:count], table, dim, start)


@njit(error_model="numpy")
def _add_to_rows(queries, at, codes, weights, chosen, table, dim, start):  # type: ignore[no-untyped-def]
    """Add weights[j] · a query to the table's rows codes[j] for the chosen j, 64 columns."""
    for place in range(len(chosen)):
        later = chosen[min(place + AHEAD, len(chosen) - 1)]
        fetch_row(table, np.int64(codes[later]) * dim + start)
        row = np.int64(codes[chosen[place]]) * dim + start
        for column in range(0, WIDTH, LANES):
            summed = load(table, row + column)
            store(table, row + column, add_scaled(summed, weights[chosen[place]], queries, at + column))
