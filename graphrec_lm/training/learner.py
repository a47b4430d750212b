"""What a trained model gives to the loop: parameters, representations, a loss."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from graphrec_lm.graph import BipartiteGraph


class Learner(torch.nn.Module):
    """The differentiable part of a model; the loop knows nothing else of it."""

    graph: BipartiteGraph  # within `on` its DeviceGraph stands in for it

    @abstractmethod
    def represent(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Representations of all users and items, float32 [n_users, dim], [n_items, dim]."""

    @abstractmethod
    def loss(self, batch: Any) -> torch.Tensor:
        """The scalar loss of a batch of the sampler's."""

    @contextmanager
    def on(self, device: torch.device | None) -> Iterator[None]:
        """Within it parameters, buffers and graphs lie on `device`; None changes nothing.

        The learner must then take batches of tensors, and a `DeviceGraph` in the place of its graph and of
        its submodules'.
        """
        if device is None:
            yield
            return
        parts: list[Any] = [part for part in self.modules() if hasattr(part, "graph")]
        homes: list[BipartiteGraph] = [part.graph for part in parts]
        self.to(device)
        for part, home in zip(parts, homes, strict=True):
            part.graph = home.on(device)
        try:
            yield
        finally:
            self.to("cpu")
            for part, home in zip(parts, homes, strict=True):
                part.graph = home
