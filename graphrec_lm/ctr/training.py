"""Mini-batches over rows, validated several times an epoch: click models peak within a few epochs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from graphrec_lm.ctr.features import Rows
from graphrec_lm.ctr.layers import Batch, Front
from graphrec_lm.errors import InputError, check_number
from graphrec_lm.metrics import log_loss
from graphrec_lm.products import fast_products
from graphrec_lm.progress import Progress
from graphrec_lm.training import EpochRecord
from graphrec_lm.training.field_rows import recycling

VALID_METRIC = "valid_log_loss"
BLOCK = 16384


@dataclass(frozen=True)
class RowOptions:
    """How long and how fast to train.

    Parameters
    ----------
    epochs : int
        At most.
    batch_size : int
    learning_rate : float
        Of Adam.
    l2 : float
        Weight of the mean squared length of the batch's field vectors (embeddings that are not met don't
        shrink).
    evaluations : int
        Validations an epoch.
    patience : int
        Validations without a lower LogLoss after which training stops.
    seed : int
    """

    epochs: int
    batch_size: int
    learning_rate: float
    l2: float
    evaluations: int
    patience: int
    seed: int

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "evaluations", "patience"):
            check_number(name, getattr(self, name), least=1, integer=True)
        check_number("seed", self.seed, least=0, most=2**63 - 1, integer=True)
        check_number("learning_rate", self.learning_rate, above=0)
        check_number("l2", self.l2, least=0)


class ClickNetwork(nn.Module):
    """A front and what a model makes of its `Inputs`."""

    def __init__(self, front: Front, head: nn.Module, generator: torch.Generator) -> None:
        super().__init__()
        self.front, self.head, self.generator = front, head, generator

    def forward(self, batch: Batch) -> Tensor:
        """Logits [B]."""
        logits: Tensor = self.head(self.front(batch))
        return logits

    def loss(self, batch: Batch, labels: Tensor, l2: float) -> Tensor:
        """Binary cross-entropy and the embeddings' penalty."""
        inputs = self.front(batch)
        loss = functional.binary_cross_entropy_with_logits(self.head(inputs), labels)
        if not l2:
            return loss
        flat = inputs.fields.flatten()
        return loss + l2 / len(labels) * torch.dot(flat, flat)


class RowTensors:
    """Rows as tensors that give batches without copying what the rows share."""

    def __init__(self, rows: Rows) -> None:
        self.codes, self.dense = torch.from_numpy(rows.codes), torch.from_numpy(rows.dense)
        self.blocks = [(torch.from_numpy(v), torch.from_numpy(index)) for v, index in rows.blocks]

    def batch(self, at: Tensor | slice) -> Batch:
        """The rows of these places."""
        return Batch(self.codes[at], self.dense[at], [vectors[index[at]] for vectors, index in self.blocks])

    def __len__(self) -> int:
        return len(self.codes)


@fast_products()
def train_rows(
    network: ClickNetwork,
    rows: Rows,
    labels: NDArray[np.float32],
    options: RowOptions,
    *,
    valid: tuple[Rows, NDArray[np.float32]] | None = None,
    label: str = "training",
    verbose: bool = True,
) -> list[EpochRecord]:
    """Train in place; leave the weights of the lowest validation LogLoss, or the last ones.

    The order of an epoch is a function of (seed, epoch), a dropout mask of (seed, step).

    Returns
    -------
    list of dict
        One record a validation (an epoch, without `valid`): `epoch`, `seconds`, `loss`, `valid_log_loss`.

    Raises
    ------
    InputError
        If the loss becomes NaN or infinite.
    """
    table, y = RowTensors(rows), torch.from_numpy(labels)
    held = None if valid is None else (RowTensors(valid[0]), valid[1])
    optimizer = torch.optim.Adam(network.parameters(), lr=options.learning_rate, fused=True)
    steps = math.ceil(len(y) / options.batch_size)
    every = math.ceil(steps / options.evaluations) if held else steps
    run = _Run(network, held, time.perf_counter(), options.patience)
    with Progress(options.epochs * steps, label, "steps", enabled=verbose) as bar, recycling():
        for epoch in range(options.epochs):
            order = torch.from_numpy(np.random.default_rng((options.seed, epoch)).permutation(len(y)))
            for place, at in enumerate(order.split(options.batch_size)):
                step = epoch * steps + place + 1
                network.generator.manual_seed((options.seed << 32) % 2**62 + step)
                loss = network.loss(table.batch(at), y[at], options.l2)
                optimizer.zero_grad(set_to_none=False)
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                run.losses.append(loss.detach())
                is_due = step % every == 0 or step == options.epochs * steps  # the last rows count, too
                if is_due and run.record(step / steps):
                    break
            bar.advance(len(order.split(options.batch_size)), **run.shown())
            if run.stopped:
                break
    if run.best:
        network.load_state_dict(run.best)
    return run.history


class _Run:
    """The history of a run, its best weights, and whether patience is at its end."""

    def __init__(
        self,
        network: ClickNetwork,
        held: tuple[RowTensors, NDArray[np.float32]] | None,
        started: float,
        patience: int,
    ) -> None:
        self.network, self.held, self.started, self.patience = network, held, started, patience
        self.history: list[EpochRecord] = []
        self.losses: list[Tensor] = []
        self.best: dict[str, Tensor] = {}
        self.lowest, self.since, self.stopped = math.inf, 0, False

    def record(self, epoch: float) -> bool:
        """Validate; return whether to stop."""
        loss = float(torch.stack(self.losses).mean())
        self.losses.clear()
        if not math.isfinite(loss):
            remedy = "Lower `learning_rate`."
            raise InputError("the loss must stay finite", f"{loss} in epoch {epoch:.2f}", remedy)
        self.history.append({"epoch": epoch, "seconds": time.perf_counter() - self.started, "loss": loss})
        if self.held is None:
            return False
        self.network.eval()
        value = log_loss(self.held[1], predict_rows(self.network, self.held[0]))
        self.network.train()
        self.history[-1] |= {VALID_METRIC: value, "seconds": time.perf_counter() - self.started}
        self.since += 1
        if value < self.lowest:
            self.lowest, self.since = value, 0
            self.best = {name: weight.clone() for name, weight in self.network.state_dict().items()}
        self.stopped = self.since >= self.patience
        return self.stopped

    def shown(self) -> dict[str, float]:
        """For the progress bar."""
        return {k: v for k, v in (self.history or [{}])[-1].items() if k in ("loss", VALID_METRIC)}


@fast_products()
def predict_rows(network: ClickNetwork, rows: RowTensors) -> NDArray[np.float64]:
    """Probabilities [n], block by block, of a network in evaluation mode; threads may share it."""
    forward: Callable[[Batch], Tensor] = network
    with torch.no_grad():
        parts = [forward(rows.batch(slice(s, s + BLOCK))) for s in range(0, len(rows), BLOCK)]
    return torch.sigmoid(torch.cat(parts).double()).numpy()
