"""What the networks share: one embedding table for all fields, dropout of its own generator, a perceptron."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from graphrec_lm.ctr.features import Layout
from graphrec_lm.training.field_rows import FieldRows, PairSums

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
        return joined([self.fields.flatten(1), self.dense])


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
        columns = [(at, at + 1) for at in range(layout.singles)] + layout.lists
        self.starts = np.array([0, *(stop for _, stop in columns)], np.int64)
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

    def silence(self, codes: NDArray[np.bool_]) -> None:
        """Zero the rows of these codes; as no training row has one, they stay so."""
        with torch.no_grad():
            self.table[torch.from_numpy(codes)] = 0

    def forward(self, batch: Batch) -> Inputs:
        """See `Inputs`."""
        coded, first = FieldRows.apply(self.table, batch.codes, self.starts)  # type: ignore[no-untyped-call]
        # a component of a block has variance 1 / dim: brought near the spread of the other numbers
        vectors = [v * math.sqrt(v.shape[1]) / 2 for v in batch.blocks]
        projected = [to(v)[:, None] for to, v in zip(self.to_field, vectors, strict=True)]
        dense = joined([batch.dense, *(n(v) for n, v in zip(self.narrow, vectors, strict=True))])
        return Inputs(joined([coded, *projected]), self.bias + first + dense @ self.weights, dense)


def joined(parts: Sequence[Tensor]) -> Tensor:
    """Tensors side by side along dimension 1; one alone is not copied."""
    some = [part for part in parts if part.shape[1]] or list(parts[:1])
    return some[0] if len(some) == 1 else torch.cat(some, dim=1)


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
        return x * torch.from_numpy(kept * np.float32(1 / (1 - self.rate)))


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
    pairs: Tensor = PairSums.apply(fields)  # type: ignore[no-untyped-call]
    return pairs


def parameter(generator: torch.Generator, *shape: int) -> nn.Parameter:
    """A weight of small normal numbers."""
    return nn.Parameter(torch.randn(*shape, generator=generator) / math.sqrt(shape[-1]))
