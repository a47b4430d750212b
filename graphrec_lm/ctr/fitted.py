"""What a fit of a click model leaves behind, and what an evaluation found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from graphrec_lm.ctr.features import Features
from graphrec_lm.training import EpochRecord

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class FittedCTR:
    """What a fit leaves behind; replaced as a whole.

    Attributes
    ----------
    features : Features
    arrays : dict of arrays
        The learned weights.
    rule : str
        What a positive row is, e.g. "rating >= 4".
    history : list of dict
    params : dict
        Of the model when it was fitted; new ones wait for the next fit.
    """

    features: Features
    arrays: Arrays
    rule: str
    history: list[EpochRecord] = field(default_factory=list)
    params: dict[str, Any] = field(default_factory=dict)


class CTREvaluation(dict[str, float]):
    """Metric -> value; `rule`, `labels`, `probabilities` and `users` keep what was measured, row by row."""

    def __init__(
        self, figures: dict[str, float], rule: str, labels: Any, probabilities: Any, users: Any
    ) -> None:
        super().__init__(figures)
        self.rule, self.labels, self.probabilities, self.users = rule, labels, probabilities, users

    def __repr__(self) -> str:
        shown = ", ".join(f"{name} {value:.4f}" for name, value in self.items())
        return f"{shown} ({len(self.labels)} rows, positive: {self.rule})"
