"""Trained models that could stand beside the ridge in a blend: what might better LightGCN as it is."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch.nn import functional

import graphrec_lm as gl
from graphrec_lm.data import Dataset
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.kernels import full_softmax, standardised, topk_blocks
from graphrec_lm.metrics import ranking_metrics
from graphrec_lm.models.blend import usual_members
from graphrec_lm.models.embeddings import EmbeddingLearner
from graphrec_lm.models.held_out import validating
from graphrec_lm.models.people import People
from graphrec_lm.models.projection import Projection
from graphrec_lm.models.trained import seeded

Float32 = NDArray[np.float32]

_SHARED = (
    "layers",
    "loss",
    "negatives",
    "share_negatives",
    "epochs",
    "batch_size",
    "learning_rate",
    "patience",
)
_USUAL = usual_members(verbose=False)[1].get_params()
HOW: dict[str, Any] = {name: _USUAL[name] for name in (*_SHARED, "verbose")}  # what other models take, too


class Given(NamedTuple):
    """What an idea may read.

    Attributes
    ----------
    titles : float32 tensor [n_items, d_LM]
        All LMs' unit rows side by side.
    scores : float16 array [n_users, n_items]
        Of the fitted ridge, standardised for each user.
    """

    titles: torch.Tensor
    scores: NDArray[np.float16]


def ridge_scores(ridge: gl.TextRidge, train: Dataset) -> NDArray[np.float16]:
    """Standardised scores of everyone; B has no diagonal, so no item of a history speaks for itself."""
    everyone = People.fitted(train, np.arange(train.n_users, dtype=np.int32))
    found = np.empty((train.n_users, train.n_items), dtype=np.float16)
    for start in range(0, train.n_users, 1024):
        block = everyone.part(start, min(start + 1024, train.n_users))
        found[start : start + len(block)] = standardised(ridge._scores(block))
    return found


class Idea(gl.LightGCN):
    """LightGCN with another learner; that, `given` and `share` are set before it is fitted."""

    learner: type[EmbeddingLearner]
    given: Given
    share = 1.0

    def _embeddings(self, graph: BipartiteGraph) -> EmbeddingLearner:
        return self.learner(self, graph, seeded(self.seed))


class AllItems(EmbeddingLearner):
    """Every item is a negative: the exact softmax."""

    def ranking_loss(self, users: torch.Tensor, items: torch.Tensor, batch: Any) -> torch.Tensor:
        local = batch.local()
        return full_softmax(users, items, local.users, local.positives, tau=self.tau, seen=local.seen)


class WithTitles(EmbeddingLearner):
    """An item's embedding is an MLP of its title and one of its own, small at first."""

    def __init__(self, model: Idea, graph: BipartiteGraph, generator: torch.Generator) -> None:
        super().__init__(model, graph, generator)
        width = model.given.titles.shape[1]
        self.projection = Projection("mlp", width, width // 2, model.dim, generator)
        self.register_buffer("titles", model.given.titles, persistent=False)

    def layer_zero(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.users, self.projection(self.titles) + self.items


class ItemsAlone(EmbeddingLearner):
    """No user has an embedding: layer 0 is the mean of the history's."""

    def __init__(self, model: Idea, graph: BipartiteGraph, generator: torch.Generator) -> None:
        super().__init__(model, graph, generator)
        self.users = None

    def layer_zero(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.graph.history_mean(self.items), self.items


class ItemsAloneWithTitles(WithTitles):
    """Both: an item is an MLP of its title and a small embedding, a user the mean of the history."""

    def __init__(self, model: Idea, graph: BipartiteGraph, generator: torch.Generator) -> None:
        super().__init__(model, graph, generator)
        self.users = None

    def layer_zero(self) -> tuple[torch.Tensor, torch.Tensor]:
        items = self.projection(self.titles) + self.items
        return self.graph.history_mean(items), items


class FromSpectrum(EmbeddingLearner):
    """Embeddings start from the leading singular vectors of the normalised interactions, not from noise."""

    def __init__(self, model: Idea, graph: BipartiteGraph, generator: torch.Generator) -> None:
        super().__init__(model, graph, generator)
        values = np.repeat(graph.user_scale, np.diff(graph.indptr)) * graph.item_scale[graph.indices]
        shape = graph.n_users, graph.n_items
        pattern = sparse.csr_array((values, graph.indices, graph.indptr), shape=shape)
        noise = np.random.default_rng(model.seed).standard_normal(min(shape)).astype(np.float32)
        left, sizes, right = sparse.linalg.svds(pattern, k=model.dim, v0=noise)
        with torch.no_grad():
            for weights, vectors in ((self.users, left), (self.items, right.T)):
                rows = torch.from_numpy(np.ascontiguousarray(vectors * np.sqrt(sizes), dtype=np.float32))
                weights.copy_(rows * (weights.norm(dim=1).mean() / rows.norm(dim=1).mean()))


class LightMissed(Idea):
    """LightGCN learns what the ridge misses."""

    def _validator(self, graph: BipartiteGraph, valid: Dataset) -> Any:
        return offset_validator(self, graph, valid)


class Missed(EmbeddingLearner):
    """The ridge's scores enter the softmax as offsets."""

    def __init__(self, model: Idea, graph: BipartiteGraph, generator: torch.Generator) -> None:
        super().__init__(model, graph, generator)
        self.offsets, self.share = model.given.scores, model.share

    def ranking_loss(self, users: torch.Tensor, items: torch.Tensor, batch: Any) -> torch.Tensor:
        return offset_softmax(users, items, batch, self.tau, self.offsets, self.share)


class AlphaMissed(gl.AlphaRec):
    """AlphaRec learns what the ridge misses."""

    given: Given
    share = 1.0

    def _over(self, towers: Any, titles: torch.Tensor, graph: BipartiteGraph) -> Any:
        learner, users = super()._over(towers, titles, graph), []
        ranked, model = learner.loss, self

        def loss(batch: Any) -> torch.Tensor:
            users[:] = [batch]
            return ranked(batch)

        def ranking(own: torch.Tensor, items: torch.Tensor, _: Any) -> torch.Tensor:
            return offset_softmax(own, items, users[0], model.tau, model.given.scores, model.share)

        learner.loss, learner.ranking = loss, ranking
        return learner

    def _validator(self, graph: BipartiteGraph, valid: Dataset) -> Any:
        return offset_validator(self, graph, valid)


def offset_softmax(
    users: torch.Tensor, items: torch.Tensor, batch: Any, tau: float, offsets: NDArray[Any], share: float
) -> torch.Tensor:
    """InfoNCE against shared negatives, on cosine / tau + share · offset; row r of `users` is pair r's."""
    own, others = functional.normalize(users), functional.normalize(items)
    positives, negatives = (torch.from_numpy(codes).long() for codes in (batch.positives, batch.negatives))
    rows = torch.from_numpy(offsets[batch.users[:, None], batch.negatives[None]].astype(np.float32))
    target = torch.from_numpy(offsets[batch.users, batch.positives].astype(np.float32))
    logits = own @ functional.embedding(negatives, others).T / tau + share * rows
    seen = batch.local().seen
    hidden = np.zeros((len(own), items.shape[0]), dtype=bool)
    hidden[np.repeat(np.arange(len(own)), np.diff(seen[0])), seen[1]] = True
    logits = logits.masked_fill(torch.from_numpy(hidden[:, batch.negatives]), -torch.inf)
    scores = (own * functional.embedding(positives, others)).sum(1) / tau + share * target
    return (torch.logsumexp(torch.cat([scores[:, None], logits], dim=1), dim=1) - scores).mean()


def offset_validator(model: Any, graph: BipartiteGraph, valid: Dataset) -> Any:
    """NDCG@20 of cosine / tau + share · offset."""
    people = validating(valid, 5000, model.seed)
    hidden = gl.kernels.take_rows(graph.indptr, graph.indices, people)
    relevant = gl.kernels.take_rows(valid.indptr, valid.indices, people)

    def ndcg(learner: Any) -> float:
        users, items = model._final(learner)

        def score(start: int, stop: int) -> Float32:
            some = people[start:stop]
            added = model.share * model.given.scores[some].astype(np.float32)
            return np.asarray(users[some] @ items.T / np.float32(model.tau) + added, dtype=np.float32)

        top = topk_blocks(score, len(people), graph.n_items, 20, seen=hidden)[0]
        return float(ranking_metrics(top, *relevant, k=20, metrics=("ndcg",))["ndcg@20"].mean())

    return ndcg
