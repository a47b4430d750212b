"""InfoNCE with negatives shared by the batch: matrix products, block by block, in the cache."""

from __future__ import annotations

import numpy as np
import torch
from numba import njit, prange
from numpy.typing import NDArray

from graphrec_lm.kernels.against import against
from graphrec_lm.kernels.exponential import exponential
from graphrec_lm.kernels.patterns import transpose
from graphrec_lm.kernels.units import table_gradient, unit_rows_of

Codes = NDArray[np.int32]
Float32 = NDArray[np.float32]
Pattern = tuple[NDArray[np.integer], NDArray[np.integer]]

_BLOCK_BYTES = 4 << 20


def shared_negatives(
    users: Float32,
    items: Float32,
    user_codes: Codes,
    positive_codes: Codes,
    negatives: Codes,
    tau: float,
    seen: Pattern | None,
) -> tuple[float, Float32, Float32]:
    """Loss and gradients of `sampled_softmax` for negatives [n] in common.

    Three matrix products in all; each block of the batch is scored, turned into slopes and
    multiplied back while it is in the cache.

    Returns
    -------
    loss : float
    user_grad, item_grad : float32 arrays, of the tables' shapes
    """
    own, own_factors = unit_rows_of(users, user_codes)
    picked_codes = np.concatenate([positive_codes.reshape(-1), negatives])
    picked, picked_factors = unit_rows_of(items, picked_codes)
    batch, n, places = len(own), len(negatives), positive_codes.size
    positives = torch.from_numpy(picked[:places].reshape(batch, -1, own.shape[1]))
    others = torch.from_numpy(picked[places:])
    own_grad, picked_grad = np.empty_like(own), np.empty_like(picked)
    others_grad = torch.from_numpy(picked_grad[places:]).zero_()
    scaled = (others / tau).T
    rows = max(1, min(batch, _BLOCK_BYTES // (4 * max(1, n))))
    block = torch.empty(rows, n)
    losses, slopes = (
        np.empty(batch, dtype=np.float32),
        np.empty((batch, positives.shape[1]), dtype=np.float32),
    )
    pattern = seen if seen is not None else (np.zeros(len(users) + 1, np.int64), np.zeros(0, np.int32))
    draws = transpose(np.array([0, n]), negatives, len(items), positions=True)
    for start in range(0, batch, rows):
        part = slice(start, min(start + rows, batch))
        queries = torch.from_numpy(own[part])
        logits = torch.mm(queries, scaled, out=block[: len(queries)])
        first = ((queries[:, None] * positives[part]).sum(2) / tau).numpy()
        scale = np.float32(1 / (places * tau))
        _to_slopes(
            logits.numpy(), first, *pattern, user_codes[part], *draws, scale, losses[part], slopes[part]
        )
        torch.mm(logits, others, out=torch.from_numpy(own_grad[part]))
        others_grad.addmm_(logits.T, queries)
    own_grad += (slopes[:, :, None] * positives.numpy()).sum(1)
    picked_grad[:places] = (slopes[:, :, None] * own[:, None]).reshape(places, -1)
    user_grad = table_gradient(user_codes, own_grad, own, own_factors, users.shape)
    item_grad = table_gradient(picked_codes, picked_grad, picked, picked_factors, items.shape)
    return float(losses.mean(dtype=np.float64)), user_grad, item_grad


@njit(parallel=True, cache=True, fastmath={"contract", "nsz", "reassoc"}, error_model="numpy")
def _to_slopes(  # type: ignore[no-untyped-def]
    logits, positives, indptr, indices, users, starts, places, scale, losses, slopes
):
    """Replace logits by the loss's slopes; hidden ones get none."""
    n, several = logits.shape[1], positives.shape[1]
    for b in prange(len(logits)):
        row = logits[b]
        for edge in range(indptr[users[b]], indptr[users[b] + 1]):
            item = indices[edge]
            for draw in range(starts[item], starts[item + 1]):
                row[places[draw]] = -np.inf
        largest = positives[b, 0]  # of the negatives, or the least positive: no sum below can vanish
        for k in range(1, several):
            largest = min(largest, positives[b, k])
        for j in range(n):
            largest = max(largest, row[j])
        rest, weight, loss = np.float32(0), np.float32(0), np.float32(0)
        for j in range(n):
            row[j] = exponential(row[j] - largest)
            rest += row[j]
        for k in range(several):
            found = against(positives[b, k] - largest, rest)
            loss += found[0]
            slopes[b, k] = found[1] * scale
            weight += found[2]
        losses[b] = loss / np.float32(several)
        factor = weight * scale
        for j in range(n):
            row[j] *= factor
