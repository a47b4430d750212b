"""The equations of graph models in plain torch on dense matrices, for comparison with the learners."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.training import Batch


def dense(graph: BipartiteGraph) -> torch.Tensor:
    """R, 0/1 [n_users, n_items]."""
    out = torch.zeros(graph.n_users, graph.n_items)
    out[np.repeat(np.arange(graph.n_users), np.diff(graph.indptr)), graph.indices.copy()] = 1
    return out


def history_means(graph: BipartiteGraph, vectors: torch.Tensor) -> torch.Tensor:
    pattern = dense(graph)
    return pattern / pattern.sum(1, keepdim=True).clamp(min=1) @ vectors


def propagated(graph: BipartiteGraph, users: torch.Tensor, items: torch.Tensor, layers: int):
    """The mean over hops of the normalised adjacency, built whole."""
    pattern = dense(graph)
    scaled = pattern / (pattern.sum(1, keepdim=True) * pattern.sum(0)).clamp(min=1).sqrt()
    hops = [(users, items)]
    for _ in range(layers):
        hops.append((scaled @ hops[-1][1], scaled.T @ hops[-1][0]))
    return (torch.stack(rows).mean(0) for rows in zip(*hops, strict=True))


def infonce(users: torch.Tensor, items: torch.Tensor, batch: Batch, graph: BipartiteGraph, tau: float):
    """Of each pair: its positive, then the negatives; shared ones hide the user's own items."""
    cosines = functional.normalize(users, dim=1) @ functional.normalize(items, dim=1).T / tau
    rows, positives = cosines[batch.users], torch.from_numpy(batch.positives)[:, None].long()
    if batch.seen is None:
        others = rows.gather(1, torch.from_numpy(batch.negatives).long())
    else:
        hidden = dense(graph)[batch.users][:, batch.negatives] > 0
        others = rows[:, batch.negatives].masked_fill(hidden, -torch.inf)
    logits = torch.cat([rows.gather(1, positives), others], 1)
    return functional.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long))


def bpr(users: torch.Tensor, items: torch.Tensor, batch: Batch) -> torch.Tensor:
    own, positive, negative = users[batch.users], items[batch.positives], items[batch.negatives[:, 0]]
    return functional.softplus((own * (negative - positive)).sum(1)).mean()


def squares(users: torch.Tensor, items: torch.Tensor, batch: Batch) -> torch.Tensor:
    parts = users[batch.users], items[batch.positives], items[batch.negatives[:, 0]]
    return sum(rows.square().sum() for rows in parts) / (2 * len(batch.users))


def in_batch(rows: torch.Tensor, candidates: torch.Tensor, tau: float) -> torch.Tensor:
    logits = functional.normalize(rows, dim=1) @ functional.normalize(candidates, dim=1).T / tau
    return functional.cross_entropy(logits, torch.arange(len(rows)))


def gradients(learner: torch.nn.Module, loss: torch.Tensor) -> list[torch.Tensor]:
    """The loss, and its gradient for every parameter (zeros where it has none)."""
    found = torch.autograd.grad(loss, list(learner.parameters()), allow_unused=True)
    given = zip(found, learner.parameters(), strict=True)
    return [loss.detach()] + [torch.zeros_like(p) if g is None else g for g, p in given]


def assert_close(found: list[torch.Tensor], expected: list[torch.Tensor]) -> None:
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=2e-6)
