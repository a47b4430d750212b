"""The learned map from LM space to behaviour space: linear, or a two-layer MLP."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from graphrec_lm.errors import check_choice, check_number
from graphrec_lm.graph import BipartiteGraph, DeviceGraph
from graphrec_lm.kernels import empty, leaky_relu, leaky_relu_gradient, spmm
from graphrec_lm.models.precision import product

Float32 = NDArray[np.float32]


class Projection(torch.nn.Module):
    """AlphaRec's projection (arXiv 2407.05441, eq. 2), shared by users and items.

    A user's LM vector is the mean over the history, X_u = D⁻¹ R X_i. It is never stored: the first
    layer is linear, so X_u W = D⁻¹ R (X_i W), and only items meet the d_LM-wide product.

    Parameters
    ----------
    kind : {"linear", "mlp"}
        One matrix without bias, or Linear - LeakyReLU - Linear as in the authors' code.
    width, hidden, dim : int
        d_LM, width of the MLP's inner layer, dimension of the result.
    generator : torch.Generator
        Initial weights: U(±1/√fan_in), the default of `torch.nn.Linear`.
    """

    w1: torch.Tensor
    b1: torch.Tensor
    w2: torch.Tensor
    b2: torch.Tensor

    def __init__(self, kind: str, width: int, hidden: int, dim: int, generator: torch.Generator) -> None:
        super().__init__()
        check_choice("projection", kind, ("linear", "mlp"))
        check_number("dim", dim, least=1, integer=True)
        check_number("hidden", hidden, least=1, integer=True)
        self.kind = kind
        shapes = (
            {"w1": (width, dim)}
            if kind == "linear"
            else {"w1": (width, hidden), "b1": (hidden,), "w2": (hidden, dim), "b2": (dim,)}
        )
        fan_in = {"w1": width, "b1": width, "w2": hidden, "b2": hidden}
        for name, shape in shapes.items():
            start = (torch.rand(shape, generator=generator) * 2 - 1) / math.sqrt(fan_in[name])
            self.register_parameter(name, torch.nn.Parameter(start))

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Project LM vectors, [n, d_LM] -> [n, dim]."""
        return self.rest(vectors @ self.w1)

    def rest(self, first: torch.Tensor) -> torch.Tensor:
        """What follows the first product, [n, hidden] -> [n, dim]; nothing if linear."""
        return first if self.kind == "linear" else _after_first(first, self.b1, self.w2, self.b2)

    @classmethod
    def restored(cls, arrays: dict[str, NDArray[Any]], prefix: str = "") -> Projection:
        """The projection whose weights are among the arrays of a fit, their names after `prefix`."""
        names = [name for name in ("w1", "b1", "w2", "b2") if prefix + name in arrays]
        kind, (width, hidden) = "mlp" if "w2" in names else "linear", arrays[f"{prefix}w1"].shape
        dim = arrays[prefix + ("w2" if kind == "mlp" else "w1")].shape[1]
        projection = cls(kind, width, hidden, dim, torch.Generator())
        projection.load_state_dict({name: torch.from_numpy(arrays[prefix + name]) for name in names})
        return projection

    @staticmethod
    def apply_restored(arrays: dict[str, NDArray[Any]], vectors: Float32) -> Float32:
        """The projection among the arrays of a fit, applied to LM vectors [n, d_LM]; no module is made."""
        found = torch.from_numpy(vectors) @ torch.from_numpy(arrays["w1"])
        if "w2" in arrays:
            found = _after_first(found, *(torch.from_numpy(arrays[name]) for name in ("b1", "w2", "b2")))
        projected: Float32 = found.numpy()
        return projected

    def users_and_items(
        self, titles: torch.Tensor, graph: BipartiteGraph | DeviceGraph, in_bfloat16: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Project every user's mean title and every title.

        Parameters
        ----------
        titles : float32 (or bfloat16) tensor [n_items, d_LM]
        graph : BipartiteGraph or DeviceGraph
        in_bfloat16 : bool
            Multiply matrices in bfloat16, for training; weights and sums over them stay float32.

        Returns
        -------
        users, items : float32 tensors [n_users, dim], [n_items, dim]
        """
        first = product(titles, self.w1, in_bfloat16)
        if self.kind == "linear":
            return graph.history_mean(first), first
        if isinstance(graph, DeviceGraph):
            users, items = (self._second(rows, in_bfloat16) for rows in (graph.history_mean(first), first))
            return users, items
        users, items = _HiddenLayer.apply(first, self.b1, self.w2, self.b2, graph, in_bfloat16)
        return users, items

    def _second(self, rows: torch.Tensor, in_bfloat16: bool) -> torch.Tensor:
        """What follows the product with `w1`, by autograd."""
        return product(functional.leaky_relu(rows + self.b1), self.w2, in_bfloat16) + self.b2


def _after_first(first: torch.Tensor, b1: torch.Tensor, w2: torch.Tensor, b2: torch.Tensor) -> torch.Tensor:
    """What follows the first product of an MLP."""
    return functional.leaky_relu(first + b1) @ w2 + b2


class _HiddenLayer(torch.autograd.Function):
    """LeakyReLU(· + b1) W2 + b2 of every user's history mean and of every item.

    What is between the two layers, [people, hidden], is large: it is held once. The backward pass
    turns it into its own gradient, so it can run but once.
    """

    @staticmethod
    def forward(
        ctx: Any,
        first: torch.Tensor,
        b1: torch.Tensor,
        w2: torch.Tensor,
        b2: torch.Tensor,
        graph: BipartiteGraph,
        bfloat16: bool,
    ) -> tuple[torch.Tensor, ...]:
        table, bias = first.numpy(), b1.numpy()
        means = spmm(graph.indptr, graph.indices, table, row_scale=graph.user_scale**2)
        ctx.hidden = leaky_relu(means, bias, out=means), leaky_relu(table, bias, out=empty(table.shape))
        ctx.save_for_backward(w2)
        ctx.graph, ctx.bfloat16 = graph, bfloat16
        return tuple(_product(torch.from_numpy(hidden), w2, bfloat16).add_(b2) for hidden in ctx.hidden)

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (w2,), graph, hidden = ctx.saved_tensors, ctx.graph, ctx.hidden
        del ctx.hidden
        b1_grad, w2_grad, b2_grad = torch.zeros(len(w2)), torch.zeros_like(w2), torch.zeros(w2.shape[1])
        for gradients, activated in zip(upstream, hidden, strict=True):
            b2_grad += gradients.sum(0)
            w2_grad += product(torch.from_numpy(activated).T, gradients, ctx.bfloat16)
            slopes = _product(gradients, w2.T, ctx.bfloat16)
            leaky_relu_gradient(slopes.numpy(), activated, out=activated)
            b1_grad += torch.from_numpy(activated).sum(0)
        transposed = graph.item_indptr, graph.item_indices
        first_grad = spmm(*transposed, hidden[0], col_scale=graph.user_scale**2, add=hidden[1])
        return torch.from_numpy(first_grad), b1_grad, w2_grad, b2_grad, None, None


def _product(left: torch.Tensor, right: torch.Tensor, bfloat16: bool) -> torch.Tensor:
    """left @ right, in memory that the step before has used."""
    out = torch.from_numpy(empty((len(left), right.shape[1])))
    return out.copy_(product(left, right, True)) if bfloat16 else torch.mm(left, right, out=out)
