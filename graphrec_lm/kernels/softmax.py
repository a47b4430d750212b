"""InfoNCE on cosine similarity over sampled negatives, without a [batch, negatives, dim] array."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec_lm.errors import check_number
from graphrec_lm.kernels.known import known_gradients
from graphrec_lm.kernels.softmax_own import Draws, own_negatives
from graphrec_lm.kernels.softmax_shared import shared_negatives

Codes = NDArray[np.int32]
Float32 = NDArray[np.float32]
Pattern = tuple[NDArray[np.integer], NDArray[np.integer]]


def sampled_softmax(
    users: torch.Tensor,
    items: torch.Tensor,
    user_codes: Codes,
    positive_codes: Codes,
    *,
    negatives: Codes | Draws,
    tau: float,
    seen: Pattern | None = None,
) -> torch.Tensor:
    """Mean InfoNCE loss of a batch (AlphaRec, arXiv 2407.05441, eq. 5).

    With s = cosine / tau, the loss of a pair (u, i) with negatives N_u is
    ``-s_ui + logsumexp({s_ui} ∪ {s_uj : j ∈ N_u})``. Several positives of a user don't compete: each is
    compared with the same N_u, which is scored once for all. The gradients are found together with the
    loss, through the normalisation to the tables: the backward pass only scales them.

    Parameters
    ----------
    users, items : float32 tensors [n_users, dim], [n_items, dim]
        Representations of everyone, of any length; differentiated.
    user_codes : int32 array [batch]
    positive_codes : int32 array [batch] or [batch, p]
        One or `p` for each user of the batch; the loss is the mean over all.
    negatives : int32 array [batch, n] or [n], or (n, seed, step)
        Each user's own negatives, negatives shared by the batch, or `n` for each user that
        `draw_negatives` draws while they are needed.
    tau : float
        Temperature, > 0.
    seen : (indptr, indices), optional
        For shared and drawn negatives: CSR pattern of what users must not have as a negative.

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

    def gradients(user_rows: Float32, item_rows: Float32) -> tuple[float, Float32, Float32]:
        is_shared = not isinstance(negatives, tuple) and negatives.ndim == 1
        kernel: Any = shared_negatives if is_shared else own_negatives
        found: tuple[float, Float32, Float32] = kernel(
            user_rows, item_rows, user_codes, positive_codes, negatives, tau, seen
        )
        return found

    return known_gradients(users, items, gradients)
