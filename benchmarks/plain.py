"""AlphaRec and LightGCN as they are usually written: plain torch, a square COO adjacency, gathers.

The published equations, straightforwardly: what `benchmarks/training.py` compares with, and whose
loss and gradients it must reproduce.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.training import Batch


def adjacency(graph: BipartiteGraph) -> torch.Tensor:
    """The symmetrically normalised square adjacency of users and items, sparse COO."""
    rows = np.repeat(np.arange(graph.n_users), np.diff(graph.indptr))
    columns = graph.indices.astype(np.int64) + graph.n_users
    values = graph.user_scale[rows] * graph.item_scale[graph.indices]
    codes = np.stack([np.concatenate([rows, columns]), np.concatenate([columns, rows])])
    n = graph.n_users + graph.n_items
    both = torch.from_numpy(np.concatenate([values, values]))
    return torch.sparse_coo_tensor(torch.from_numpy(codes), both, (n, n)).coalesce()


class Plain(torch.nn.Module):
    """What both models share: layer zero of everyone, propagation, mean over layers."""

    def __init__(self, graph: BipartiteGraph, layers: int) -> None:
        super().__init__()
        self.adjacency, self.n_users, self.layers = adjacency(graph), graph.n_users, layers

    def layer_zero(self) -> torch.Tensor:
        """Users and items, stacked."""
        raise NotImplementedError

    def represent(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Final representations of users and items."""
        hops = [self.layer_zero()]
        for _ in range(self.layers):
            hops.append(torch.sparse.mm(self.adjacency, hops[-1]))
        mean = torch.stack(hops, dim=1).mean(dim=1)
        return mean[: self.n_users], mean[self.n_users :]


class PlainAlphaRec(Plain):
    """InfoNCE on the projected titles (`hidden` None: linearly); every user's mean title is stored."""

    def __init__(
        self, graph: BipartiteGraph, titles: torch.Tensor, hidden: int | None, dim: int, layers: int
    ) -> None:
        super().__init__(graph, layers)
        degrees = torch.from_numpy(np.maximum(np.diff(graph.indptr), 1)).float()
        pattern = torch.tensor(graph.indptr), torch.from_numpy(graph.indices.astype(np.int64))
        shape = graph.n_users, graph.n_items
        interactions = torch.sparse_csr_tensor(*pattern, torch.ones(graph.n_edges), shape)
        self.vectors = torch.cat([(interactions @ titles) / degrees[:, None], titles])
        width = titles.shape[1]
        if hidden is None:
            self.mlp = torch.nn.Sequential(torch.nn.Linear(width, dim, bias=False))
            return
        layers_ = torch.nn.Linear(width, hidden), torch.nn.LeakyReLU(), torch.nn.Linear(hidden, dim)
        self.mlp = torch.nn.Sequential(*layers_)

    def layer_zero(self) -> torch.Tensor:
        """All LM vectors through the MLP."""
        out: torch.Tensor = self.mlp(self.vectors)
        return out

    def loss(self, batch: Batch, tau: float) -> torch.Tensor:
        """Gather [batch, 1 + negatives, dim], take cosines, cross entropy with the positive first."""
        users, items = (functional.normalize(rows, dim=1) for rows in self.represent())
        candidates = torch.from_numpy(np.concatenate([batch.positives[:, None], batch.negatives], axis=1))
        own = users[torch.from_numpy(batch.users).long()]
        logits = torch.einsum("bd,bnd->bn", own, items[candidates.long()]) / tau
        return functional.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long))


class PlainLightGCN(Plain):
    """BPR on ID embeddings, with the L2 penalty on those of the batch."""

    def __init__(self, graph: BipartiteGraph, dim: int, layers: int) -> None:
        super().__init__(graph, layers)
        self.embedding = torch.nn.Parameter(torch.randn(graph.n_users + graph.n_items, dim) * 0.1)

    def layer_zero(self) -> torch.Tensor:
        """The embeddings."""
        return self.embedding

    def loss(self, batch: Batch, regularization: float) -> torch.Tensor:
        """-log σ(s_ui - s_uj) and the penalty."""
        codes = [torch.from_numpy(part).long().reshape(-1) for part in (batch.positives, batch.negatives)]
        rows = torch.from_numpy(batch.users).long()
        users, items = self.represent()
        own, positive, negative = users[rows], items[codes[0]], items[codes[1]]
        pairwise = functional.softplus((own * negative).sum(1) - (own * positive).sum(1)).mean()
        zero = [self.embedding[rows], *(self.embedding[self.n_users + part] for part in codes)]
        penalty = sum(part.square().sum() for part in zero) / (2 * len(rows))
        return pairwise + regularization * penalty
