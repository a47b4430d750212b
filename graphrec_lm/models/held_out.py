"""Who validates: people with held-out items, a sample of them where they are many; and how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.data import Dataset
from graphrec_lm.kernels import take_rows
from graphrec_lm.metrics import ranking_metrics
from graphrec_lm.models.device import top_codes

Float32 = NDArray[np.float32]


def validating(valid: Dataset, most: int, seed: int) -> NDArray[np.int32]:
    """Codes of the users with items in `valid`, ascending; at most so many, drawn by `seed`."""
    people = np.flatnonzero(np.diff(valid.indptr)).astype(np.int32)
    if len(people) <= most:
        return people
    return np.sort(np.random.default_rng(seed).choice(people, most, replace=False))


def judge(
    seen: Any, valid: Dataset, people: NDArray[np.int32], device: Any = None
) -> Callable[[Float32, Float32], float]:
    """A function of the vectors of all users and all items: NDCG@20 on validation.

    Parameters
    ----------
    seen : Dataset or BipartiteGraph
        Whose items are hidden.
    valid : Dataset
    people : int32 array
        Codes of the users who validate.
    device : torch.device, optional
        Where they are ranked.
    """
    hidden = take_rows(seen.indptr, seen.indices, people)
    relevant = take_rows(valid.indptr, valid.indices, people)
    k = min(20, seen.n_items)

    def ndcg(users: Float32, items: Float32) -> float:
        top = top_codes(users[people], items, k, hidden, device)
        return float(ranking_metrics(top, *relevant, k=k, metrics=("ndcg",))[f"ndcg@{k}"].mean())

    return ndcg
