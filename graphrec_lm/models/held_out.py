"""Who validates: people with held-out items, a sample of them where they are many."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.data import Dataset


def validating(valid: Dataset, most: int, seed: int) -> NDArray[np.int32]:
    """Codes of the users with items in `valid`, ascending; at most so many, drawn by `seed`."""
    people = np.flatnonzero(np.diff(valid.indptr)).astype(np.int32)
    if len(people) <= most:
        return people
    return np.sort(np.random.default_rng(seed).choice(people, most, replace=False))
