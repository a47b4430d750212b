"""Models of learned ID embeddings: what LightGCN, MF and their relatives share."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec_lm.data import Dataset
from graphrec_lm.errors import check_number
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.kernels import unit_rows
from graphrec_lm.models.fitted import Arrays
from graphrec_lm.models.fold_in import fold_table, graph_part
from graphrec_lm.models.mixes_items import MixesItems
from graphrec_lm.models.people import People
from graphrec_lm.models.trained import TrainedRecommender, seeded, usual_negatives
from graphrec_lm.training import Batch, Learner
from graphrec_lm.training.losses import bpr, check_loss, infonce, squared_norm


class IdRecommender(MixesItems, TrainedRecommender):
    """Base of models with one embedding for every user and item, and `layers` hops of propagation."""

    layers: int
    dim: int
    loss: str
    tau: float
    regularization: float

    @property
    def exact_for_new_people(self) -> bool:
        """No: somebody new has no embedding of their own."""
        return False

    @property
    def _cosine(self) -> bool:
        return self.loss == "infonce"

    @property
    def _negatives(self) -> int:
        return usual_negatives(self.negatives, self.loss)

    def _check(self) -> None:
        """Raise InputError for parameters out of range."""
        check_loss(self.loss, self.share_negatives)
        check_number("layers", self.layers, least=0, integer=True)
        check_number("dim", self.dim, least=1, integer=True)
        check_number("tau", self.tau, above=0)
        check_number("regularization", self.regularization, least=0)

    def _learner(self, dataset: Dataset, graph: BipartiteGraph) -> tuple[Learner, dict[str, Any]]:
        self._check()
        return self._embeddings(graph), {}

    def _embeddings(self, graph: BipartiteGraph) -> EmbeddingLearner:
        """The learner; a model with more to its loss checks its own parameters and gives another."""
        return EmbeddingLearner(self, graph, seeded(self.seed))

    def _arrays(self, learner: Any) -> Arrays:
        """Users without interactions have learned nothing: zeros, unless they have a text of their own."""
        arrays = super()._arrays(learner)
        if getattr(self, "user_texts", None) is None:
            arrays["users"][np.diff(learner.graph.indptr) == 0] = 0
        return arrays

    def _learned(self, learner: EmbeddingLearner) -> Arrays:
        fold = fold_table(learner.graph, *learner.layer_zero(), self.layers)
        return {"fold": fold / np.float32(self.layers + 1)}

    def _fold_in(self, people: People) -> NDArray[np.float32]:
        return self._scaled(graph_part(self._state.arrays["fold"], people))

    def _scaled(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors of new people in the scale of the fitted ones."""
        return unit_rows(rows) if self._state.notes["cosine"] else rows


class EmbeddingLearner(Learner):
    """The differentiable part: embeddings, propagation, a ranking loss. Models add to any of them.

    Parameters
    ----------
    model : IdRecommender
    graph : BipartiteGraph
    generator : torch.Generator
        Initial weights: N(0, 0.1²), as in the LightGCN authors' code.
    """

    def __init__(self, model: IdRecommender, graph: BipartiteGraph, generator: torch.Generator) -> None:
        super().__init__()
        self.graph, self.layers, self.tau = graph, model.layers, model.tau
        self.by_bpr, self.regularization = model.loss == "bpr", model.regularization
        self.users = normal_rows(graph.n_users, model.dim, generator)
        self.items = normal_rows(graph.n_items, model.dim, generator)

    def layer_zero(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Representations of everyone before propagation."""
        return self.users, self.items

    def represent(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.graph.propagate(*self.layer_zero(), self.layers)

    def loss(self, batch: Batch) -> torch.Tensor:
        rows = self.graph.propagate_batch(*self.layer_zero(), self.layers, batch.users)
        return self.ranking_loss(*rows, batch)

    def ranking_loss(self, users: torch.Tensor, items: torch.Tensor, batch: Batch) -> torch.Tensor:
        """BPR or InfoNCE on the propagated rows of the batch's users and of all items."""
        if not self.by_bpr:
            return infonce(users, items, batch.local(), self.tau)
        penalty = self.regularization * squared_norm(self.users, self.items, batch)
        return bpr(users, items, batch.local()) + penalty


def normal_rows(rows: int, dim: int, generator: torch.Generator) -> torch.nn.Parameter:
    """Embeddings to start from: N(0, 0.1²)."""
    return torch.nn.Parameter(torch.randn(rows, dim, generator=generator) * 0.1)
