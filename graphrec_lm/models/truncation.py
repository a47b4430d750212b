"""The largest weights of each column alone: sparse item-to-item weights out of dense or thin ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from graphrec_lm.models.thin_plus_sparse import ThinPlusSparse

Float32 = NDArray[np.float32]

_COLUMNS = 512  # looked at together


def truncated(weights: Any, keep: int) -> sparse.csr_array:
    """Keep the `keep` weights of largest size in each column.

    Parameters
    ----------
    weights : float32 array [n_items, n_items], csr_array or ThinPlusSparse
    keep : int
        >= 1; where a column has fewer weights, all of them.

    Returns
    -------
    float32 csr_array [n_items, n_items]

    Examples
    --------
    >>> truncated(np.array([[0, 1], [3, 0]], dtype=np.float32), 1).toarray()
    array([[0., 1.],
           [3., 0.]], dtype=float32)
    """
    n_items = weights.shape[0]
    keep = min(keep, n_items)
    parts = []
    for start in range(0, n_items, _COLUMNS):
        block = _columns(weights, slice(start, start + _COLUMNS))
        rows = np.sort(np.argpartition(-np.abs(block), keep - 1, axis=0)[:keep], axis=0)
        values = np.take_along_axis(block, rows, axis=0)
        indptr = np.arange(block.shape[1] + 1) * keep
        shape = n_items, block.shape[1]
        parts.append(sparse.csc_array((values.T.ravel(), rows.T.ravel(), indptr), shape=shape))
    kept = sparse.hstack(parts, format="csr")
    kept.eliminate_zeros()
    kept.sort_indices()
    return kept.astype(np.float32)


def _columns(weights: Any, part: slice) -> Float32:
    """A block of columns, dense."""
    if isinstance(weights, ThinPlusSparse):
        found: Float32 = weights.left @ weights.right[part].T
        return found + weights.sparse.tocsc()[:, part].toarray()
    if isinstance(weights, np.ndarray):
        return weights[:, part]
    block: Float32 = weights[:, part].toarray()
    return block
