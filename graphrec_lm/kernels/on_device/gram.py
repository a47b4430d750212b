"""Item co-occurrence counts: the Gram matrix of an interaction pattern, some columns at a time."""

from __future__ import annotations

import torch

from graphrec_lm.errors import check_number
from graphrec_lm.kernels.on_device.patterns import owners, transpose
from graphrec_lm.kernels.on_device.segments import spmm

Tensor = torch.Tensor

_BYTES = 256 << 20  # of some columns of X, dense


def gram(
    indptr: Tensor,
    indices: Tensor,
    n_columns: int,
    *,
    row_weight: Tensor | None = None,
    least: float | None = None,
) -> Tensor:
    """Compute XᵀWX of a 0/1 matrix X in CSR form; see `kernels.gram`.

    Parameters
    ----------
    indptr, indices : int tensors
    n_columns : int
    row_weight : float32 tensor [rows], optional
    least : float, optional
        Keep only the entries >= this (and > 0), in a sparse result.

    Returns
    -------
    float32 tensor [n_columns, n_columns], or with `least` a sparse (COO, coalesced) one

    Examples
    --------
    >>> gram(torch.tensor([0, 2, 3]), torch.tensor([0, 1, 1]), 2)
    tensor([[1., 1.],
            [1., 2.]])
    """
    if least is not None:
        check_number("least", least)
    by_column, rows = transpose(indptr, indices, n_columns), owners(indptr, len(indices))
    width = max(1, _BYTES // (4 * max(1, len(indptr) - 1)))
    blocks = []
    for start in range(0, n_columns, width):
        size = min(width, n_columns - start)
        part = torch.zeros(len(indptr) - 1, size + 1, device=indices.device)
        is_inside = (indices >= start) & (indices < start + size)
        part[rows, torch.where(is_inside, indices.long() - start, size)] = 1  # the last column is to spare
        product = spmm(*by_column, part[:, :size].contiguous(), col_scale=row_weight).T
        blocks.append(product if least is None else _kept(product, least))
    if not blocks:
        blocks = [torch.zeros(0, 0, device=indices.device)]
    return torch.cat(blocks) if least is None else torch.cat(blocks).coalesce()


def _kept(rows: Tensor, least: float) -> Tensor:
    return torch.where((rows >= least) & (rows > 0), rows, 0).to_sparse()
