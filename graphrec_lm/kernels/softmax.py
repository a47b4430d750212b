"""InfoNCE on cosine similarity over sampled negatives, without a [batch, negatives, dim] array."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import njit, prange
from numpy.typing import NDArray
from torch.nn import functional

from graphrec_lm.errors import check_number
from graphrec_lm.kernels.patterns import transpose

Codes = NDArray[np.int32]
Pattern = tuple[NDArray[np.integer], NDArray[np.integer]]


def sampled_softmax(
    users: torch.Tensor,
    items: torch.Tensor,
    user_codes: Codes,
    positive_codes: Codes,
    *,
    negatives: Codes,
    tau: float,
    seen: Pattern | None = None,
) -> torch.Tensor:
    """Mean InfoNCE loss of a batch (AlphaRec, arXiv 2407.05441, eq. 5).

    With s = cosine / tau, the loss of a pair (u, i) with negatives N_u is
    ``-s_ui + logsumexp({s_ui} ∪ {s_uj : j ∈ N_u})``.

    Parameters
    ----------
    users, items : float32 tensors [n_users, dim], [n_items, dim]
        Representations of everyone, of any length; differentiated.
    user_codes, positive_codes : int32 arrays [batch]
    negatives : int32 array [batch, n] or [n]
        Each pair's own negatives, or negatives shared by the batch.
    tau : float
        Temperature, > 0.
    seen : (indptr, indices), optional
        For shared negatives: CSR pattern of what users must not have as a negative.

    Returns
    -------
    float32 tensor, scalar

    Examples
    --------
    >>> users, items = torch.eye(2), torch.eye(2)
    >>> one, two = np.array([0], dtype=np.int32), np.array([[1]], dtype=np.int32)
    >>> round(float(sampled_softmax(users, items, one, one, negatives=two, tau=1.0)), 4)
    0.3133
    """
    check_number("tau", tau, above=0)
    batch_users = functional.normalize(_take(users, user_codes), dim=1)
    if negatives.ndim == 1:
        return _shared(batch_users, items, user_codes, positive_codes, negatives, tau, seen)
    unit_items = functional.normalize(items, dim=1)
    codes = np.concatenate([positive_codes[:, None], negatives], axis=1)
    loss: torch.Tensor = _OwnNegatives.apply(batch_users, unit_items, codes, tau)
    return loss


def _shared(
    batch_users: torch.Tensor,
    items: torch.Tensor,
    user_codes: Codes,
    positive_codes: Codes,
    negatives: Codes,
    tau: float,
    seen: Pattern | None,
) -> torch.Tensor:
    """Negatives shared by the batch: one matrix product scores them all."""
    rows = [functional.normalize(_take(items, codes), dim=1) for codes in (positive_codes, negatives)]
    pairs = (user_codes, negatives, *seen) if seen is not None else None
    loss: torch.Tensor = _SharedNegatives.apply(batch_users, *rows, len(items), pairs, tau)
    return loss


def _take(table: torch.Tensor, codes: Codes) -> torch.Tensor:
    """Rows of a table. (Indexing's backward pass adds in no fixed order; that of embedding does.)"""
    return functional.embedding(torch.from_numpy(codes), table)


class _SharedNegatives(torch.autograd.Function):
    """Loss over one positive each and negatives in common; three matrix products in all.

    Column 0 of the logits is the positive. `pairs` = (user codes, negative codes, indptr, indices)
    says which negatives to hide from whom.
    """

    @staticmethod
    def forward(
        ctx: Any,
        users: torch.Tensor,
        positives: torch.Tensor,
        negatives: torch.Tensor,
        n_items: int,
        pairs: tuple[Any, ...] | None,
        tau: float,
    ) -> torch.Tensor:
        logits = torch.empty(len(users), len(negatives) + 1)
        logits[:, 0] = (users * positives).sum(1)
        torch.mm(users, negatives.T, out=logits[:, 1:])
        logits.mul_(1 / tau)
        if pairs is not None:
            draws = transpose(np.array([0, len(negatives)]), pairs[1], n_items, positions=True)
            _hide_seen(pairs[2], pairs[3], pairs[0], *draws, logits.numpy())
        total = logits.logsumexp(1)
        loss = (total - logits[:, 0]).mean()
        slopes = logits.sub_(total[:, None]).exp_()
        slopes[:, 0] -= 1
        ctx.save_for_backward(users, positives, negatives, slopes)
        ctx.tau = tau
        return loss

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        users, positives, negatives, slopes = ctx.saved_tensors
        scale = upstream[0] / (len(users) * ctx.tau)
        own, others = slopes[:, :1] * scale, slopes[:, 1:]
        user_grad = (others @ negatives).mul_(scale).addcmul_(own, positives)
        return user_grad, own * users, (others.T @ users).mul_(scale), None, None, None


class _OwnNegatives(torch.autograd.Function):
    """Loss over each pair's own candidates; column 0 of `codes` is the positive."""

    @staticmethod
    def forward(ctx: Any, users: torch.Tensor, items: torch.Tensor, codes: Codes, tau: float) -> torch.Tensor:
        rows, table = users.detach().contiguous().numpy(), items.detach().contiguous().numpy()
        slopes = np.empty(codes.shape, dtype=np.float32)
        user_grad = np.empty_like(rows)
        losses = np.empty(len(rows), dtype=np.float32)
        _softmax_rows(rows, table, codes, np.float32(1 / tau), slopes, user_grad, losses)
        ctx.rows, ctx.codes, ctx.slopes, ctx.user_grad = rows, codes, slopes, user_grad
        ctx.n_items = len(table)
        return torch.tensor(losses.mean(dtype=np.float64), dtype=torch.float32)

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None, None]:
        scale = float(upstream[0]) / len(ctx.rows)
        item_grad = _scatter(ctx.rows, ctx.codes, ctx.slopes, ctx.n_items)
        return torch.from_numpy(ctx.user_grad) * scale, torch.from_numpy(item_grad) * scale, None, None


