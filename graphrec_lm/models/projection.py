"""The learned map from LM space to behaviour space: linear, or a two-layer MLP."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from graphrec_lm.errors import check_choice, check_number
from graphrec_lm.graph import BipartiteGraph


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
        return self._after_first(vectors @ self.w1)

    def users_and_items(
        self, titles: torch.Tensor, graph: BipartiteGraph
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Project every user's mean title and every title.

        Parameters
        ----------
        titles : float32 tensor [n_items, d_LM]
        graph : BipartiteGraph

        Returns
        -------
        users, items : float32 tensors [n_users, dim], [n_items, dim]
        """
        first = titles @ self.w1
        return self._after_first(graph.history_mean(first)), self._after_first(first)

    def _after_first(self, first: torch.Tensor) -> torch.Tensor:
        if self.kind == "linear":
            return first
        return functional.leaky_relu(first + self.b1) @ self.w2 + self.b2
