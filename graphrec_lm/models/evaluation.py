"""The result of `evaluate`: means to read, per-user values to test with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, repr=False, eq=False)  # a Mapping: equal means are equal
class Evaluation(Mapping[str, float]):
    """Mean metrics over the users that have test items; a mapping "ndcg@20" -> mean.

    Attributes
    ----------
    per_user : dict of float64 arrays [n]
        The same metrics for each of these users, for paired significance tests.
    user_ids : array [n]
        Their external ids.
    lists : int32 array [n, k]
        Codes of the items that were ranked first, -1 where there are fewer: for `gl.metrics.coverage` and
        the like.

    Examples
    --------
    >>> result = Evaluation({"ndcg@2": np.array([0.0, 1.0])}, np.array(["ann", "bob"]))
    >>> result["ndcg@2"], result
    (0.5, Evaluation(2 users, ndcg@2=0.5000))
    """

    per_user: dict[str, NDArray[np.float64]]
    user_ids: NDArray[np.generic]
    lists: NDArray[np.int32] = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int32))

    def __getitem__(self, name: str) -> float:
        return float(self.per_user[name].mean())

    def __iter__(self) -> Iterator[str]:
        return iter(self.per_user)

    def __len__(self) -> int:
        return len(self.per_user)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value:.4f}" for name, value in self.items())
        return f"Evaluation({len(self.user_ids)} users, {shown})"