def _scatter(rows: Any, codes: Codes, slopes: Any, n_items: int) -> NDArray[np.float32]:
    """Sum slope · user row into each item, item by item: parallel, and in one fixed order."""
    batch, width = codes.shape
    starts, places = transpose(np.array([0, batch * width]), codes.reshape(-1), n_items, positions=True)
    out = np.empty((n_items, rows.shape[1]), dtype=np.float32)
    _gather_items(starts, places, width, slopes.reshape(-1), rows, out)
    return out


@njit(parallel=True, cache=True, fastmath={"contract", "nsz", "reassoc"}, error_model="numpy")
def _softmax_rows(users, items, codes, inverse_tau, slopes, user_grad, losses):  # type: ignore[no-untyped-def]
    batch, width = codes.shape
    dim = users.shape[1]
    for b in prange(batch):
        user, logits, grad = users[b], slopes[b], user_grad[b]
        largest = np.float32(-np.inf)
        for j in range(width):
            item = items[codes[b, j]]
            dot = np.float32(0)
            for d in range(dim):
                dot += user[d] * item[d]
            logits[j] = dot * inverse_tau
            largest = max(largest, logits[j])
        positive = logits[0]
        total = np.float32(0)
        for j in range(width):
            logits[j] = np.exp(logits[j] - largest)
            total += logits[j]
        losses[b] = np.log(total) + largest - positive
        for d in range(dim):
            grad[d] = np.float32(0)
        for j in range(width):
            slope = logits[j] / total
            if j == 0:
                slope -= np.float32(1)
            slope *= inverse_tau
            logits[j] = slope
            item = items[codes[b, j]]
            for d in range(dim):
                grad[d] += slope * item[d]


@njit(parallel=True, cache=True, fastmath={"contract", "nsz"}, error_model="numpy")
def _gather_items(starts, places, width, slopes, users, out):  # type: ignore[no-untyped-def]
    dim = users.shape[1]
    for item in prange(len(starts) - 1):
        for d in range(dim):
            out[item, d] = np.float32(0)
        for edge in range(starts[item], starts[item + 1]):
            place = places[edge]
            slope, user = slopes[place], users[place // width]
            for d in range(dim):
                out[item, d] += slope * user[d]


@njit(parallel=True, cache=True)
def _hide_seen(indptr, indices, users, starts, places, logits):  # type: ignore[no-untyped-def]
    for b in prange(len(users)):
        for edge in range(indptr[users[b]], indptr[users[b] + 1]):
            item = indices[edge]
            for draw in range(starts[item], starts[item + 1]):
                logits[b, 1 + places[draw]] = -np.inf
