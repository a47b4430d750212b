"""WideDeep, DeepFM, PNN: first-order terms or pairs beside, or below, a perceptron."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from graphrec_lm.ctr.base import CTRModel
from graphrec_lm.ctr.layers import Inputs, Perceptron, Sizes, pairwise


class WideDeep(CTRModel):
    """Wide & Deep (Cheng et al., DLRS 2016): logistic regression + a perceptron on the embeddings.

    The wide part holds no crossed columns, which the paper makes by hand. Parameters: `CTRModel`.
    """

    def _head(self, sizes: Sizes, generator: torch.Generator) -> nn.Module:
        return _Deep(Perceptron(sizes.flat, self.hidden, self.dropout, generator), pairs=False)


class DeepFM(CTRModel):
    """DeepFM (Guo et al., IJCAI 2017, eq. 1-4): an FM + a perceptron on the same embeddings.

    Parameters are `CTRModel`'s.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from graphrec_lm.ctr import DeepFM, Fields
    >>> rng = np.random.default_rng(0)
    >>> rows = pd.DataFrame({"user_id": rng.integers(0, 9, 400), "item_id": rng.integers(0, 9, 400)})
    >>> rows["label"] = (rows["user_id"] % 2 == rows["item_id"] % 2).astype(int)
    >>> model = DeepFM(Fields(), epochs=40, l2=0, batch_size=64, verbose=False).fit(rows[:300])
    >>> model.evaluate(rows[300:])["auc"] > 0.9
    True
    """

    def _head(self, sizes: Sizes, generator: torch.Generator) -> nn.Module:
        return _Deep(Perceptron(sizes.flat, self.hidden, self.dropout, generator), pairs=True)


class _Deep(nn.Module):
    def __init__(self, deep: Perceptron, *, pairs: bool) -> None:
        super().__init__()
        self.deep, self.pairs = deep, pairs

    def forward(self, x: Inputs) -> Tensor:
        y: Tensor = x.linear + self.deep(x.flat)
        return y + pairwise(x.fields).sum(1) if self.pairs else y


class PNN(CTRModel):
    """Product-based network with inner products (IPNN; Qu et al., ICDM 2016, section III-B).

    The perceptron reads embeddings, numbers and ⟨vᵢ, vⱼ⟩ of every pair; first-order terms are added, which
    the paper has inside its product layer. Parameters: `CTRModel`.
    """

    def _head(self, sizes: Sizes, generator: torch.Generator) -> nn.Module:
        pairs = sizes.fields * (sizes.fields - 1) // 2
        return _PNN(sizes, Perceptron(sizes.flat + pairs, self.hidden, self.dropout, generator))


class _PNN(nn.Module):
    def __init__(self, sizes: Sizes, deep: Perceptron) -> None:
        super().__init__()
        self.pairs, self.deep = torch.triu_indices(sizes.fields, sizes.fields, 1), deep

    def forward(self, x: Inputs) -> Tensor:
        products = (x.fields @ x.fields.transpose(1, 2))[:, self.pairs[0], self.pairs[1]]
        y: Tensor = x.linear + self.deep(torch.cat([x.flat, products], dim=1))
        return y
