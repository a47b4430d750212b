"""What a trained model gives to the loop: parameters, representations, a loss."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch


class Learner(torch.nn.Module):
    """The differentiable part of a model; the loop knows nothing else of it."""

    @abstractmethod
    def represent(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Representations of all users and items, float32 [n_users, dim], [n_items, dim]."""

    @abstractmethod
    def loss(self, batch: Any) -> torch.Tensor:
        """The scalar loss of a batch of the sampler's."""
