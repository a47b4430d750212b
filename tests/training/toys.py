"""A learner small enough to know by heart, and runs of the loop on it."""

from __future__ import annotations

from typing import Any

import torch

from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.training import Batch, BatchSampler, Learner, TrainingOptions, train
from graphrec_lm.training.losses import bpr
from tests.support import random_csr

GRAPH = BipartiteGraph(*random_csr(12, 9, 0.3, seed=0))


class ToyLearner(Learner):
    """Embeddings trained by BPR; remembers the batches it saw."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.users = torch.nn.Parameter(torch.randn(GRAPH.n_users, 4, generator=generator))
        self.items = torch.nn.Parameter(torch.randn(GRAPH.n_items, 4, generator=generator))
        self.batches: list[Batch] = []

    def represent(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.users, self.items

    def loss(self, batch: Batch) -> torch.Tensor:
        self.batches.append(batch)
        return bpr(self.users, self.items, batch)


class Scripted:
    """A validation that gives the scripted values one by one and keeps the weights it saw."""

    def __init__(self, *values: float) -> None:
        self.values, self.seen = list(values), []

    def __call__(self, learner: Learner) -> float:
        self.seen.append(weights(learner))
        return self.values[len(self.seen) - 1]


def weights(learner: Learner) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in learner.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Equal bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def options(**changes: Any) -> TrainingOptions:
    usual = dict(epochs=4, batch_size=8, learning_rate=0.05, valid_every=1, patience=100)
    return TrainingOptions(**{**usual, **changes})


def run(learner: Learner | None = None, *, seed: int = 0, **arguments: Any) -> tuple[Learner, list]:
    """Train a toy; keywords of `options` and of `train` in one."""
    settings = {name: arguments.pop(name) for name in TrainingOptions.__annotations__ if name in arguments}
    learner = learner or ToyLearner()
    sampler = BatchSampler(GRAPH, "interaction", negatives=1, shared=False, seed=seed)
    return learner, train(learner, sampler, options(**settings), verbose=False, **arguments)
