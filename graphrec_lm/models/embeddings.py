"""Models of learned ID embeddings: what LightGCN, MF and their relatives share."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError, check_choice, check_number
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.models.factors import unit_rows
from graphrec_lm.models.fitted import Arrays
from graphrec_lm.models.fold_in import fold_table, graph_part
from graphrec_lm.models.people import People
from graphrec_lm.models.trained import TrainedRecommender, seeded
from graphrec_lm.training import Batch, Learner
from graphrec_lm.training.losses import bpr, infonce, squared_norm


class EmbeddingLearner(Learner):
    """The differentiable part: two tables, propagated; a model with another loss extends it.

    Parameters
    ----------
    model : IdRecommender
        Its parameters.
    graph : BipartiteGraph
    """

    def __init__(self, model: IdRecommender, graph: BipartiteGraph) -> None:
        super().__init__()
        self.graph, self.layers, self.tau = graph, model.layers, model.tau
        self.by_bpr, self.regularization = model.loss == "bpr", model.regularization
        generator = seeded(model.seed)
        self.users = _normal(graph.n_users, model.dim, generator)
        self.items = _normal(graph.n_items, model.dim, generator)

    def represent(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The mean over 0..`layers` hops."""
        return self.graph.propagate(self.users, self.items, self.layers)

    def loss(self, batch: Batch) -> torch.Tensor:
        """BPR or InfoNCE on the propagated rows."""
        rows = self.graph.propagate_batch(self.users, self.items, self.layers, batch.users)
        return self.ranking_loss(*rows, batch)

    def ranking_loss(self, users: torch.Tensor, items: torch.Tensor, batch: Batch) -> torch.Tensor:
        """The same on given representations: rows of the batch's users, in its order, and all items."""
        if not self.by_bpr:
            return infonce(users, items, batch.local(), self.tau)
        penalty = self.regularization * squared_norm(self.users, self.items, batch)
        return bpr(users, items, batch.local()) + penalty


class IdRecommender(TrainedRecommender):
    """Base of models with one embedding for every user and item, and `layers` hops of propagation."""

    layers: int
    dim: int
    loss: str
    tau: float
    regularization: float

    @property
    def _cosine(self) -> bool:
        return self.loss == "infonce"

    @property
    def _negatives(self) -> int:
        default = 256 if self.loss == "infonce" else 1
        return default if self.negatives is None else self.negatives

    def _learner(self, dataset: Dataset, graph: BipartiteGraph) -> tuple[Learner, dict[str, Any]]:
        check_choice("loss", self.loss, ("bpr", "infonce"))
        check_number("layers", self.layers, least=0, integer=True)
        check_number("dim", self.dim, least=1, integer=True)
        check_number("tau", self.tau, above=0)
        check_number("regularization", self.regularization, least=0)
        if self.loss == "bpr" and self.share_negatives:
            remedy = "Use loss='infonce', or share_negatives=False."
            raise InputError("`share_negatives` must be False for BPR", True, remedy)
        return self._embeddings(graph), {}

    def _embeddings(self, graph: BipartiteGraph) -> EmbeddingLearner:
        """The learner; a model with more to its loss checks its own parameters and gives another."""
        return EmbeddingLearner(self, graph)

    def _learned(self, learner: EmbeddingLearner) -> Arrays:
        fold = fold_table(learner.graph, learner.users, learner.items, self.layers)
        return {"fold": fold / np.float32(self.layers + 1)}

    def _fold_in(self, people: People) -> NDArray[np.float32]:
        return self._scaled(graph_part(self._state.arrays["fold"], people))

    def _scaled(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors of new people in the scale of the fitted ones."""
        return unit_rows(rows) if self._state.notes["cosine"] else rows


def _normal(rows: int, dim: int, generator: torch.Generator) -> torch.nn.Parameter:
    """N(0, 0.1²), the initial embeddings of the LightGCN authors' code."""
    return torch.nn.Parameter(torch.randn(rows, dim, generator=generator) * 0.1)
