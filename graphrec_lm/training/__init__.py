"""The one training loop, its losses, samplers, early stopping, callbacks and checkpoints."""

from graphrec_lm.training.batches import Batch, BatchSampler
from graphrec_lm.training.callbacks import Callback, EpochRecord, TrainingState
from graphrec_lm.training.checkpoint import Checkpoint
from graphrec_lm.training.learner import Learner
from graphrec_lm.training.loop import TrainingOptions, train
from graphrec_lm.training.time_limit import TimeLimit

__all__ = [
    "Batch",
    "BatchSampler",
    "Callback",
    "Checkpoint",
    "EpochRecord",
    "Learner",
    "TimeLimit",
    "TrainingOptions",
    "TrainingState",
    "train",
]
