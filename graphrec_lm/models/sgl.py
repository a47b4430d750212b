"""SGL: LightGCN, and a node's two views in randomly thinned graphs drawn together."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn.functional import embedding

from graphrec_lm.errors import check_number
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.models.embeddings import EmbeddingLearner, IdRecommender
from graphrec_lm.models.trained import seeded
from graphrec_lm.training import Batch
from graphrec_lm.training.losses import contrast


class SGL(IdRecommender):
    """Self-supervised graph learning by edge dropout, SGL-ED (Wu et al., SIGIR 2021, arXiv 2010.10783).

    Beside LightGCN's loss on the whole graph, every user and every positive item of a batch is seen in two
    graphs that lack each edge with probability `drop` (eq. 5); InfoNCE makes the two views agree
    and those of different nodes disagree, users among users and items among items (eq. 10):

        loss = BPR or InfoNCE + `contrast` · (InfoNCE of users + InfoNCE of items)        (eq. 11)

    A view drops an edge in both directions and has its own degrees. Views are a function of (seed, epoch):
    redrawn every epoch, as by the authors, who keep an exact share of the edges where ours are independent
    draws. Nothing is dropped when it recommends.

    Negatives of the contrast are the other nodes of the batch, each once. The paper's sum, and the authors'
    code, go over all nodes, which costs a product of the batch with everybody each step; nodes come into a
    batch in proportion to their interactions, so here popular ones are pushed apart more.

    `recommend(history=...)` is as approximate as LightGCN's.

    Parameters
    ----------
    layers : int
    dim : int
    drop : float
        Share of the edges that a view lacks, 0 to 1.
    contrast : float
        >= 0, weight of the contrastive loss, λ₁; 0 is LightGCN.
    contrast_tau : float
        Its temperature.
    loss : {"bpr", "infonce"}
        Of the recommendation: BPR as published, or InfoNCE.
    tau : float
        Temperature of InfoNCE.
    regularization : float
        L2 penalty of BPR on the embeddings of each batch.
    negatives : int, optional
        None: 1 for BPR, 256 for InfoNCE.
    share_negatives, negative_power, sampling, epochs, batch_size
    learning_rate, valid_every, patience, seed, device, verbose
        As for `AlphaRec`.

    Examples
    --------
    >>> import graphrec_lm as gl
    >>> train, valid, test = gl.load_dataset("movielens-small").split("from_column")
    >>> model = SGL(drop=0.2, epochs=1, verbose=False).fit(train, valid=valid)
    >>> model.user_vectors_.shape
    (610, 64)
    """

    def __init__(
        self,
        layers: int = 3,
        dim: int = 64,
        drop: float = 0.1,
        contrast: float = 0.2,
        contrast_tau: float = 0.15,
        loss: str = "bpr",
        tau: float = 0.15,
        regularization: float = 1e-4,
        negatives: int | None = None,
        share_negatives: bool = False,
        negative_power: float = 0.0,
        sampling: str = "interaction",
        epochs: int = 1000,
        batch_size: int | str = 2048,
        learning_rate: float = 1e-3,
        valid_every: int = 5,
        patience: int = 20,
        seed: int = 0,
        device: str = "auto",
        verbose: bool = True,
    ) -> None:
        self.layers, self.dim, self.loss, self.tau = layers, dim, loss, tau
        self.drop, self.contrast, self.contrast_tau = drop, contrast, contrast_tau
        self.regularization, self.negatives, self.share_negatives = regularization, negatives, share_negatives
        self.negative_power, self.sampling = negative_power, sampling
        self.epochs, self.batch_size = epochs, batch_size
        self.learning_rate, self.valid_every, self.patience = learning_rate, valid_every, patience
        self.seed, self.device, self.verbose = seed, device, verbose

    def _embeddings(self, graph: BipartiteGraph) -> EmbeddingLearner:
        check_number("drop", self.drop, least=0, most=1)
        check_number("contrast", self.contrast, least=0)
        check_number("contrast_tau", self.contrast_tau, above=0)
        return _TwoViews(self, graph)


class _TwoViews(EmbeddingLearner):
    def __init__(self, model: SGL, graph: BipartiteGraph) -> None:
        super().__init__(model, graph, seeded(model.seed))
        self.drop, self.seed = model.drop, model.seed
        self.weight, self.contrast_tau = model.contrast, model.contrast_tau
        self._views: tuple[int, list[BipartiteGraph]] = -1, []

    def loss(self, batch: Batch) -> torch.Tensor:
        loss = super().loss(batch)
        if not self.weight:
            return loss
        users, items = np.unique(batch.users), torch.from_numpy(np.unique(batch.positives))
        one, other = (
            view.propagate_batch(self.users, self.items, self.layers, users) for view in self.views(batch)
        )
        of_users = contrast(one[0], other[0], self.contrast_tau)
        of_items = contrast(embedding(items, one[1]), embedding(items, other[1]), self.contrast_tau)
        return loss + self.weight * (of_users + of_items)

    def views(self, batch: Batch) -> list[BipartiteGraph]:
        """The two graphs of the batch's epoch, kept until the next."""
        epoch = batch.step // math.ceil(self.graph.n_edges / len(batch.users))
        if epoch != self._views[0]:
            drawn = (np.random.default_rng((self.seed, epoch, view)) for view in (0, 1))
            self._views = epoch, [thinned(self.graph, self.drop, generator) for generator in drawn]
        return self._views[1]


def thinned(graph: BipartiteGraph, drop: float, generator: np.random.Generator) -> BipartiteGraph:
    """The graph without a random share `drop` of its edges, degrees counted anew.

    >>> graph = BipartiteGraph(np.array([0, 2, 3]), np.array([0, 1, 1]), n_items=2)
    >>> thinned(graph, 1.0, np.random.default_rng(0)).n_edges
    0
    """
    kept = generator.random(graph.n_edges, dtype=np.float32) >= drop
    before = np.concatenate([[0], np.cumsum(kept)])
    return BipartiteGraph(before[graph.indptr], graph.indices[kept], graph.n_items)
