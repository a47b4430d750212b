"""Random ranking cases shared by the metric tests."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Case(NamedTuple):
    """Lists of `width` items for some users, and their relevant items as sorted CSR rows."""

    recommended: npt.NDArray[np.int32]
    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]

    @property
    def relevant(self) -> list[npt.NDArray[np.int32]]:
        """The relevant items, one array a user."""
        return np.split(self.indices, self.indptr[1:-1])


def from_rows(recommended: list[list[int]], relevant: list[list[int]]) -> Case:
    """Build a case from nested lists."""
    indptr = np.cumsum([0, *map(len, relevant)])
    indices = np.array([item for row in relevant for item in sorted(row)], dtype=np.int32)
    return Case(np.array(recommended, dtype=np.int32), indptr, indices)


def random_case(seed: int, n_users: int = 60, n_items: int = 40, width: int = 12, least: int = 1) -> Case:
    """Draw lists without repeats, some padded at the end, and `least` to 20 relevant items a user."""
    rng = np.random.default_rng(seed)
    lists = rng.permuted(np.tile(np.arange(n_items), (n_users, 1)), axis=1)[:, :width]
    short = rng.integers(0, width + 1, n_users)
    lists[(np.arange(width) >= short[:, None]) & (rng.random(n_users) < 0.3)[:, None]] = -1
    counts = rng.integers(least, 21, n_users)
    return from_rows(lists.tolist(), [rng.choice(n_items, c, replace=False).tolist() for c in counts])
