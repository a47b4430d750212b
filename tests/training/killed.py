"""A run that kills itself with SIGKILL at a given moment; `test_kill` starts it as a process.

Usage: python killed.py CHECKPOINT WEIGHTS MOMENT EPOCH
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from graphrec_lm.data import Dataset, IdMap
from graphrec_lm.models import LightGCN
from graphrec_lm.training import Callback, Checkpoint, checkpoint
from tests.support import random_csr


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Die(Callback):
    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_epoch_end(self, state):
        print(f"epoch {state.epoch}", flush=True)
        if state.epoch == self.epoch:
            die()


def die_while_saving(epoch: int) -> None:
    """Write half of the checkpoint of `epoch`, then die."""
    whole = checkpoint.save_file

    def save(tensors, file, metadata):
        whole(tensors, file, metadata)
        if f'"epoch": {epoch},' in metadata["state"]:
            Path(file).write_bytes(Path(file).read_bytes()[: Path(file).stat().st_size // 2])
            die()

    checkpoint.save_file = save


def dataset() -> tuple[Dataset, Dataset]:
    users, items = IdMap(np.arange(30)), IdMap(np.arange(20))
    parts = []
    for seed in (0, 1):
        pattern = random_csr(30, 20, 0.2, seed)
        rows = np.repeat(np.arange(30, dtype=np.int32), np.diff(pattern.indptr))
        parts.append(Dataset.from_codes(users, items, rows, pattern.indices))
    return parts[0], parts[1]


def fit(path: str | None, callbacks=()) -> dict[str, np.ndarray]:
    """Fit with a checkpoint at `path`; return all that the model learned."""
    train, valid = dataset()
    model = LightGCN(
        loss="infonce",
        dim=8,
        negatives=6,
        share_negatives=True,
        epochs=7,
        batch_size=32,
        learning_rate=0.02,
        valid_every=2,
        verbose=False,
    )
    callbacks = [*([Checkpoint(path)] if path else []), *callbacks]
    model.fit(train, valid=valid, callbacks=callbacks)
    return {"users": model.user_vectors_, "items": model.item_vectors_}


def main(path: str, weights: str, moment: str, epoch: str) -> None:
    callbacks = [] if moment == "never" else [Die(int(epoch) if moment == "after saving" else 0)]
    if moment == "while saving":
        die_while_saving(int(epoch))
    learned = fit(path, callbacks)
    save_file(learned, weights)


if __name__ == "__main__":
    main(*sys.argv[1:])
