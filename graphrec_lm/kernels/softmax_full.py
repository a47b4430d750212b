"""The exact softmax loss over all items, streamed: a million items need no [batch, items] array."""

from __future__ import annotations

import numpy as np
import torch
from numba import njit, prange
from numpy.typing import NDArray

from graphrec_lm.errors import check_number
from graphrec_lm.kernels.exponential import exponential
from graphrec_lm.kernels.known import known_gradients
from graphrec_lm.kernels.units import table_gradient, unit_rows_of

Codes = NDArray[np.int32]
Float32 = NDArray[np.float32]
Pattern = tuple[NDArray[np.integer], NDArray[np.integer]]

_BLOCK_BYTES = 8 << 20


def full_softmax(
    users: torch.Tensor,
    items: torch.Tensor,
    user_codes: Codes,
    positive_codes: Codes,
    *,
    tau: float,
    seen: Pattern | None = None,
) -> torch.Tensor:
    """Mean cross entropy of each positive among all items, on cosine similarity.

    The loss that `sampled_softmax` samples: ``-s_ui + logsumexp_j(s_uj)`` with s = cosine / tau.

    Parameters
    ----------
    users, items : float32 tensors [n_users, dim], [n_items, dim]
        Representations of everyone, of any length; differentiated.
    user_codes, positive_codes : int32 arrays [batch]
    tau : float
        Temperature, > 0.
    seen : (indptr, indices), optional
        CSR pattern of items that don't compete with the positive for that user; the positive itself
        always counts.

    Returns
    -------
    float32 tensor, scalar

    Examples
    --------
    >>> one = np.zeros(1, dtype=np.int32)
    >>> round(float(full_softmax(torch.eye(2), torch.eye(2), one, one, tau=1.0)), 4)
    0.3133
    """
    check_number("tau", tau, above=0)

    def gradients(user_rows: Float32, item_rows: Float32) -> tuple[float, Float32, Float32]:
        return _full(user_rows, item_rows, user_codes, positive_codes, tau, seen)

    return known_gradients(users, items, gradients)


def _full(
    users: Float32, items: Float32, user_codes: Codes, positives: Codes, tau: float, seen: Pattern | None
) -> tuple[float, Float32, Float32]:
    """Two passes over blocks of items: the sum of exponentials, then the slopes."""
    everyone = np.arange(len(items), dtype=np.int32)
    (own, own_factors), (units, factors) = unit_rows_of(users, user_codes), unit_rows_of(items, everyone)
    queries, table = torch.from_numpy(own), torch.from_numpy(units)
    pattern = seen if seen is not None else (np.zeros(len(users) + 1, np.int64), np.zeros(0, np.int32))
    batch, width = len(own), max(1, min(len(items), _BLOCK_BYTES // (4 * max(1, len(own)))))
    own_grad, units_grad = torch.zeros_like(queries), torch.zeros_like(table)
    targets = (own * units[positives]).sum(1) / np.float32(tau)
    largest, total = targets.copy(), np.zeros(batch, dtype=np.float32)
    buffer = np.empty(batch * width, dtype=np.float32)
    scale = np.float32(1 / (batch * tau))
    for is_last in (False, True):
        for start in range(0, len(items), width):
            block = table[start : start + width]
            logits = buffer[: batch * len(block)].reshape(batch, -1)
            torch.mm(queries, block.T, out=torch.from_numpy(logits)).div_(tau)
            _hide(logits, start, *pattern, user_codes, positives, targets)
            if not is_last:
                _accumulate(logits, largest, total)
                continue
            _to_slopes(logits, start, largest, total, positives, scale)
            slopes = torch.from_numpy(logits)
            own_grad.addmm_(slopes, block)
            torch.mm(slopes.T, queries, out=units_grad[start : start + width])
    loss = float((np.log(total) + largest - targets).mean(dtype=np.float64))
    user_grad = table_gradient(user_codes, own_grad.numpy(), own, own_factors, users.shape)
    return loss, user_grad, table_gradient(everyone, units_grad.numpy(), units, factors, items.shape)


@njit(parallel=True, cache=True)
def _hide(logits, start, indptr, indices, users, positives, targets):  # type: ignore[no-untyped-def]
    """Hide the seen items from each user, except the positive."""
    width = logits.shape[1]
    for b in prange(len(logits)):
        for edge in range(indptr[users[b]], indptr[users[b] + 1]):
            item = indices[edge] - start
            if 0 <= item < width:
                logits[b, item] = -np.inf
        if 0 <= positives[b] - start < width:
            logits[b, positives[b] - start] = targets[b]


@njit(parallel=True, cache=True, fastmath={"contract", "nsz", "reassoc"}, error_model="numpy")
def _accumulate(logits, largest, total):  # type: ignore[no-untyped-def]
    """Take a block into each row's running maximum and sum of exponentials."""
    for b in prange(len(logits)):
        row, top = logits[b], largest[b]
        for value in row:
            top = max(top, value)
        added = np.float32(0)
        for value in row:
            added += exponential(value - top)
        total[b] = total[b] * exponential(largest[b] - top) + added
        largest[b] = top


@njit(parallel=True, cache=True, fastmath={"contract", "nsz", "reassoc"}, error_model="numpy")
def _to_slopes(logits, start, largest, total, positives, scale):  # type: ignore[no-untyped-def]
    for b in prange(len(logits)):
        row, factor, top = logits[b], scale / total[b], largest[b]
        for j in range(len(row)):
            row[j] = exponential(row[j] - top) * factor
        if 0 <= positives[b] - start < len(row):
            row[positives[b] - start] -= scale
