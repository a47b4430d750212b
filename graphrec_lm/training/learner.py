"""What a trained model gives to the loop: parameters, representations, a loss."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import torch

from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.training.batches import Batch


class Learner(torch.nn.Module):
    """The differentiable part of a model; the loop knows nothing else of it."""

    graph: BipartiteGraph  # within `on` its DeviceGraph stands in for it

    @abstractmethod
    def represent(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Representations of all users and items, float32 [n_users, dim], [n_items, dim]."""

    @abstractmethod
    def loss(self, batch: Batch) -> torch.Tensor:
        """The scalar loss of a batch."""

    @contextmanager
    def on(self, device: torch.device | None) -> Iterator[None]:
        """Within it parameters, buffers and graph lie on `device`; None changes nothing.

        The learner must then take batches of tensors, and a `DeviceGraph` in the place of its graph.
        """
        if device is None:
            yield
            return
        home = self.graph
        self.to(device)
        self.graph = cast(BipartiteGraph, home.on(device))
        try:
            yield
        finally:
            self.to("cpu")
            self.graph = home
