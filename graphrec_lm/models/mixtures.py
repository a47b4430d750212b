"""What the model doesn't know, a new title or a wish, as a mixture of items that it knows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from graphrec_lm.kernels import topk

Float32 = NDArray[np.float32]

_POWER = 4  # of the cosine


def mixtures_of(
    new: Float32, known: Float32, candidates: NDArray[np.int32], nearest: int = 100
) -> sparse.csr_array:
    """W: the nearest titles in proportion to cosine⁴; an item near to none has a row of zeros.

    Parameters
    ----------
    new, known : float32 arrays [n_new, d_LM], [n_items, d_LM]
        Unit rows.
    candidates : int32 array
        The items that may enter: those that somebody touched.
    nearest : int
        How many of them enter.

    Returns
    -------
    float32 csr_array [n_new, n_items]

    Examples
    --------
    >>> mixtures_of(np.array([[1, 0]], np.float32), np.eye(2, dtype=np.float32), np.arange(2)).toarray()
    array([[1., 0.]], dtype=float32)
    """
    codes, cosines = topk(new, known, min(nearest, len(known)), candidates=candidates)
    values = np.where(codes >= 0, np.maximum(cosines, 0), 0) ** _POWER
    values /= np.maximum(values.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    rows = np.repeat(np.arange(len(new)), codes.shape[1])
    shape = len(new), len(known)
    found = sparse.csr_array((values.ravel(), (rows, np.maximum(codes, 0).ravel())), shape=shape)
    found.eliminate_zeros()
    found.sort_indices()
    return found.astype(np.float32)
