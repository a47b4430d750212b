"""The one training loop, its losses, samplers, early stopping, callbacks and checkpoints."""

from graphrec_lm.training.batches import Batch, BatchSampler, Sampler
from graphrec_lm.training.callbacks import Callback, EpochRecord, TrainingState
from graphrec_lm.training.checkpoint import Checkpoint
from graphrec_lm.training.domains import DomainLearner, DomainSampler, domain_shares
from graphrec_lm.training.learner import Learner
from graphrec_lm.training.loop import TrainingOptions, train
from graphrec_lm.training.time_limit import TimeLimit
from graphrec_lm.training.user_batches import UserBatch, UserSampler

__all__ = [
    "Batch",
    "BatchSampler",
    "Callback",
    "Checkpoint",
    "DomainLearner",
    "DomainSampler",
    "EpochRecord",
    "Learner",
    "Sampler",
    "TimeLimit",
    "TrainingOptions",
    "TrainingState",
    "UserBatch",
    "UserSampler",
    "domain_shares",
    "train",
]
