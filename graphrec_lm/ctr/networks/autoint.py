"""AutoInt: fields attend to each other."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from graphrec_lm.ctr.base import CTRModel
from graphrec_lm.ctr.layers import Inputs, Perceptron, Sizes, linear, parameter
from graphrec_lm.errors import InputError, check_number


class AutoInt(CTRModel):
    """AutoInt+ (Song et al., CIKM 2019, eq. 5-9): self-attention over fields, and a perceptron.

    Parameters
    ----------
    heads, layers : int
        `dim` must be a multiple of `heads`; the other parameters are `CTRModel`'s.

    Raises
    ------
    InputError
        If there is no field to attend to, or `heads` doesn't divide `dim`.
    """

    def __init__(self, *args: Any, heads: int = 2, layers: int = 2, **common: Any) -> None:
        super().__init__(*args, **common)
        self.heads, self.layers = heads, layers

    def _head(self, sizes: Sizes, generator: torch.Generator) -> nn.Module:
        check_number("heads", self.heads, least=1, integer=True)
        check_number("layers", self.layers, least=1, integer=True)
        if not sizes.fields:
            raise InputError("there must be a field to attend to", "none", "Name one in `fields`.")
        if sizes.dim % self.heads:
            raise InputError(f"`dim` must be a multiple of `heads` ({self.heads})", sizes.dim, "Change one.")
        deep = Perceptron(sizes.flat, self.hidden, self.dropout, generator)
        return _AutoInt(sizes, self.heads, self.layers, deep, generator)


class _AutoInt(nn.Module):
    def __init__(
        self, sizes: Sizes, heads: int, layers: int, deep: Perceptron, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.heads, self.deep = heads, deep
        bare = [linear(sizes.dim, 4 * sizes.dim, generator, bias=False) for _ in range(layers)]
        self.layers = nn.ModuleList(bare)  # query, key, value and residual in one product
        self.out = parameter(generator, sizes.fields * sizes.dim)

    def forward(self, x: Inputs) -> Tensor:
        h = x.fields
        for layer in self.layers:
            query, key, value, own = layer(h).chunk(4, dim=2)
            query, key, value = (self._split(part) for part in (query, key, value))
            attention = (query @ key.transpose(2, 3)).softmax(dim=3)  # unscaled, as in the paper
            mixed = (attention @ value).transpose(1, 2).flatten(2)
            h = torch.relu(mixed + own)
        y: Tensor = x.linear + h.flatten(1) @ self.out + self.deep(x.flat)
        return y

    def _split(self, part: Tensor) -> Tensor:
        """[B, F, dim] to [B, heads, F, dim / heads]."""
        return part.unflatten(2, (self.heads, -1)).transpose(1, 2)
