"""Neural collaborative filtering: GMF, MLP, NeuMF on what is known of the user and of the item."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from graphrec_lm.ctr.base import CTRModel
from graphrec_lm.ctr.layers import Inputs, Perceptron, Sizes, parameter
from graphrec_lm.errors import InputError


class GMF(CTRModel):
    """Generalised matrix factorisation (He et al., WWW 2017, eq. 9): hᵀ (p ⊙ q) + first-order terms.

    p is the sum of the user's field vectors, q of the item's; the paper has the ids alone. Parameters:
    `CTRModel`.

    Raises
    ------
    InputError
        At fit, without a field of the user and one of the item.
    """

    def _head(self, sizes: Sizes, generator: torch.Generator) -> nn.Module:
        return _GMF(sizes, generator)


class _GMF(nn.Module):
    def __init__(self, sizes: Sizes, generator: torch.Generator) -> None:
        super().__init__()
        self.places = {}
        for side in ("user", "item"):
            own = [place for place, of in enumerate(sizes.sides) if of in (side, "row")]
            if not own:
                remedy = "Add one, or sentences (apart=True), or use another model."
                raise InputError(
                    "matrix factorisation needs a field of user and item", f"no {side}'s", remedy
                )
            self.places[side] = torch.tensor(own)
        self.out = nn.Parameter(torch.ones(sizes.dim))

    def forward(self, x: Inputs) -> Tensor:
        return x.linear + self.product(x) @ self.out

    def product(self, x: Inputs) -> Tensor:
        p, q = (x.fields[:, self.places[side]].sum(1) for side in ("user", "item"))
        return p * q


class MLP(CTRModel):
    """A perceptron on all field vectors and numbers (He et al., WWW 2017, eq. 10). Parameters: `CTRModel`."""

    def _head(self, sizes: Sizes, generator: torch.Generator) -> nn.Module:
        return _MLP(Perceptron(sizes.flat, self.hidden, self.dropout, generator))


class _MLP(nn.Module):
    def __init__(self, deep: Perceptron) -> None:
        super().__init__()
        self.deep = deep

    def forward(self, x: Inputs) -> Tensor:
        y: Tensor = self.deep(x.flat)
        return y


class NeuMF(CTRModel):
    """Neural matrix factorisation (He et al., WWW 2017, eq. 12): GMF and MLP joined by a last layer.

    Both halves share their embeddings (the paper trains two tables), and there is no pre-training.
    Parameters: `CTRModel`.
    """

    def _head(self, sizes: Sizes, generator: torch.Generator) -> nn.Module:
        deep = Perceptron(sizes.flat, self.hidden, self.dropout, generator, out=False)
        return _NeuMF(_GMF(sizes, generator), deep, generator)


class _NeuMF(nn.Module):
    def __init__(self, gmf: _GMF, deep: Perceptron, generator: torch.Generator) -> None:
        super().__init__()
        self.gmf, self.deep = gmf, deep
        self.out = parameter(generator, deep.width)

    def forward(self, x: Inputs) -> Tensor:
        hidden: Tensor = self.deep(x.flat)
        return self.gmf(x) + hidden.reshape(len(hidden), -1) @ self.out
