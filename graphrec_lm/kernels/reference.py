"""Readable twins of the kernels: dense algebra and plain loops, for tests and for reading."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

Float32 = NDArray[np.float32]
Int = NDArray[np.integer]


def dense(indptr: Int, indices: Int, n_columns: int) -> Float32:
    """The [rows, n_columns] 0/1 matrix of a CSR pattern.

    >>> dense(np.array([0, 1]), np.array([1]), 2)
    array([[0., 1.]], dtype=float32)
    """
    out: Float32 = np.zeros((len(indptr) - 1, n_columns), dtype=np.float32)
    for row in range(len(indptr) - 1):
        out[row, indices[indptr[row] : indptr[row + 1]]] = 1
    return out


def spmm(indptr: Int, indices: Int, x: Float32, row_scale: Float32, col_scale: Float32) -> Float32:
    """diag(row_scale) · A · diag(col_scale) · x."""
    return np.asarray((row_scale[:, None] * dense(indptr, indices, len(x)) * col_scale) @ x, dtype=np.float32)


def topk(scores: Float32, k: int, hidden: NDArray[np.bool_]) -> tuple[Int, Float32]:
    """The k best unhidden columns of each row, by a stable full sort; -1 and -inf where too few."""
    masked = np.where(hidden, -np.inf, scores).astype(np.float32)
    order = np.argsort(-masked, axis=1, kind="stable")[:, :k]
    best = np.take_along_axis(masked, order, axis=1)
    short = k - order.shape[1]
    order = np.pad(np.where(np.isneginf(best), -1, order), ((0, 0), (0, short)), constant_values=-1)
    return order.astype(np.int32), np.pad(best, ((0, 0), (0, short)), constant_values=-np.inf)


def sampled_softmax(
    users: torch.Tensor,
    items: torch.Tensor,
    user_codes: Int,
    candidates: Int,
    tau: float,
    hidden: NDArray[np.bool_] | None = None,
) -> torch.Tensor:
    """InfoNCE by gathering: candidates int [batch, 1 + n], column 0 the positive."""
    unit_users, unit_items = functional.normalize(users, dim=1), functional.normalize(items, dim=1)
    gathered = unit_items[torch.from_numpy(candidates).long()]
    logits = torch.einsum("bd,bnd->bn", unit_users[torch.from_numpy(user_codes).long()], gathered) / tau
    if hidden is not None:
        logits = logits.masked_fill(torch.from_numpy(hidden), -torch.inf)
    return functional.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long))
