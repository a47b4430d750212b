"""How much a wish counts beside a history: a rule of a few numbers, learned from wishes that were met.

    α = σ(w · [1, vagueness, agreement])

Vagueness is the cosine of a wish to the nearest of a few phrases that say nothing ("anything good");
agreement is how much nearer the titles of the history are to the wish than titles at large, in standard
deviations. How far a wish stands out among the titles, and the length of the history, taught nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from graphrec_lm.kernels import standardised
from graphrec_lm.kernels.topk import block_rows
from graphrec_lm.models.people import People

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Score = Callable[[People], Callable[[Float32], Float32]]

GRID = np.linspace(0, 1, 11)
_PENALTY = 1e-4  # on the weights of standardised features: all but the constant

VAGUE = (
    "something",
    "anything good",
    "recommend something to me",
    "I do not know what I want",
    "what do you suggest?",
)


@dataclass(frozen=True)
class AlphaRule:
    """The three weights w above.

    Examples
    --------
    >>> AlphaRule((0.0, 0.0, 0.0)).alphas(np.ones((2, 3)))
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
    def learned(cls, people: People, targets: NDArray[np.int32], score: Score, vague: Float32) -> AlphaRule:
        """The rule that ranks what people meant, `targets` [n], best in the mean of 1 / log2(1 + rank).

        `score(people)` gives a function of their α, to scores of all items [people, n_items].
        """
        from scipy.optimize import minimize  # here, since it takes long to import

        raw = wish_features(people, vague)
        mean, spread = raw.mean(axis=0), raw.std(axis=0)
        mean[0], spread[0] = 0, 1
        spread[spread < 1e-6] = np.inf  # alike for everybody: nothing to learn from
        features = (raw - mean) / spread
        gains = _gains(people, targets, score)
        place = np.arange(len(gains))

        def loss(weights: Float64) -> float:
            at = expit(features @ weights) * (len(GRID) - 1)
            left = np.minimum(at.astype(np.int64), len(GRID) - 2)
            right = at - left
            gain = (1 - right) * gains[place, left] + right * gains[place, left + 1]
            return float(_PENALTY * (weights[1:] ** 2).sum() - gain.mean())

        best = np.clip(GRID[gains.mean(axis=0).argmax()], 0.05, 0.95)
        level = np.log(best / (1 - best))
        starts = [np.array([level, 0.0, 0.0]), np.array([level, -1.0, 0.2]), np.array([level, -2.0, 0.5])]
        found = [minimize(loss, start, method="Nelder-Mead", options={"maxiter": 2000}) for start in starts]
        weights = min(found, key=lambda result: float(result.fun)).x / spread
        weights[0] -= weights[1:] @ mean[1:]
        return cls(tuple(weights.tolist()))


def wish_features(people: People, vague: Float32) -> Float64:
    """What the rule looks at, float64 [n, 3].

    Parameters
    ----------
    people : People
        n of them, with wishes.
    vague : float32 array [phrases, d_LM]
        Unit vectors of `VAGUE`.
    """
    found = np.ones((len(people), 3))
    for start, part in _blocks(people):
        wishes: Any = part.wishes
        rows = found[start : start + len(part)]
        rows[:, 1] = (wishes.wanted @ vague.T).max(axis=1)
        near = standardised(wishes.vectors @ wishes.titles.T)
        counts = np.diff(part.indptr)
        owners = np.repeat(np.arange(len(part)), counts)
        sums = np.bincount(owners, near[owners, part.indices], minlength=len(part))
        rows[:, 2] = sums / np.maximum(counts, 1)
    return found


def _blocks(people: People) -> Iterator[tuple[int, People]]:
    """The people in blocks of as many as a model scores at once, each with its start."""
    wishes: Any = people.wishes
    size = block_rows(len(wishes.titles))
    for start in range(0, len(people), size):
        yield start, people.part(start, min(start + size, len(people)))


def _gains(people: People, targets: NDArray[np.int32], score: Score) -> Float64:
    """1 / log2(1 + rank) of each target among unseen items, with each α of the grid, float64 [n, grid].

    Among equal scores it stands in the middle.
    """
    gains = np.empty((len(people), len(GRID)))
    for start, part in _blocks(people):
        scores_at, everyone = score(part), np.arange(len(part))
        owners = np.repeat(everyone, np.diff(part.indptr))
        for place, alpha in enumerate(GRID):
            scores = scores_at(np.full(len(part), alpha, dtype=np.float32))
            mine = scores[everyone, targets[start : start + len(part)]].copy()
            scores[owners, part.indices] = -np.inf
            above = (scores > mine[:, None]).sum(axis=1)
            beside = (scores == mine[:, None]).sum(axis=1) - 1
            gains[start : start + len(part), place] = 1 / np.log2(2 + above + beside / 2)
    return gains


# Learned by TextRidge on validation users of MovieLens, from wishes made of genres, decades and tags.
USUAL = (1.06, -6.44, 0.59)
