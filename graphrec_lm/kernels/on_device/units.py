"""Unit rows of a table and the gradient through them, as `kernels.units` has them; losses with gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from graphrec_lm.kernels.on_device.patterns import add_rows

Tensor = torch.Tensor
Gradients = Callable[[Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]

_SMALLEST = 1e-12  # as in torch.nn.functional.normalize


def unit_rows(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Rows scaled to length 1, and what they were multiplied with, [n, 1].

    >>> unit_rows(torch.tensor([[3.0, 4.0]]))[0]
    tensor([[0.6000, 0.8000]])
    """
    factors = 1 / rows.norm(dim=1, keepdim=True).clamp(min=_SMALLEST)
    return rows * factors, factors


def through_units(gradients: Tensor, units: Tensor, factors: Tensor) -> Tensor:
    """Gradient by the rows, from that by their unit rows; `gradients` is overwritten."""
    along = (gradients * units).sum(1, keepdim=True)
    return gradients.sub_(along * units).mul_(factors)


def table_gradient(codes: Tensor, gradients: Tensor, units: Tensor, factors: Tensor, shape: Any) -> Tensor:
    """The same by a table, of which `codes` are the rows; see `kernels.units.table_gradient`."""
    return add_rows(units.new_zeros(shape), codes, through_units(gradients, units, factors))


def known_gradients(users: Tensor, items: Tensor, gradients: Gradients) -> Tensor:
    """A differentiable scalar, of a function that finds its own gradients; see `kernels.known_gradients`."""
    loss: Tensor = _Known.apply(users, items, gradients)
    return loss


class _Known(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, users: Tensor, items: Tensor, gradients: Gradients) -> Tensor:
        loss, user_grad, item_grad = gradients(users.detach(), items.detach())
        ctx.save_for_backward(user_grad, item_grad)
        return loss.float()

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, Tensor, None]:
        user_grad, item_grad = ctx.saved_tensors
        return user_grad * upstream[0], item_grad * upstream[0], None
