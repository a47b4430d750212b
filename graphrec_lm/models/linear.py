"""AlphaRec with a linear projection, trained on rows of LM vectors that were propagated once.

Propagation is linear, and so is the projection: they commute, and the representations are P W, with P
the LM vectors of everyone after propagation (see `text_view`).
"""

from __future__ import annotations

import torch

from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.kernels import are_tensors
from graphrec_lm.models.projection import Projection
from graphrec_lm.models.text_view import TextView
from graphrec_lm.training import Batch, Learner
from graphrec_lm.training.losses import RankingLoss


class LinearLearner(Learner):
    """The differentiable part: one matrix.

    Parameters
    ----------
    projection : Projection
        Of kind "linear".
    titles : float32 tensor [n_items, d_LM]
    graph : BipartiteGraph
    layers : int
    ranking : RankingLoss
    in_bfloat16 : bool
        Multiply matrices in bfloat16 while training.
    """

    def __init__(
        self,
        projection: Projection,
        titles: torch.Tensor,
        graph: BipartiteGraph,
        layers: int,
        ranking: RankingLoss,
        in_bfloat16: bool = False,
    ) -> None:
        super().__init__()
        self.projection, self.graph = projection, graph
        self.layers, self.ranking, self.in_bfloat16 = layers, ranking, in_bfloat16
        self.view = TextView(titles, graph, layers)

    @property
    def titles(self) -> torch.Tensor:
        """LM vectors of the items, before propagation."""
        return self.view.titles

    def layer_zero(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Representations of everyone before propagation."""
        return self.projection.users_and_items(self.titles, self.graph)

    def represent(self) -> tuple[torch.Tensor, torch.Tensor]:
        """P W of everyone."""
        return self.view.everyone(self.projection, self.projection)

    def loss(self, batch: Batch) -> torch.Tensor:
        """On the rows of P that the batch names; on a device all items enter: nothing to wait for."""
        if are_tensors(batch.users):
            users, items, local = batch.users, None, batch.local()
        else:
            users, items, local = batch.compact(len(self.titles))
        rows = self.view.rows(self.projection, self.projection, users, items, self.in_bfloat16)
        return self.ranking(*rows, local)
