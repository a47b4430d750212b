"""Factor models that the training loop fits: sampling, validation and options in one place."""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError, check_bool, check_choice, check_number
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.kernels import unit_rows
from graphrec_lm.models.device import training_device
from graphrec_lm.models.factors import FactorRecommender
from graphrec_lm.models.fitted import Arrays, Fitted
from graphrec_lm.models.held_out import judge, validating
from graphrec_lm.training import (
    BatchSampler,
    Callback,
    EpochRecord,
    Learner,
    Sampler,
    TrainingOptions,
    train,
)
from graphrec_lm.training.loop import VALID_METRIC

Float32 = NDArray[np.float32]


class LoopRecommender(FactorRecommender):
    """Base of factor models that the loop trains; a model writes `_learner`, `_learned` and `_sampler`.

    Its constructor stores, besides its own parameters: `epochs`, `batch_size`, `learning_rate`,
    `valid_every`, `patience`, `seed`, `device`, `verbose`.
    Where `runs_on_cuda`, its learner bears to be put on a device (see `Learner.on`), and its sampler has a
    `device`.
    """

    epochs: int
    batch_size: int | str
    learning_rate: float
    valid_every: int
    patience: int
    seed: int
    device: str
    verbose: bool

    @property
    def has_epochs(self) -> bool:
        return True

    @abstractmethod
    def _learner(self, dataset: Dataset, graph: BipartiteGraph) -> tuple[Learner, dict[str, Any]]:
        """The differentiable part, with initial weights drawn from `seed`; and notes to save."""

    @abstractmethod
    def _learned(self, learner: Any) -> Arrays:
        """What to keep of a trained learner besides `users` and `items`."""

    @abstractmethod
    def _sampler(self, graph: BipartiteGraph) -> Sampler:
        """What the loop draws its batches from."""

    @property
    def _cosine(self) -> bool:
        """Whether the score is a cosine rather than an inner product."""
        return True

    def _fit(self, dataset: Dataset, valid: Dataset | None, callbacks: Sequence[Callback]) -> Fitted:
        options = self._options()
        graph = BipartiteGraph.from_dataset(dataset)
        learner, notes = self._learner(dataset, graph)
        validate = self._validator(graph, valid) if valid and valid.n_interactions else None
        run_id = self._run_id([dataset], [valid], notes)
        history = self._train(learner, self._placed_sampler(graph), options, validate, callbacks, run_id)
        arrays = self._arrays(learner)
        return Fitted.of(dataset, valid, arrays, history=history, notes=notes | {"cosine": self._cosine})

    def _settled(self) -> dict[str, Any]:
        """The epoch of the best validation."""
        measured = [record for record in self.history_ if VALID_METRIC in record]
        best = max(measured, key=lambda record: record[VALID_METRIC], default=None)
        return {} if best is None else {"epochs": int(best["epoch"])}

    def _train(
        self,
        learner: Learner,
        sampler: Sampler,
        options: TrainingOptions,
        validate: Callable[[Any], float] | None,
        callbacks: Sequence[Callback],
        run_id: str,
    ) -> list[EpochRecord]:
        """Train the learner on the device, and leave it on the processor; the history."""
        with learner.on(self._device()):
            return train(
                learner,
                sampler,
                options,
                validate=validate,
                callbacks=callbacks,
                run_id=run_id,
                label=type(self).__name__,
                verbose=self.verbose,
            )

    def _arrays(self, learner: Learner) -> Arrays:
        """All arrays of a fit, from a learner with its final weights."""
        with torch.no_grad():
            users, items = self._final(learner)
            arrays = {"users": users, "items": items, **self._learned(learner)}
        if not (np.isfinite(users).all() and np.isfinite(items).all()):
            remedy = "Lower `learning_rate`."
            raise InputError("the learned vectors must be finite", "NaN or infinity", remedy)
        return arrays

    def _placed_sampler(self, graph: BipartiteGraph) -> Sampler:
        """The sampler, where the learner is."""
        sampler: Any = self._sampler(graph)
        return sampler if self._device() is None else replace(sampler, device=self._device())

    def _device(self) -> torch.device | None:
        """Where the loop runs; None: on the processor, by numba."""
        return training_device(self.device, type(self).__name__, self.runs_on_cuda)

    def _options(self) -> TrainingOptions:
        check_number("seed", self.seed, least=0, most=2**63 - 1, integer=True)
        return TrainingOptions(
            self.epochs, self.batch_size, self.learning_rate, self.valid_every, self.patience
        )

    def _final(self, learner: Learner) -> tuple[Float32, Float32]:
        users, items = (rows.cpu().numpy() for rows in learner.represent())
        return (unit_rows(users), unit_rows(items)) if self._cosine else (users, items)

    def _validator(self, graph: BipartiteGraph, valid: Dataset) -> Callable[[Learner], float]:
        """NDCG@20 on the validation items, the fitted ones hidden."""
        people = validating(valid, valid.n_users, self.seed)
        ndcg = judge(graph, valid, people, self._device())
        return lambda learner: ndcg(*self._final(learner))

    def _run_id(
        self, datasets: Sequence[Dataset], valid: Sequence[Dataset | None], notes: dict[str, Any]
    ) -> str:
        """Fingerprint of everything that the trained weights depend on."""
        parts = {k: v for k, v in self.get_params().items() if k not in ("encoder", "verbose", "device")}
        data = [None if part is None else part.fingerprint for part in (*datasets, *valid)]
        named = [type(self).__name__, parts, notes, data]
        text = json.dumps(named, sort_keys=True, default=_written)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _written(value: Any) -> Any:
    """A parameter that JSON has no type for; arrays in full."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else repr(value)


class TrainedRecommender(LoopRecommender):
    """Base of models trained on sampled pairs; a model writes `_learner` and `_learned`.

    Its constructor also stores `negatives`, `share_negatives`, `negative_power` and `sampling`.
    """

    negatives: int | None
    share_negatives: bool
    negative_power: float
    sampling: str

    @property
    def _negatives(self) -> int:
        """Number of negatives drawn for a positive, or for a batch that shares them."""
        return self.negatives  # type: ignore[return-value]

    def _sampler(self, graph: BipartiteGraph) -> BatchSampler:
        how = self._negatives, self.share_negatives, self.seed, self.negative_power
        return BatchSampler(graph, self.sampling, *how)

    def _options(self) -> TrainingOptions:
        check_choice("sampling", self.sampling, ("user", "interaction"))
        check_number("negatives", self._negatives, least=1, integer=True)
        check_bool("share_negatives", self.share_negatives)
        check_number("negative_power", self.negative_power, least=0)
        return super()._options()


def usual_negatives(negatives: int | None, loss: str) -> int:
    """The number that was given, or 256 for InfoNCE and 1 for BPR."""
    usual = 256 if loss == "infonce" else 1
    return usual if negatives is None else negatives


def seeded(seed: int) -> torch.Generator:
    """The generator that a model's initial weights are drawn from."""
    return torch.Generator().manual_seed(int(seed))
