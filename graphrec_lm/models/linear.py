"""AlphaRec with a linear projection, trained on rows of LM vectors that were propagated once.

Propagation is linear, and so is the projection: they commute, and the representations are P W, with P
the LM vectors of everyone after propagation (see `text_view`).
"""

from __future__ import annotations

import torch

from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.models.projection import Projection
from graphrec_lm.models.text_view import TextView
from graphrec_lm.training import Batch, Learner
from graphrec_lm.training.losses import infonce


class LinearLearner(Learner):
    """The differentiable part: one matrix.

    Parameters
    ----------
    projection : Projection
        Of kind "linear".
    titles : float32 tensor [n_items, d_LM]
    graph : BipartiteGraph
    layers : int
    tau : float
    in_bfloat16 : bool
        Multiply matrices in bfloat16 while training.
    """

    def __init__(
        self,
        projection: Projection,
        titles: torch.Tensor,
        graph: BipartiteGraph,
        layers: int,
        tau: float,
        in_bfloat16: bool = False,
    ) -> None:
        super().__init__()
        self.projection, self.titles, self.graph = projection, titles, graph
        self.layers, self.tau, self.in_bfloat16 = layers, tau, in_bfloat16
        self._view = TextView(titles, graph, layers)

    def layer_zero(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Representations of everyone before propagation."""
        return self.projection.users_and_items(self.titles, self.graph)

    def represent(self) -> tuple[torch.Tensor, torch.Tensor]:
        """P W of everyone."""
        return self._view.everyone(self.projection, self.projection)

    def loss(self, batch: Batch) -> torch.Tensor:
        """InfoNCE on the rows of P that the batch names."""
        users, items, compact = batch.compact(len(self.titles))
        towers = self.projection, self.projection
        return infonce(*self._view.rows(*towers, users, items, self.in_bfloat16), compact, self.tau)
