"""Losses of a batch on representations of all users and items."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from graphrec_lm.kernels import sampled_softmax
from graphrec_lm.training.batches import Batch


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
    own = take(users, batch.users)
    positive = (own * take(items, batch.positives)).sum(1, keepdim=True)
    negative = (own[:, None] * take(items, batch.negatives)).sum(2)
    return functional.softplus(negative - positive).mean()


def squared_norm(users: torch.Tensor, items: torch.Tensor, batch: Batch) -> torch.Tensor:
    """½ (‖e_u‖² + ‖e_i‖² + ‖e_j‖²) a pair: the L2 penalty of BPR models, on layer-0 embeddings."""
    rows = (take(users, batch.users), take(items, batch.positives), take(items, batch.negatives))
    return sum((row.square().sum() for row in rows), torch.zeros(())) / (2 * len(batch.users))


def take(table: torch.Tensor, codes: np.ndarray) -> torch.Tensor:
    """Rows of a table, differentiably and in a fixed order of addition."""
    return functional.embedding(torch.from_numpy(codes), table)
