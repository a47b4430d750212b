"""Runs that kill themselves with SIGKILL at a given moment; `test_kill` starts them as processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from graphrec_lm.data import Dataset, IdMap
from graphrec_lm.models import LightGCN
from graphrec_lm.training import Callback, Checkpoint, checkpoint
from tests.support import random_csr


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class AtEpoch(Callback):
    """Call `action(epoch)` at the end of each epoch."""

    def __init__(self, action: Callable[[int], None]) -> None:
        self.action = action

    def on_epoch_end(self, state):
        self.action(state.epoch)


def die_while_saving(last: int) -> None:
    """From now on, write half of the checkpoint of epoch `last`, then die."""
    whole = checkpoint.save_file

    def save(tensors, file, metadata):
        whole(tensors, file, metadata)
        if f'"epoch": {last},' in metadata["state"]:
            Path(file).write_bytes(Path(file).read_bytes()[: Path(file).stat().st_size // 2])
            die()

    checkpoint.save_file = save


def datasets() -> tuple[Dataset, Dataset]:
    """Train and validation."""
    pattern, users = random_csr(30, 20, 0.4, 0), np.arange(30, dtype=np.int32)
    rows, held_out = np.repeat(users, np.diff(pattern.indptr)), np.arange(len(pattern.indices)) % 4 == 0
    maps = IdMap(np.arange(30)), IdMap(np.arange(20))
    train, valid = (Dataset.from_codes(*maps, rows[at], pattern.indices[at]) for at in (~held_out, held_out))
    return train, valid


def fit(*callbacks: Callback) -> dict[str, np.ndarray]:
    """Fit a model of seven epochs; return what it learned."""
    model = LightGCN(loss="infonce", dim=8, negatives=6, share_negatives=True, epochs=7, verbose=False)
    model.set_params(batch_size=32, learning_rate=0.02, valid_every=2)
    train, valid = datasets()
    model.fit(train, valid=valid, callbacks=callbacks)
    return {"users": model.user_vectors_, "items": model.item_vectors_}


def die_in_the_middle_of_a_save(path: str, epoch: int) -> None:
    die_while_saving(epoch)
    fit(Checkpoint(path))


def die_before_a_save(path: str, epoch: int) -> None:
    fit(AtEpoch(lambda now: die() if now == epoch else None), Checkpoint(path))


def tell_the_epoch(path: str, pipe) -> None:
    """To be killed from outside."""
    fit(Checkpoint(path), AtEpoch(pipe.send))


def finish(path: str, weights: str) -> None:
    save_file(fit(Checkpoint(path)), weights)
