"""Small operations on rows and CSR patterns, as `kernels.patterns` and `kernels.rows` have them."""

from __future__ import annotations

from typing import Any

import torch

from graphrec_lm.kernels.on_device.segments import segment_sum

Tensor = torch.Tensor
Pattern = tuple[Tensor, Tensor]


def places_of(codes: Tensor) -> Tensor:
    """0, 1, ... for each of the codes, int32."""
    return torch.arange(len(codes), dtype=torch.int32, device=codes.device)


def transpose(indptr: Tensor, indices: Tensor, n_columns: int, *, positions: bool = False) -> Pattern:
    """Transpose a CSR pattern; see `kernels.transpose`.

    >>> transpose(torch.tensor([0, 2, 3]), torch.tensor([0, 1, 1]), 2)
    (tensor([0, 1, 3]), tensor([0, 0, 1], dtype=torch.int32))
    """
    order, starts = by_code(indices, n_columns)
    if positions:
        return starts, order.int()
    return starts, owners(indptr, len(indices))[order].int()


def take_rows(indptr: Tensor, indices: Tensor, rows: Tensor) -> Pattern:
    """The CSR pattern of the given rows; how many entries they have, the host has to wait for.

    >>> take_rows(torch.tensor([0, 1, 3]), torch.tensor([5, 6, 7]), torch.tensor([1, 1]))
    (tensor([0, 2, 4]), tensor([6, 7, 6, 7]))
    """
    starts = indptr.index_select(0, rows).long()
    counts = indptr.index_select(0, rows + 1) - starts
    out = torch.cat([starts.new_zeros(1), counts.cumsum(0)])
    owner = owners(out, int(out[-1]))
    places = torch.arange(len(owner), device=owner.device) - out[owner] + starts[owner]
    return out, indices[places]


def add_rows(table: Tensor, codes: Tensor, rows: Tensor, scale: float = 1.0) -> Tensor:
    """table[codes[i]] += scale · rows[i], in the order of i; see `kernels.add_rows`.

    >>> add_rows(torch.zeros(2, 1), torch.tensor([1, 1]), torch.ones(2, 1))
    tensor([[0.],
            [2.]])
    """
    order, starts = by_code(codes, len(table))
    return table.add_(segment_sum(rows, order, starts), alpha=scale)


def rows_of(table: Tensor, codes: Tensor) -> Tensor:
    """table[codes], differentiably; backward, rows of equal codes are added in their order."""
    out: Tensor = _Rows.apply(table, codes)
    return out


class _Rows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, codes: Tensor) -> Tensor:
        ctx.arguments = codes, table.shape
        return table.index_select(0, codes)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None]:
        codes, shape = ctx.arguments
        return add_rows(upstream[0].new_zeros(shape), codes, upstream[0]), None


def owners(indptr: Tensor, edges: int) -> Tensor:
    """The row of each entry of a whole CSR pattern with so many entries."""
    rows = torch.arange(len(indptr) - 1, device=indptr.device)
    return torch.repeat_interleave(rows, indptr.diff(), output_size=edges)


def by_code(codes: Tensor, n: int) -> Pattern:
    """The places of each code 0..n-1, ascending: where they start, [n + 1], in a permutation."""
    ordered, order = torch.sort(codes, stable=True)
    return order, torch.searchsorted(ordered, torch.arange(n + 1, dtype=codes.dtype, device=codes.device))
