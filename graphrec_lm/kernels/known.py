"""Losses whose gradients are found together with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Gradients = Callable[[Float32, Float32], tuple[float, Float32, Float32]]


def known_gradients(users: torch.Tensor, items: torch.Tensor, gradients: Gradients) -> torch.Tensor:
    """A differentiable scalar, from a function of plain arrays that knows its own gradients.

    Parameters
    ----------
    users, items : float32 tensors
    gradients : callable (users, items) -> (loss, user_grad, item_grad)
        On float32 arrays of the tensors' shapes.

    Returns
    -------
    float32 tensor, scalar
        Its backward pass only scales the gradients.

    Examples
    --------
    >>> x = torch.ones(1, 1, requires_grad=True)
    >>> known_gradients(x, x, lambda u, i: (float((u * i).sum()), i, u)).backward()
    >>> x.grad
    tensor([[2.]])
    """
    loss: torch.Tensor = _Known.apply(users, items, gradients)
    return loss


class _Known(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, users: torch.Tensor, items: torch.Tensor, gradients: Gradients) -> torch.Tensor:
        rows = (table.detach().contiguous().numpy() for table in (users, items))
        loss, user_grad, item_grad = gradients(*rows)
        ctx.save_for_backward(torch.from_numpy(user_grad), torch.from_numpy(item_grad))
        return torch.tensor(loss, dtype=torch.float32)

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        user_grad, item_grad = ctx.saved_tensors
        if upstream[0] == 1:
            return user_grad, item_grad, None
        return user_grad * upstream[0], item_grad * upstream[0], None
