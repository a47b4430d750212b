"""The two ways in which RLMRec lets text vectors shape ID embeddings, on the nodes of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.models.embeddings import EmbeddingLearner, normal_rows
from graphrec_lm.models.node_texts import NodeTexts
from graphrec_lm.models.projection import Projection
from graphrec_lm.models.trained import seeded
from graphrec_lm.training import Batch
from graphrec_lm.training.losses import contrast

if TYPE_CHECKING:
    from graphrec_lm.models.rlmrec import RLMRec

Codes = NDArray[np.int32]

_MASK_STREAM = 0x6D61736B  # sets the masks apart from other draws of the same (seed, step)


class AlignedLearner(EmbeddingLearner):
    """What both have in common.

    Parameters
    ----------
    model : RLMRec
    graph : BipartiteGraph
    texts : NodeTexts
    """

    def __init__(self, model: RLMRec, graph: BipartiteGraph, texts: NodeTexts) -> None:
        generator = seeded(model.seed)
        super().__init__(model, graph, generator)
        self.generator, self.texts, self.seed = generator, texts, model.seed
        self.alignment_weight, self.alignment_tau = model.alignment_weight, model.alignment_tau

    def mlp_between(self, width: int, hidden: int | None, dim: int) -> Projection:
        """Linear - LeakyReLU - Linear; the inner layer is (width + dim) / 2 wide unless told."""
        return Projection("mlp", width, hidden or (width + dim) // 2, dim, self.generator)


class ContrastiveLearner(AlignedLearner):
    """RLMRec-Con: a node's propagated row must find its text, among the texts of the batch.

    With s = cosine(e_i, MLP(t_j)) / τ the loss of a node is ``-s_ii + logsumexp_j(s_ij)``, averaged over the
    users of the batch, and over its items; the two averages are added.
    """

    def __init__(self, model: RLMRec, graph: BipartiteGraph, texts: NodeTexts) -> None:
        super().__init__(model, graph, texts)
        self.mlp = self.mlp_between(texts.items.shape[1], model.hidden, model.dim)

    def loss(self, batch: Batch) -> torch.Tensor:
        rows = self.graph.propagate_batch(*self.layer_zero(), self.layers, batch.users)
        return self.ranking_loss(*rows, batch) + self.alignment_weight * self.alignment(*rows, batch)

    def alignment(self, users: torch.Tensor, items: torch.Tensor, batch: Batch) -> torch.Tensor:
        """The alignment loss, from the rows of the batch's users and of all items."""
        codes, places = batch_users(batch)
        touched = batch_items(batch)
        user_texts, item_texts = self.mlp(self.texts.of_users(codes)), self.mlp(self.texts.of_items(touched))
        of_users = contrast(_rows(users, places), user_texts, self.alignment_tau)
        return of_users + contrast(_rows(items, touched), item_texts, self.alignment_tau)


class GenerativeLearner(AlignedLearner):
    """RLMRec-Gen: masked nodes must tell their text from what propagation brings them.

    In every step a fraction of all nodes starts from one learned token instead of its embedding. The ranking
    loss sees what comes out; and with s = cosine(MLP(ê_i), t_j) / τ the loss of a masked node of the batch is
    ``-s_ii + logsumexp_j(s_ij)`` over those nodes, users and items together.
    """

    def __init__(self, model: RLMRec, graph: BipartiteGraph, texts: NodeTexts) -> None:
        super().__init__(model, graph, texts)
        self.mask_rate = model.mask_rate
        self.token = normal_rows(1, model.dim, self.generator)
        self.mlp = self.mlp_between(model.dim, model.hidden, texts.items.shape[1])

    def loss(self, batch: Batch) -> torch.Tensor:
        masked = self.masked(batch.step)
        start = [
            torch.where(torch.from_numpy(mask)[:, None], self.token, table)
            for mask, table in zip(masked, self.layer_zero(), strict=True)
        ]
        rows = self.graph.propagate_batch(start[0], start[1], self.layers, batch.users)
        ranking = self.ranking_loss(*rows, batch)
        return ranking + self.alignment_weight * self.reconstruction(*rows, batch, masked)

    def masked(self, step: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which users and items are masked in this step: the rate holds exactly, one node at least."""
        count = self.graph.n_users + self.graph.n_items
        mask, draw = np.zeros(count, dtype=bool), np.random.default_rng((_MASK_STREAM, self.seed, step))
        mask[draw.choice(count, max(1, int(count * self.mask_rate)), replace=False, shuffle=False)] = True
        return mask[: self.graph.n_users], mask[self.graph.n_users :]

    def reconstruction(
        self,
        users: torch.Tensor,
        items: torch.Tensor,
        batch: Batch,
        masked: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    ) -> torch.Tensor:
        """The reconstruction loss, from the rows of the batch's users and of all items."""
        codes, places = batch_users(batch)
        hidden, touched = masked[0][codes], batch_items(batch)
        touched = touched[masked[1][touched]]
        targets = torch.cat([self.texts.of_users(codes[hidden]), self.texts.of_items(touched)])
        if not len(targets):
            return torch.zeros(())
        found = self.mlp(torch.cat([_rows(users, places[hidden]), _rows(items, touched)]))
        return contrast(found, targets, self.alignment_tau)


def batch_users(batch: Batch) -> tuple[Codes, Codes]:
    """The distinct users of a batch, and the place of each in it."""
    codes, places = np.unique(batch.users, return_index=True)
    return codes, places.astype(np.int32)


def batch_items(batch: Batch) -> Codes:
    """The distinct items of a batch: its positives, and of the negatives as many.

    Of negatives of their own, each pair gives its first.

    >>> batch = Batch(np.zeros(2, np.int32), np.array([7, 7], np.int32), np.array([3, 4, 5], np.int32))
    >>> batch_items(batch)
    array([3, 4, 7], dtype=int32)
    """
    others = batch.negatives[:, 0] if batch.negatives.ndim == 2 else batch.negatives[: len(batch.users)]
    return np.unique(np.concatenate([batch.positives, others]))


def _rows(table: torch.Tensor, codes: Codes) -> torch.Tensor:
    return functional.embedding(torch.from_numpy(codes), table)
