"""Checkpoints: a run killed at any moment goes on, bit for bit, where its last file stands."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from graphrec_lm.errors import InputError, check_number
from graphrec_lm.files import atomic_file, check_place
from graphrec_lm.training.callbacks import Callback, TrainingState

_ADAM = ("step", "exp_avg", "exp_avg_sq")


class Checkpoint(Callback):
    """Save the training state every few epochs; continue from the file if it is there.

    The file holds weights, best weights, optimizer state and history in one safetensors file that
    is replaced atomically. Batches are functions of (seed, step), so a resumed run ends with the
    same weights, bit for bit, as one that was never interrupted. A run that a callback has stopped
    stays stopped: delete the file to train anew.

    Parameters
    ----------
    path : path
        The file, by custom `*.safetensors`.
    every : int
        Epochs between two saves; the last epoch is always saved.

    Raises
    ------
    InputError
        At fit, if the file is damaged or belongs to another model, data or seed.

    Examples
    --------
    >>> Checkpoint("run.safetensors", every=5)
    Checkpoint('run.safetensors', every=5)
    """

    order = 1  # last: what other callbacks decided is saved with the epoch

    def __init__(self, path: str | os.PathLike[str], every: int = 1) -> None:
        check_number("every", every, least=1, integer=True)
        self.path, self.every = Path(path).expanduser(), every

    def __repr__(self) -> str:
        return f"Checkpoint({str(self.path)!r}, every={self.every})"

    def on_fit_start(self, state: TrainingState) -> None:
        """Restore the file into `state`, if there is one; it must be one that can be written."""
        check_place(self.path)
        if self.path.exists():
            self._restore(state)

    def on_epoch_end(self, state: TrainingState) -> None:
        """Save, if it is time."""
        if state.epoch % self.every == 0 or state.stop:
            self._save(state)

    def on_fit_end(self, state: TrainingState) -> None:
        """Save the last epoch, if it is not saved yet."""
        if state.epoch % self.every:
            self._save(state)

    def _save(self, state: TrainingState) -> None:
        tensors = {f"best/{name}": value for name, value in state.best.items()}
        for name, parameter in state.learner.named_parameters():
            tensors[f"weights/{name}"] = parameter.detach()
            for key in _ADAM:
                tensors[f"adam/{name}/{key}"] = state.optimizer.state[parameter][key]
        record: dict[str, Any] = {"run_id": state.run_id, "history": state.history}
        record |= {"best_epoch": state.best_epoch, "stop": state.stop}
        with atomic_file(self.path) as temporary:
            save_file({k: v.clone() for k, v in tensors.items()}, temporary, {"state": json.dumps(record)})

    def _restore(self, state: TrainingState) -> None:
        record, tensors = self._read()
        if record["run_id"] != state.run_id:
            raise InputError(
                "a checkpoint must come from the same parameters, seed and data",
                f"another run's in {self.path}",
                "Delete the file, or give this run another path.",
            )
        optimizer_state = {}
        for place, (name, parameter) in enumerate(state.learner.named_parameters()):
            with torch.no_grad():
                parameter.copy_(tensors[f"weights/{name}"])
            optimizer_state[place] = {key: tensors[f"adam/{name}/{key}"] for key in _ADAM}
        groups = state.optimizer.state_dict()["param_groups"]
        state.optimizer.load_state_dict({"state": optimizer_state, "param_groups": groups})
        prefix = "best/"
        state.best = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        state.history[:], state.best_epoch = record["history"], record["best_epoch"]
        state.stop = record["stop"]

    def _read(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        try:
            with safe_open(self.path, framework="pt") as file:
                record = json.loads(file.metadata()["state"])
                return record, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                "a checkpoint must be a whole file that this library wrote",
                f"{self.path}: {error}",
                "Delete the file to start afresh.",
            ) from error
