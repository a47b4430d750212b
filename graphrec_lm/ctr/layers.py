"""What the networks share: one embedding table for all fields, dropout of its own generator, a perceptron."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from graphrec_lm.ctr.features import Layout

SPREAD = 0.05


class Batch(NamedTuple):
    """Some rows as tensors: `codes` [B, width], `dense` [B, d], and a vector of each block [B, dim]."""

    codes: Tensor
    dense: Tensor
    blocks: list[Tensor]


class Inputs(NamedTuple):
    """What every network sees of a batch.

    Attributes
    ----------
    fields : [B, F, dim]
        A vector of each field: embeddings, mean embeddings of lists, projected blocks.
    linear : [B]
        First-order terms: bias, a weight for each code, weights of the dense part.
    dense : [B, D]
        Standardised numbers and the blocks' vectors, for the deep part.
    """

    fields: Tensor
    linear: Tensor
    dense: Tensor

    @property
    def flat(self) -> Tensor:
        """All of it in a row, [B, F · dim + D]."""
        return torch.cat([self.fields.flatten(1), self.dense], dim=1)


@dataclass(frozen=True)
class Sizes:
    """The shape of `Inputs`: F, dim, D, and the side of each field."""

    fields: int
    dim: int
    dense: int
    sides: tuple[str, ...]

    @property
    def flat(self) -> int:
        """Length of `Inputs.flat`."""
        return self.fields * self.dim + self.dense


class Front(nn.Module):
    """Rows to `Inputs`, with one table for all fields: embeddings and, in the last column, weights.

    Parameters
    ----------
    layout : Layout
    dim : int
    generator : torch.Generator
        Of the initial weights.
    """

    def __init__(self, layout: Layout, dim: int, generator: torch.Generator) -> None:
        super().__init__()
        self.layout, self.dim = layout, dim
        table = torch.randn(layout.n_codes, dim + 1, generator=generator) * SPREAD
        table[:, -1] = table[0] = 0
        self.table = nn.Parameter(table)
        self.bias = nn.Parameter(torch.zeros(1))
        self.to_field = nn.ModuleList([small_linear(d, dim, generator) for d in layout.blocks])
        narrowed = [(d, p) for d, p in zip(layout.blocks, layout.projections, strict=True)]
        self.narrow = nn.ModuleList(
            [nn.Identity() if p is None else linear(d, p, generator) for d, p in narrowed]
        )
        widths = [d if p is None else p for d, p in narrowed]
        self.sizes = Sizes(len(layout.sides), dim, layout.dense + sum(widths), tuple(layout.sides))
        self.weights = nn.Parameter(torch.zeros(self.sizes.dense))

    def forward(self, batch: Batch) -> Inputs:
        """See `Inputs`."""
        rows = _Gather.apply(self.table, batch.codes)  # type: ignore[no-untyped-call]
        singles = self.layout.singles
        parts = [rows[:, :singles]]
        for start, stop in self.layout.lists:
            count = (batch.codes[:, start:stop] > 0).sum(1, keepdim=True).clamp(min=1)
            parts.append((rows[:, start:stop].sum(1) / count)[:, None])
        coded = torch.cat(parts, dim=1)
        # a component of a block has variance 1 / dim: brought near the spread of the other numbers
        vectors = [v * math.sqrt(v.shape[1]) / 2 for v in batch.blocks]
        projected = [to(v)[:, None] for to, v in zip(self.to_field, vectors, strict=True)]
        dense = torch.cat([batch.dense, *(n(v) for n, v in zip(self.narrow, vectors, strict=True))], dim=1)
        first = self.bias + coded[:, :, -1].sum(1) + dense @ self.weights
        return Inputs(torch.cat([coded[:, :, :-1], *projected], dim=1), first, dense)


class _Gather(torch.autograd.Function):
    """Rows of a table; the gradient is added to the table's own buffer, whose memory is kept between steps.

    A fresh gradient of a table of 100,000 rows took three times as long, most of it for clearing new pages.
    """

    @staticmethod
    def forward(ctx: Any, table: Tensor, codes: Tensor) -> Tensor:
        ctx.table, ctx.codes = table, codes
        return functional.embedding(codes, table)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None]:  # type: ignore[override]
        if ctx.table.grad is None:
            ctx.table.grad = torch.zeros_like(ctx.table)
        ctx.table.grad.index_add_(0, ctx.codes.flatten().long(), gradient.flatten(0, 1))
        ctx.table.grad[0] = 0
        return None, None


class Dropout(nn.Module):
    """Dropout whose masks come from a generator that the training loop seeds by (seed, step)."""

    def __init__(self, rate: float, generator: torch.Generator) -> None:
        super().__init__()
        self.rate, self.generator = rate, generator

    def forward(self, x: Tensor) -> Tensor:
        """`x` itself when evaluating."""
        if not self.training or not self.rate:
            return x
        seed = int(torch.randint(2**62, (1,), generator=self.generator))
        drawn = np.random.Generator(np.random.SFC64(seed)).bytes(2 * x.numel())  # 16 bits an element
        kept = np.frombuffer(drawn, np.uint16).reshape(x.shape) >= round(self.rate * 2**16)
        return x * torch.from_numpy(kept) / (1 - self.rate)


class Perceptron(nn.Module):
    """Layers of ReLU and dropout; with `out`, a linear layer to one number at the end."""

    def __init__(
        self,
        width: int,
        hidden: Sequence[int],
        dropout: float,
        generator: torch.Generator,
        *,
        out: bool = True,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for size in hidden:
            layers += [linear(width, size, generator), nn.ReLU(), Dropout(dropout, generator)]
            width = size
        self.width = 1 if out else width
        self.layers = nn.Sequential(*layers, *([linear(width, 1, generator)] if out else []))

    def forward(self, x: Tensor) -> Tensor:
        """[B, width] to [B], or to [B, last hidden]."""
        y: Tensor = self.layers(x)
        return y.squeeze(1) if self.width == 1 else y


def linear(width: int, out: int, generator: torch.Generator, *, bias: bool = True) -> nn.Linear:
    """A linear layer, Glorot-uniform from `generator`, its bias zero."""
    layer = nn.Linear(width, out, bias=bias)
    with torch.no_grad():
        nn.init.xavier_uniform_(layer.weight, generator=generator)
        if bias:
            layer.bias.zero_()
    return layer


def small_linear(width: int, out: int, generator: torch.Generator) -> nn.Linear:
    """A linear layer without bias whose outputs start as small as embeddings."""
    layer = nn.Linear(width, out, bias=False)
    nn.init.normal_(layer.weight, std=SPREAD / math.sqrt(width), generator=generator)
    return layer


def pairwise(fields: Tensor) -> Tensor:
    """Sum over pairs of fields of their elementwise products, [B, dim] (Rendle, 2010, lemma 3.1)."""
    return 0.5 * (fields.sum(1) ** 2 - (fields**2).sum(1))


def parameter(generator: torch.Generator, *shape: int) -> nn.Parameter:
    """A weight of small normal numbers."""
    return nn.Parameter(torch.randn(*shape, generator=generator) / math.sqrt(shape[-1]))
