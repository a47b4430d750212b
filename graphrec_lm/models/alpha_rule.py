"""How much a wish counts beside a history: a rule of a few numbers, learned from wishes that were met.

    α = σ(w · [1, specificity, agreement, log(1 + length of the history)])

Specific wishes ("a heist film with an ensemble cast") should count more than vague ones ("something nice"),
which are about equally near to every title.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from graphrec_lm.models.people import People

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

GRID = np.linspace(0, 1, 11)
_NEAREST = 10  # titles that tell how specific a wish is
_PENALTY = 1e-3  # on all but the constant
_BLOCK = 256


@dataclass(frozen=True)
class AlphaRule:
    """The four weights w above.

    Examples
    --------
    >>> AlphaRule((0.0, 0.0, 0.0, 0.0)).alphas(np.ones((2, 4)))
    array([0.5, 0.5], dtype=float32)
    """

    weights: tuple[float, ...]

    @classmethod
    def of(cls, saved: Sequence[float] | None) -> AlphaRule:
        """The rule that was saved, or the usual one."""
        return cls(USUAL if saved is None else tuple(saved))

    def alphas(self, features: Float64) -> Float32:
        """α of each row of features, float32 [n]."""
        found: Float32 = expit(features @ np.array(self.weights)).astype(np.float32)
        return found

    @classmethod
    def learned(
        cls, people: People, targets: NDArray[np.int32], score: Callable[[People], Float32]
    ) -> AlphaRule:
        """The rule that ranks what people meant, `targets` [n], best in the mean of 1 / log2(1 + rank)."""
        wishes: Any = people.wishes
        features = wish_features(people, wishes.vectors, wishes.titles)
        gains = np.stack([_gains(people, alpha, targets, score) for alpha in GRID], axis=1)
        place = np.arange(len(gains))

        def loss(weights: Float64) -> float:
            at = expit(features @ weights) * (len(GRID) - 1)
            left = np.minimum(at.astype(np.int64), len(GRID) - 2)
            right = at - left
            gain = (1 - right) * gains[place, left] + right * gains[place, left + 1]
            return float(_PENALTY * (weights[1:] ** 2).sum() - gain.mean())

        best = np.clip(GRID[gains.mean(axis=0).argmax()], 0.05, 0.95)
        starts = [np.array([np.log(best / (1 - best)), slope, 0.0, 0.0]) for slope in (0.0, 1.0)]
        starts += [np.array([-3.0, 1.0, 0.3, 0.0]), np.array(USUAL)]
        found = [minimize(loss, start, method="Nelder-Mead", options={"maxiter": 2000}) for start in starts]
        return cls(tuple(min(found, key=lambda result: float(result.fun)).x.tolist()))


def wish_features(people: People, vectors: Float32, titles: Float32) -> Float64:
    """What the rule looks at, float64 [n, 4].

    Parameters
    ----------
    people : People
        n of them.
    vectors : float32 array [n, d_LM]
        Of their wishes.
    titles : float32 array [n_items, d_LM]
        Unit rows.
    """
    found = np.ones((len(people), 4))
    for start in range(0, len(people), _BLOCK):
        part = people.part(start, min(start + _BLOCK, len(people)))
        near = (vectors[start : start + len(part)] @ titles.T).astype(np.float64)
        near = (near - near.mean(axis=1, keepdims=True)) / np.maximum(near.std(axis=1, keepdims=True), 1e-9)
        rows = found[start : start + len(part)]
        rows[:, 1] = np.partition(near, -_NEAREST, axis=1)[:, -_NEAREST:].mean(axis=1)
        counts = np.diff(part.indptr)
        owners = np.repeat(np.arange(len(part)), counts)
        sums = np.bincount(owners, near[owners, part.indices], minlength=len(part))
        rows[:, 2], rows[:, 3] = sums / np.maximum(counts, 1), np.log1p(counts)
    return found


def _gains(
    people: People, alpha: float, targets: NDArray[np.int32], score: Callable[[People], Float32]
) -> Float64:
    """1 / log2(1 + rank) of each target among unseen items, with this α for all."""
    gains = np.empty(len(people))
    for start in range(0, len(people), _BLOCK):
        part = people.part(start, min(start + _BLOCK, len(people)))
        wishes: Any = part.wishes
        alphas = np.full(len(part), alpha, dtype=np.float32)
        scores = score(replace(part, wishes=replace(wishes, alphas=alphas)))
        owners = np.repeat(np.arange(len(part)), np.diff(part.indptr))
        mine = scores[np.arange(len(part)), targets[start : start + len(part)]].copy()
        scores[owners, part.indices] = -np.inf
        gains[start : start + len(part)] = 1 / np.log2(2 + (scores > mine[:, None]).sum(axis=1))
    return gains


# Learned on validation users of MovieLens with wishes made of genres, decades and tags; see the benchmark.
USUAL = (-3.0, 0.7, 0.3, 0.0)
