"""Losses of a batch on representations of all users and items."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from graphrec_lm.errors import InputError, check_choice
from graphrec_lm.kernels import add_rows, are_tensors, known_gradients, on_device, sampled_softmax
from graphrec_lm.training.batches import Batch

Codes = NDArray[np.int32]
Float32 = NDArray[np.float32]
RankingLoss = Callable[[torch.Tensor, torch.Tensor, Batch], torch.Tensor]


def infonce(users: torch.Tensor, items: torch.Tensor, batch: Batch, tau: float) -> torch.Tensor:
    """InfoNCE on cosine similarity; see `kernels.sampled_softmax`.

    Parameters
    ----------
    users, items : float32 tensors [n_users, dim], [n_items, dim]
    batch : Batch
    tau : float

    Returns
    -------
    float32 tensor, scalar
    """
    return sampled_softmax(
        users, items, batch.users, batch.positives, negatives=batch.negatives, tau=tau, seen=batch.seen
    )


def bpr(users: torch.Tensor, items: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Bayesian personalised ranking, mean of -log σ(s_ui - s_uj) (Rendle et al., UAI 2009).

    Parameters
    ----------
    users, items : float32 tensors [n_users, dim], [n_items, dim]
        Scores are inner products.
    batch : Batch
        With negatives [batch, n]; all n enter, each as a pair of its own.

    Returns
    -------
    float32 tensor, scalar

    Examples
    --------
    >>> code = np.zeros(1, dtype=np.int32)
    >>> batch = Batch(code, code, np.ones((1, 1), dtype=np.int32))
    >>> bpr(torch.zeros(1, 2), torch.zeros(2, 2), batch)
    tensor(0.6931)
    """
    if are_tensors(batch.users):
        return _bpr_on_device(users, items, batch)
    users_at, positives_at, negatives_at = _codes(batch)

    def gradients(user_rows: Float32, item_rows: Float32) -> tuple[float, Float32, Float32]:
        own, positive = user_rows[users_at], item_rows[positives_at]
        negative = item_rows[negatives_at]
        margins = np.einsum("bd,bd->b", own, negative - positive)
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite, the loop reports
            loss = float(np.logaddexp(0, margins).mean(dtype=np.float64))
            slopes = (1 / (len(margins) * (1 + np.exp(-margins))))[:, None].astype(np.float32)
        user_grad = add_rows(np.zeros_like(user_rows), users_at, slopes * (negative - positive))
        item_grad = add_rows(np.zeros_like(item_rows), negatives_at, slopes * own)
        return loss, user_grad, add_rows(item_grad, positives_at, slopes * own, -1.0)

    return known_gradients(users, items, gradients)


def check_loss(loss: str, share_negatives: bool) -> None:
    """Raise InputError unless `loss` is "bpr" or "infonce", and negatives are its own for BPR."""
    check_choice("loss", loss, ("bpr", "infonce"))
    if loss == "bpr" and share_negatives:
        remedy = "Use loss='infonce', or share_negatives=False."
        raise InputError("`share_negatives` must be False for BPR", True, remedy)


def ranking_loss(loss: str, tau: float) -> RankingLoss:
    """`bpr`, or `infonce` at this temperature, as a function of users, items and batch."""
    return bpr if loss == "bpr" else partial(infonce, tau=tau)


def squared_norm(users: torch.Tensor, items: torch.Tensor, batch: Batch) -> torch.Tensor:
    """½ (‖e_u‖² + ‖e_i‖² + Σ ‖e_j‖²) a pair: the L2 penalty of BPR models, on layer-0 embeddings."""
    if are_tensors(batch.users):
        rows = _rows_on_device(users, items, batch)
        return sum((part.square().sum() for part in rows), rows[0].new_zeros(())) / (2 * len(rows[0]))
    item_codes = np.concatenate([batch.positives, batch.negatives.reshape(-1)])

    def gradients(user_rows: Float32, item_rows: Float32) -> tuple[float, Float32, Float32]:
        own, others = user_rows[batch.users], item_rows[item_codes]
        loss = float(np.square(own).sum(dtype=np.float64) + np.square(others).sum(dtype=np.float64))
        user_grad = add_rows(np.zeros_like(user_rows), batch.users, own, 1 / len(own))
        item_grad = add_rows(np.zeros_like(item_rows), item_codes, others, 1 / len(own))
        return loss / (2 * len(own)), user_grad, item_grad

    return known_gradients(users, items, gradients)


