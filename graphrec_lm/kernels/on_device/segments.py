"""Sums of table rows over segments, and what is one: sparse pattern × dense matrix."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from graphrec_lm.errors import InputError

Tensor = torch.Tensor
Pattern = tuple[Tensor, Tensor]

_PIECE = 1024  # edges that one thread sums in turn


def segment_sum(table: Tensor, indices: Tensor, starts: Tensor, weights: Tensor | None = None) -> Tensor:
    """Sum of weights[e] · table[indices[e]] over starts[s] <= e < starts[s + 1], for each segment s.

    Rows are added as they are read: no [edges, dim] tensor. Long segments are cut at every 1024th edge
    and their parts summed in a second pass, so that a popular item does not keep one thread busy.

    Parameters
    ----------
    table : float32 tensor [rows, dim]
    indices : int tensor [edges]
    starts : int64 tensor [segments + 1]
        Ascending, from 0 to `edges` or within.
    weights : float32 tensor [edges], optional

    Returns
    -------
    float32 tensor [segments, dim]

    Examples
    --------
    >>> segment_sum(torch.eye(2), torch.tensor([0, 1, 1]), torch.tensor([0, 0, 3]))
    tensor([[0., 0.],
            [1., 2.]])
    """
    edges, device = len(indices), table.device
    if not edges or len(starts) == 1 or not table.shape[1]:
        return table.new_zeros(len(starts) - 1, table.shape[1])
    heads = torch.cat([starts.new_zeros(1), starts])  # with what stands before and after
    grid = torch.arange(0, edges, _PIECE, device=device)
    places = torch.arange(len(heads), device=device) + (heads + _PIECE - 1) // _PIECE
    cuts = torch.empty(len(heads) + len(grid), dtype=torch.int64, device=device)
    cuts[places] = heads
    cuts[torch.arange(len(grid), device=device) + torch.searchsorted(heads, grid, right=True)] = grid
    pieces = _bags(table, indices, cuts, weights)
    return _bags(pieces, torch.arange(len(pieces), device=device), places)[1:-1]


def _bags(table: Tensor, indices: Tensor, starts: Tensor, weights: Tensor | None = None) -> Tensor:
    """torch's fused gather and sum; the last segment goes on to the end."""
    if len(indices) >= 2**31:
        indices = indices.long()
    starts = starts.to(indices.dtype)
    return functional.embedding_bag(
        indices, table.contiguous(), starts, mode="sum", per_sample_weights=weights
    )


def spmm(
    indptr: Tensor,
    indices: Tensor,
    x: Tensor,
    *,
    row_scale: Tensor | None = None,
    col_scale: Tensor | None = None,
    add: Tensor | None = None,
    factor: float = 1.0,
    out: Tensor | None = None,
) -> Tensor:
    """Compute ``factor · (add + diag(row_scale) · A · diag(col_scale) · x)``; see `kernels.spmm`.

    Parameters
    ----------
    indptr, indices : int tensors
    x : float32 (or bfloat16) tensor [columns, dim]
    row_scale, col_scale, add : float32 tensors, optional
    factor : float
    out : float32 tensor [rows, dim], optional
        Overwritten and returned.

    Returns
    -------
    float32 tensor [rows, dim]

    Raises
    ------
    InputError
        If shapes or types don't fit.

    Examples
    --------
    >>> indptr, indices = torch.tensor([0, 2, 2]), torch.tensor([0, 1])
    >>> spmm(indptr, indices, torch.ones(2, 3))
    tensor([[2., 2., 2.],
            [0., 0., 0.]])
    """
    rows = len(indptr) - 1
    if x.ndim != 2 or x.dtype not in (torch.float32, torch.bfloat16):
        raise InputError("`x` must be a float32 matrix", _shown(x), "Convert it.")
    for name, tensor, shape in (
        ("row_scale", row_scale, (rows,)),
        ("col_scale", col_scale, (len(x),)),
        ("add", add, (rows, x.shape[1])),
        ("out", out, (rows, x.shape[1])),
    ):
        if tensor is not None and (tensor.shape != shape or tensor.dtype != torch.float32):
            required = f"`{name}` must be float32 {list(shape)}"
            raise InputError(required, _shown(tensor), "Check it against the pattern.")
    table = x.float() if col_scale is None else x.float() * col_scale[:, None]
    sums = segment_sum(table, indices, indptr.long())
    if row_scale is not None:
        sums *= row_scale[:, None]
    if add is not None:
        sums += add
    if factor != 1:
        sums *= factor
    return sums if out is None else out.copy_(sums)


def _shown(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


def multiply(
    pattern: Pattern,
    transposed: Pattern | None,
    x: Tensor,
    *,
    row_scale: Tensor | None = None,
    col_scale: Tensor | None = None,
) -> Tensor:
    """`spmm`, differentiable by `x`: its backward is that of the transposed pattern.

    Parameters
    ----------
    pattern, transposed : (indptr, indices)
        None instead of the second where no gradient is asked for.
    x : float32 tensor [columns, dim]
    row_scale, col_scale : float32 tensors, optional
    """
    out: Tensor = _Multiply.apply(x, pattern, transposed, row_scale, col_scale)
    return out


class _Multiply(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        pattern: Pattern,
        transposed: Pattern | None,
        row_scale: Tensor | None,
        col_scale: Tensor | None,
    ) -> Tensor:
        ctx.arguments = transposed, row_scale, col_scale
        return spmm(*pattern, x, row_scale=row_scale, col_scale=col_scale)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        (indptr, indices), row_scale, col_scale = ctx.arguments
        gradient = spmm(indptr, indices, upstream[0], row_scale=col_scale, col_scale=row_scale)
        return gradient, None, None, None, None
