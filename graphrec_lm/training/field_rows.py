"""Embeddings of an event's fields, and their products in pairs, differentiable, on the processor."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec_lm.kernels import gather_fields, pair_gradient, pair_sums, recycling, scatter_fields

__all__ = ["FieldRows", "PairSums", "recycling"]


class FieldRows(torch.autograd.Function):
    """`kernels.gather_fields` of a parameter.

    The gradient is added to the table's own buffer, whose memory is kept between steps: a fresh one of a
    table of 100,000 rows took three times as long, most of it for clearing new pages.
    """

    @staticmethod
    def forward(
        ctx: Any, table: torch.Tensor, codes: torch.Tensor, starts: NDArray[np.int64]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        ctx.table, ctx.codes, ctx.starts = table, codes.numpy(), starts
        fields, first = gather_fields(table.detach().numpy(), ctx.codes, starts)
        return torch.from_numpy(fields), torch.from_numpy(first)

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[None, None, None]:
        if ctx.table.grad is None:
            ctx.table.grad = torch.zeros_like(ctx.table)
        scatter_fields(ctx.table.grad.numpy(), ctx.codes, ctx.starts, *(part.numpy() for part in upstream))
        return None, None, None


class PairSums(torch.autograd.Function):
    """The first result of `kernels.pair_sums`."""

    @staticmethod
    def forward(ctx: Any, fields: torch.Tensor) -> torch.Tensor:
        ctx.fields = np.ascontiguousarray(fields.detach().numpy())
        pairs, ctx.sums = pair_sums(ctx.fields)
        return torch.from_numpy(pairs)

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(pair_gradient(upstream[0].numpy(), ctx.fields, ctx.sums))
