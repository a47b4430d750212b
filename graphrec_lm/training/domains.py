"""Several domains at once: one learner and one sampler each, the weights shared.

Their graphs together are block-diagonal: no step crosses a domain, negatives are drawn from the user's own,
and memory is the sum of the domains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec_lm.errors import InputError
from graphrec_lm.kernels import hash_uniform
from graphrec_lm.training.batches import Sampler
from graphrec_lm.training.learner import Learner

_STREAM = 0xD0_AA_14  # makes another seed than that of the draws within a domain


class DomainLearner(Learner):
    """Learners of several domains that share their weights.

    Parameters
    ----------
    learners : sequence of Learner
    """

    def __init__(self, learners: Sequence[Learner]) -> None:
        super().__init__()
        self.learners = torch.nn.ModuleList(learners)

    def of(self, domain: int) -> Learner:
        """The learner of a domain."""
        return cast(Learner, self.learners[domain])

    def represent(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Representations of all users and items, domain after domain."""
        parts = [self.of(domain).represent() for domain in range(len(self.learners))]
        users, items = zip(*parts, strict=True)
        return torch.cat(users), torch.cat(items)

    def loss(self, batch: tuple[int, Any]) -> torch.Tensor:
        """The loss of a batch in its domain."""
        domain, inner = batch
        return self.of(domain).loss(inner)


@dataclass(frozen=True)
class DomainSampler:
    """Draws the domain of a step, then its batch there.

    Parameters
    ----------
    samplers : sequence of Sampler
    shares : float array [domains]
        How often each is drawn; see `domain_shares`.
    seed : int

    Examples
    --------
    >>> import numpy as np
    >>> from graphrec_lm.graph import BipartiteGraph
    >>> from graphrec_lm.training import BatchSampler
    >>> one = BatchSampler(BipartiteGraph(np.array([0, 1]), np.array([0]), 2), "user", 1, False, seed=0)
    >>> sampler = DomainSampler([one, one], np.array([0.0, 1.0]), seed=0)
    >>> len(sampler), sampler.draw(step=0, size=4)[0]
    (2, 1)
    """

    samplers: Sequence[Sampler]
    shares: NDArray[np.float64]
    seed: int

    def __len__(self) -> int:
        """Draws in an epoch: those of all domains."""
        return sum(len(sampler) for sampler in self.samplers)

    def draw(self, step: int, size: int) -> tuple[int, Any]:
        """The domain and the batch of number `step`, of `size` draws; a pure function of both."""
        point = float(hash_uniform(np.array([step]), 1, seed=self.seed ^ _STREAM)[0, 0])
        domain = int(np.searchsorted(np.cumsum(self.shares)[:-1], point, side="right"))
        return domain, self.samplers[domain].draw(step, size)


def domain_shares(weights: Any, lengths: Sequence[int]) -> NDArray[np.float64]:
    """How often each domain is drawn, float64 [domains], summing to 1.

    Parameters
    ----------
    weights : "proportional", "equal" or sequence of float [domains]
        In proportion to the interactions, alike, or as given.
    lengths : sequence of int
        Draws in an epoch of each.

    Raises
    ------
    InputError
        If weights are negative, all zero, or not one a domain.

    Examples
    --------
    >>> domain_shares("proportional", [30, 10]), domain_shares("equal", [30, 10])
    (array([0.75, 0.25]), array([0.5, 0.5]))
    """
    required = f"`domain_weights` must be 'proportional', 'equal' or {len(lengths)} numbers >= 0"
    if isinstance(weights, str):
        if weights not in ("proportional", "equal"):
            raise InputError(required, repr(weights), "Choose one of them.")
        found = np.array(lengths if weights == "proportional" else np.ones(len(lengths)), dtype=np.float64)
    else:
        try:
            found = np.array(weights, dtype=np.float64)
        except (TypeError, ValueError):
            raise InputError(required, repr(weights), "Give one number a domain.") from None
    if found.shape != (len(lengths),) or not np.isfinite(found).all() or (found < 0).any() or not found.any():
        raise InputError(required, repr(weights), "Give one number a domain, not all 0.")
    shares: NDArray[np.float64] = found / found.sum()
    return shares
