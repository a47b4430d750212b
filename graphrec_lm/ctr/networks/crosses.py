"""DCNv2 and xDeepFM: crosses of bounded degree beside a perceptron."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from graphrec_lm.ctr.base import CTRModel
from graphrec_lm.ctr.layers import Inputs, Perceptron, Sizes, linear, parameter
from graphrec_lm.errors import check_number


class DCNv2(CTRModel):
    """Deep & cross network V2, parallel (Wang et al., WWW 2021, eq. 1): x_{l+1} = x₀ ⊙ (W x_l + b) + x_l.

    Parameters
    ----------
    crosses : int
        Cross layers; the other parameters are `CTRModel`'s.
    rank : int, optional
        W = U Vᵀ of that rank (eq. 2); None: full.
    """

    def __init__(self, *args: Any, crosses: int = 2, rank: int | None = 32, **common: Any) -> None:
        super().__init__(*args, **common)
        self.crosses, self.rank = crosses, rank

    def _head(self, sizes: Sizes, generator: torch.Generator) -> nn.Module:
        check_number("crosses", self.crosses, least=1, integer=True)
        if self.rank is not None:
            check_number("rank", self.rank, least=1, integer=True)
        deep = Perceptron(sizes.flat, self.hidden, self.dropout, generator)
        return _DCN(sizes.flat, self.crosses, self.rank, deep, generator)


class _DCN(nn.Module):
    def __init__(
        self, width: int, crosses: int, rank: int | None, deep: Perceptron, generator: torch.Generator
    ) -> None:
        super().__init__()
        layers = []
        for _ in range(crosses):
            low = [] if rank is None else [linear(width, rank, generator, bias=False)]
            layers.append(nn.Sequential(*low, linear(width if rank is None else rank, width, generator)))
        self.crosses, self.deep = nn.ModuleList(layers), deep
        self.out = parameter(generator, width)

    def forward(self, x: Inputs) -> Tensor:
        start = crossed = x.flat
        for layer in self.crosses:
            crossed = start * layer(crossed) + crossed
        y: Tensor = x.linear + crossed @ self.out + self.deep(start)
        return y


class xDeepFM(CTRModel):
    """xDeepFM (Lian et al., KDD 2018): compressed interactions (eq. 6-8), a perceptron, a linear part.

    Feature map k+1 is a learned mixture of all products of a row of map k with a field, element by element.

    Parameters
    ----------
    maps : sequence of int
        Rows of the feature maps; the other parameters are `CTRModel`'s.
    """

    def __init__(self, *args: Any, maps: Sequence[int] = (16, 16), **common: Any) -> None:
        super().__init__(*args, **common)
        self.maps = maps

    def _head(self, sizes: Sizes, generator: torch.Generator) -> nn.Module:
        for rows in self.maps:
            check_number("maps", rows, least=1, integer=True)
        deep = Perceptron(sizes.flat, self.hidden, self.dropout, generator)
        return _XDeepFM(sizes, self.maps, deep, generator)


class _XDeepFM(nn.Module):
    def __init__(
        self, sizes: Sizes, maps: Sequence[int], deep: Perceptron, generator: torch.Generator
    ) -> None:
        super().__init__()
        heights = [sizes.fields, *maps]
        self.mix = nn.ModuleList(
            [linear(h * sizes.fields, m, generator, bias=False) for h, m in pairwise(heights)]
        )
        self.deep, self.out = deep, parameter(generator, sum(maps))

    def forward(self, x: Inputs) -> Tensor:
        fields = rows = x.fields.transpose(1, 2)  # [B, dim, F]
        pooled = []
        for mix in self.mix:
            rows = mix((rows.unsqueeze(3) * fields.unsqueeze(2)).flatten(2))
            pooled.append(rows.sum(1))
        y: Tensor = x.linear + torch.cat(pooled, dim=1) @ self.out + self.deep(x.flat)
        return y
