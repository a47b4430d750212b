"""Hooks into the training loop, and the state they see."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import torch

from graphrec_lm.training.learner import Learner

EpochRecord = dict[str, float]


@dataclass
class TrainingState:
    """A training run at an epoch boundary: all that is needed to go on from here.

    Attributes
    ----------
    learner : Learner
    optimizer : torch.optim.Optimizer
    run_id : str
        Fingerprint of the model's parameters and data; a checkpoint of another run is refused.
    history : list of dict
        One record an epoch: `epoch`, `seconds`, `loss`, and the validation metric where measured.
    best : dict of tensors
        Weights at the best validation so far; empty before the first.
    best_epoch : int
    stop : bool
        A callback may set it: training ends after this epoch.
    """

    learner: Learner
    optimizer: torch.optim.Optimizer
    run_id: str
    history: list[EpochRecord] = field(default_factory=list)
    best: dict[str, torch.Tensor] = field(default_factory=dict)
    best_epoch: int = 0
    stop: bool = False

    @property
    def epoch(self) -> int:
        """Number of epochs done."""
        return len(self.history)


class Callback:
    """Base of callbacks: override what you need.

    They run by ascending `order`, equal ones in the order given to `fit`.

    Examples
    --------
    >>> class StopEarly(Callback):
    ...     def on_epoch_end(self, state: TrainingState) -> None:
    ...         state.stop = state.epoch >= 3
    """

    order: ClassVar[int] = 0

    def on_fit_start(self, state: TrainingState) -> None:
        """Called once, before the first epoch; may restore an earlier state."""

    def on_epoch_end(self, state: TrainingState) -> None:
        """Called after each epoch and its validation."""

    def on_fit_end(self, state: TrainingState) -> None:
        """Called once, after the last epoch; the best weights return to the learner next."""
