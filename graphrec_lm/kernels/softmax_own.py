"""InfoNCE with each pair's own negatives: two passes over the item rows, no [batch, n, dim] array."""

from __future__ import annotations

import numpy as np
from numba import get_num_threads, njit, prange
from numpy.typing import NDArray

from graphrec_lm.kernels.exponential import exponential
from graphrec_lm.kernels.units import table_gradient, unit_rows_of

Codes = NDArray[np.int32]
Float32 = NDArray[np.float32]


def own_negatives(
    users: Float32, items: Float32, user_codes: Codes, positive_codes: Codes, negatives: Codes, tau: float
) -> tuple[float, Float32, Float32]:
    """Loss and gradients of `sampled_softmax` for negatives [batch, n].

    Returns
    -------
    loss : float
    user_grad, item_grad : float32 arrays, of the tables' shapes
    """
    everyone = np.arange(len(items), dtype=np.int32)
    own, own_factors = unit_rows_of(users, user_codes)
    units, factors = unit_rows_of(items, everyone)
    codes = np.concatenate([positive_codes[:, None], negatives], axis=1)
    slopes = np.empty(codes.shape, dtype=np.float32)
    own_grad = np.empty_like(own)
    losses = np.empty(len(own), dtype=np.float32)
    scale = np.float32(1 / (len(own) * tau))
    _to_slopes(own, units, codes, np.float32(1 / tau), scale, slopes, own_grad, losses)
    units_grad = np.empty_like(units)
    _scatter(codes, slopes, own, get_num_threads(), units_grad)
    user_grad = table_gradient(user_codes, own_grad, own, own_factors, len(users))
    item_grad = table_gradient(everyone, units_grad, units, factors, len(items))
    return float(losses.mean(dtype=np.float64)), user_grad, item_grad


@njit(parallel=True, cache=True, fastmath={"contract", "nsz", "reassoc"}, error_model="numpy")
def _to_slopes(users, items, codes, inverse_tau, scale, slopes, user_grad, losses):  # type: ignore[no-untyped-def]
    """Slopes of the loss by each logit (column 0 the positive), and by each unit user row."""
    batch, width = codes.shape
    dim = users.shape[1]
    for b in prange(batch):
        user, row, grad = users[b], slopes[b], user_grad[b]
        for j in range(width):
            item = items[codes[b, j]]
            dot = np.float32(0)
            for d in range(dim):
                dot += user[d] * item[d]
            row[j] = dot * inverse_tau
        positive, largest = row[0], row[0]
        for j in range(width):
            largest = max(largest, row[j])
        total = np.float32(0)
        for j in range(width):
            row[j] = exponential(row[j] - largest)
            total += row[j]
        losses[b] = np.log(total) + largest - positive
        factor = scale / total
        for j in range(width):
            row[j] *= factor
        row[0] -= scale
        for d in range(dim):
            grad[d] = np.float32(0)
        for j in range(width):
            item, slope = items[codes[b, j]], row[j]
            for d in range(dim):
                grad[d] += slope * item[d]


@njit(parallel=True, cache=True, fastmath={"contract", "nsz"}, error_model="numpy")
def _scatter(codes, slopes, users, parts, out):  # type: ignore[no-untyped-def]
    """Add slope · user row to each item, in the order of the batch whatever the number of parts."""
    rows, dim = out.shape
    for part in prange(parts):
        low, high = rows * part // parts, rows * (part + 1) // parts
        out[low:high] = np.float32(0)
        for b in range(len(codes)):
            user = users[b]
            for j in range(codes.shape[1]):
                code = codes[b, j]
                if low <= code < high:
                    row, slope = out[code], slopes[b, j]
                    for d in range(dim):
                        row[d] += slope * user[d]
