"""The training loop of every trained model."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

from graphrec_lm.errors import InputError, check_number
from graphrec_lm.kernels import recycling
from graphrec_lm.progress import Progress
from graphrec_lm.training.batches import Sampler
from graphrec_lm.training.callbacks import Callback, EpochRecord, TrainingState
from graphrec_lm.training.learner import Learner

VALID_METRIC = "valid_ndcg@20"


@dataclass(frozen=True)
class TrainingOptions:
    """How long and how fast to train.

    Parameters
    ----------
    epochs : int
        At most; an epoch is as many draws as the sampler is long: one for each interaction, or for each user.
    batch_size : int or "auto"
        Draws a step. A step of a graph model costs all interactions whatever the batch, so an epoch
        at a fixed size is quadratic in them; "auto" is the power of two that makes about 80 steps an
        epoch (at least 256).
    learning_rate : float
        Of Adam.
    valid_every : int
        Epochs between two validations.
    patience : int
        Validations without improvement after which training stops.
    """

    epochs: int
    batch_size: int | str
    learning_rate: float
    valid_every: int
    patience: int

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "valid_every", "patience"):
            if (name, getattr(self, name)) != ("batch_size", "auto"):
                check_number(name, getattr(self, name), least=1, integer=True)
        check_number("learning_rate", self.learning_rate, above=0)

    def pairs(self, n_edges: int) -> int:
        """Draws a step where `n_edges` make an epoch.

        >>> TrainingOptions(1, "auto", 1e-3, 1, 1).pairs(323_000)
        4096
        """
        if not isinstance(self.batch_size, str):
            return min(self.batch_size, n_edges)
        return min(max(256, 2 ** round(math.log2(max(1, n_edges) / 80))), n_edges)

    def steps(self, n_edges: int) -> int:
        """Steps an epoch where `n_edges` draws make one.

        >>> TrainingOptions(1, 500, 1e-3, 1, 1).steps(610)
        2
        """
        return max(1, math.ceil(n_edges / max(1, self.pairs(n_edges))))


def train(
    learner: Learner,
    sampler: Sampler,
    options: TrainingOptions,
    *,
    validate: Callable[[Learner], float] | None = None,
    callbacks: Iterable[Callback] = (),
    run_id: str = "",
    label: str = "training",
    verbose: bool = True,
) -> list[EpochRecord]:
    """Train `learner` in place and leave it with its best weights.

    With `validate`, the best weights are those of the highest value, and training stops after
    `patience` validations without a new one; without it, those of the last epoch.

    Parameters
    ----------
    learner : Learner
    sampler : Sampler
    options : TrainingOptions
    validate : callable (learner) -> float, optional
        Higher is better.
    callbacks : iterable of Callback
    run_id : str
        Fingerprint of parameters and data, for checkpoints.
    label : str
        Of the progress bar.
    verbose : bool

    Returns
    -------
    list of dict
        The history: one record an epoch.

    Raises
    ------
    InputError
        If the loss becomes NaN or infinite.
    """
    optimizer = torch.optim.Adam(learner.parameters(), lr=options.learning_rate, fused=True)
    state, callbacks = TrainingState(learner, optimizer, run_id), sorted(callbacks, key=lambda c: c.order)
    for callback in callbacks:
        callback.on_fit_start(state)
    with recycling(), Progress(options.epochs, label, "epochs", enabled=verbose) as bar:
        bar.advance(state.epoch)
        while not _finished(state, options):
            state.history.append(_epoch(state, sampler, options))
            if validate is not None and _validation_is_due(state, options):
                _validate(state, validate)
            for callback in callbacks:
                callback.on_epoch_end(state)
            bar.advance(1, **_shown(state.history))
    for callback in callbacks:
        callback.on_fit_end(state)
    if state.best:
        learner.load_state_dict(state.best)
    return state.history


def _epoch(state: TrainingState, sampler: Sampler, options: TrainingOptions) -> EpochRecord:
    started = time.perf_counter()
    size = options.pairs(len(sampler))
    steps = options.steps(len(sampler))
    losses = []  # the host waits for a device at the end, not in every step
    for step in range(state.epoch * steps, (state.epoch + 1) * steps):
        loss = state.learner.loss(sampler.draw(step, size))
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        state.optimizer.step()
        losses.append(loss.detach())
    total = sum(loss.item() for loss in losses)
    if not math.isfinite(total):
        remedy = "Lower `learning_rate` or raise `tau`."
        raise InputError("the loss must stay finite", f"{total} in epoch {state.epoch + 1}", remedy)
    before = state.history[-1]["seconds"] if state.history else 0.0
    seconds = before + time.perf_counter() - started
    return {"epoch": state.epoch + 1, "seconds": seconds, "loss": total / steps}


def _validation_is_due(state: TrainingState, options: TrainingOptions) -> bool:
    return state.epoch % options.valid_every == 0 or state.epoch == options.epochs


def _validate(state: TrainingState, validate: Callable[[Learner], float]) -> None:
    started, record = time.perf_counter(), state.history[-1]
    with torch.no_grad():
        value = validate(state.learner)
    record[VALID_METRIC] = value
    record["seconds"] += time.perf_counter() - started
    best = state.history[state.best_epoch - 1][VALID_METRIC] if state.best else -math.inf
    if value > best:
        state.best = {name: tensor.clone() for name, tensor in state.learner.state_dict().items()}
        state.best_epoch = state.epoch


def _finished(state: TrainingState, options: TrainingOptions) -> bool:
    """All epochs done, stopped by a callback, or too many validations since the best."""
    since_best = sum(VALID_METRIC in record for record in state.history[state.best_epoch :])
    return state.stop or state.epoch >= options.epochs or since_best >= options.patience


def _shown(history: list[EpochRecord]) -> dict[str, float]:
    """The last loss and the last validation, for the progress bar."""
    values = {"loss": history[-1]["loss"]}
    for record in reversed(history):
        if VALID_METRIC in record:
            return values | {VALID_METRIC: record[VALID_METRIC]}
    return values
