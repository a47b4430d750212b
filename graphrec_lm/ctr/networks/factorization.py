"""LR, FM, NFM, AFM: first-order terms, and pairs of fields."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from graphrec_lm.ctr.base import CTRModel
from graphrec_lm.ctr.layers import Dropout, Inputs, Perceptron, Sizes, linear, pairwise, parameter
from graphrec_lm.errors import InputError, check_number


class LR(CTRModel):
    """Logistic regression on all codes, numbers and components. Its parameters are `CTRModel`'s.

    >>> LR(epochs=1)
    LR(epochs=1)
    """

    def _head(self, sizes: Sizes, generator: torch.Generator) -> nn.Module:
        return _Linear()


class _Linear(nn.Module):
    def forward(self, x: Inputs) -> Tensor:
        return x.linear


class FM(CTRModel):
    """Factorization machine (Rendle, ICDM 2010): y = w₀ + Σ wᵢ + Σ_{i<j} ⟨vᵢ, vⱼ⟩. Parameters: `CTRModel`."""

    def _head(self, sizes: Sizes, generator: torch.Generator) -> nn.Module:
        return _FM()


class _FM(nn.Module):
    def forward(self, x: Inputs) -> Tensor:
        return x.linear + pairwise(x.fields).sum(1)


class NFM(CTRModel):
    """Neural FM (He & Chua, SIGIR 2017, eq. 3-5): a perceptron on the pooled pairs and the numbers.

    The paper pools embeddings alone; the dense part is concatenated here.
    """

    def _head(self, sizes: Sizes, generator: torch.Generator) -> nn.Module:
        return _NFM(Perceptron(sizes.dim + sizes.dense, self.hidden, self.dropout, generator))


class _NFM(nn.Module):
    def __init__(self, deep: Perceptron) -> None:
        super().__init__()
        self.deep = deep

    def forward(self, x: Inputs) -> Tensor:
        y: Tensor = x.linear + self.deep(torch.cat([pairwise(x.fields), x.dense], dim=1))
        return y


class AFM(CTRModel):
    """Attentional FM (Xiao et al., IJCAI 2017, eq. 5-7): pairs weighted by attention before they are summed.

    Parameters
    ----------
    attention : int
        Width of the attention network; the others are `CTRModel`'s.

    Raises
    ------
    InputError
        With fewer than two fields: there is no pair.
    """

    def __init__(self, *args: Any, attention: int = 16, **common: Any) -> None:
        super().__init__(*args, **common)
        self.attention = attention

    def _head(self, sizes: Sizes, generator: torch.Generator) -> nn.Module:
        check_number("attention", self.attention, least=1, integer=True)
        if sizes.fields < 2:
            raise InputError("AFM needs at least two fields", sizes.fields, "Add fields, or use LR.")
        return _AFM(sizes, self.attention, self.dropout, generator)


class _AFM(nn.Module):
    def __init__(self, sizes: Sizes, attention: int, dropout: float, generator: torch.Generator) -> None:
        super().__init__()
        self.pairs = torch.triu_indices(sizes.fields, sizes.fields, 1)
        self.score = nn.Sequential(
            linear(sizes.dim, attention, generator), nn.ReLU(), linear(attention, 1, generator, bias=False)
        )
        self.dropout, self.out = Dropout(dropout, generator), parameter(generator, sizes.dim)

    def forward(self, x: Inputs) -> Tensor:
        products = x.fields[:, self.pairs[0]] * x.fields[:, self.pairs[1]]
        weights = self.score(products).softmax(dim=1)
        # the sum over pairs, not their mean: gradients like an FM's
        pooled = self.dropout((weights * products).sum(1) * self.pairs.shape[1])
        return x.linear + pooled @ self.out