def contrast(one: torch.Tensor, other: torch.Tensor, tau: float) -> torch.Tensor:
    """InfoNCE between two views of the same nodes; the others of the batch are the negatives.

    Parameters
    ----------
    one, other : float32 tensors [n, dim]
        Row r of both is node r; no node twice. Compared by cosine; both are differentiated.
    tau : float

    Returns
    -------
    float32 tensor, scalar
        Mean of -log softmax_s(cos(one_r, other_s) / tau) at s = r.

    Examples
    --------
    >>> contrast(torch.eye(2), torch.eye(2), tau=1.0)
    tensor(0.3133)
    """
    nodes = np.arange(len(one), dtype=np.int32)
    itself = np.arange(len(one) + 1), nodes
    return sampled_softmax(one, other, nodes, nodes, negatives=nodes, tau=tau, seen=itself)


def multinomial(logits: torch.Tensor, indptr: NDArray[np.int64], indices: Codes) -> torch.Tensor:
    """Negative multinomial log-likelihood of histories, mean over users: -Σ_i x_i log softmax(logits)_i.

    Parameters
    ----------
    logits : float32 tensor [users, n_items]
    indptr, indices : int64 [users + 1], int32
        CSR pattern of the 0/1 histories x.

    Returns
    -------
    float32 tensor, scalar

    Examples
    --------
    >>> multinomial(torch.zeros(1, 4), np.array([0, 2]), np.array([0, 3], dtype=np.int32))  # 2 log 4
    tensor(2.7726)
    """
    counts = torch.from_numpy(np.diff(indptr))
    rows, columns = torch.repeat_interleave(counts), torch.from_numpy(indices.astype(np.int64))
    likelihood = logits[rows, columns].sum() - (counts * logits.logsumexp(1)).sum()
    return -likelihood / len(logits)


def gaussian_divergence(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """Kullback-Leibler divergence of N(mean, variance) from N(0, 1), mean over rows.

    Parameters
    ----------
    mean, log_variance : float32 tensors [users, dim]

    Returns
    -------
    float32 tensor, scalar

    Examples
    --------
    >>> gaussian_divergence(torch.ones(1, 2), torch.zeros(1, 2))
    tensor(1.)
    """
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum() / (2 * len(mean))


def _bpr_on_device(users: torch.Tensor, items: torch.Tensor, batch: Batch) -> torch.Tensor:
    """The same by autograd."""
    own, positive, negatives = _rows_on_device(users, items, batch)
    margins = (own[:, None] * (negatives - positive[:, None])).sum(-1)
    return functional.softplus(margins).mean()


def _rows_on_device(users: torch.Tensor, items: torch.Tensor, batch: Any) -> tuple[torch.Tensor, ...]:
    """Rows of a batch of tensors: users and positives [batch, dim], negatives [batch, n, dim]."""
    negatives = on_device.rows_of(items, batch.negatives.reshape(-1))
    shape = *batch.negatives.shape, -1
    return (
        on_device.rows_of(users, batch.users),
        on_device.rows_of(items, batch.positives),
        negatives.view(shape),
    )


def _codes(batch: Batch) -> tuple[Codes, Codes, Codes]:
    """User, positive and negative of every pair: as many pairs as negatives."""
    n = batch.negatives.shape[1]
    return np.repeat(batch.users, n), np.repeat(batch.positives, n), batch.negatives.reshape(-1)
