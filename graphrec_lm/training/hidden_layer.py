"""A hidden layer with its ReLU and dropout, differentiable, on the processor."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec_lm.kernels import empty, relu_dropout, relu_dropout_gradient
from graphrec_lm.training.precision import product_in_place


class HiddenLayer(torch.autograd.Function):
    """ReLU(x Wᵀ + b), some of it dropped: one node instead of four, and nothing kept but x and the result.

    Parameters of `apply`
    ---------------------
    x, weight, bias : float32 tensors [n, width], [dim, width], [dim]
    drawn : uint16 array [n, dim], or None
        Random numbers for dropout, None for none; see `kernels.relu_dropout`.
    rate : float
        Of dropout, in [0, 1).
    bfloat16 : bool
        Multiply matrices in bfloat16.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor,
        drawn: NDArray[np.uint16] | None,
        rate: float,
        bfloat16: bool,
    ) -> torch.Tensor:
        ctx.rate, ctx.bfloat16 = 0.0 if drawn is None else rate, bfloat16
        factors = [factor.bfloat16() if bfloat16 else factor for factor in (x, weight)]
        out = product_in_place(factors[0], factors[1].T, bfloat16)
        relu_dropout(out.numpy(), bias.numpy(), out.numpy(), drawn, rate)
        ctx.save_for_backward(*factors, out)
        return out

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight, activated = ctx.saved_tensors
        slopes = torch.from_numpy(empty(activated.shape))
        relu_dropout_gradient(
            upstream[0].contiguous().numpy(), activated.detach().numpy(), slopes.numpy(), ctx.rate
        )
        gradient = slopes.bfloat16() if ctx.bfloat16 else slopes
        by_x = product_in_place(gradient, weight, ctx.bfloat16) if ctx.needs_input_grad[0] else None
        return by_x, (gradient.T @ x).float(), slopes.sum(0), None, None, None
