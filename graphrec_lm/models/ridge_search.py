"""Choosing the ridge towards titles on validation: a factorisation for each λ, everything else from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.data import Dataset
from graphrec_lm.kernels import add_row_sums, path_ranks, rows_between, take_rows
from graphrec_lm.metrics import ranking_metrics
from graphrec_lm.models.held_out import validating
from graphrec_lm.models.near_titles import NearTitles
from graphrec_lm.models.ridge_solvers import Pattern, Scorer, Solver
from graphrec_lm.models.text_prior import TextPrior, TitleAxes

Float32 = NDArray[np.float32]

_PEOPLE, _SCORES = 5000, 500_000_000  # that validate, at most; and scores of a point
_BLOCK, _K = 256, 20


class Point(NamedTuple):
    """λ, the titles' own λ, κ, NDCG@20 on validation, and what near titles add (see `near_titles`)."""

    regularization: float
    text_regularization: float
    strength: float
    ndcg: float
    near_noise: float = 10.0
    near_strength: float = 0.0


class Grid(NamedTuple):
    """What is tried: a start for λ (or the only one), text λs, κs; and the least λ that may be."""

    start: float
    is_fixed: bool
    text_regularizations: Sequence[float]
    strengths: Sequence[float]
    least: float


class Search:
    """Validation of ridge models on one split.

    Parameters
    ----------
    train, valid : Dataset
    solver : Solver
        Of `train`.
    titles : TitleAxes
    seed : int
        Draws the people that validate.
    """

    def __init__(self, train: Dataset, valid: Dataset, solver: Solver, titles: TitleAxes, seed: int) -> None:
        self.train, self.solver, self.titles = train, solver, titles
        people = validating(valid, max(1, min(_PEOPLE, _SCORES // train.n_items)), seed)
        self.seen = take_rows(train.indptr, train.indices, people)
        self.relevant = take_rows(valid.indptr, valid.indices, people)

    def run(self, grid: Grid, report: Callable[[Point], None]) -> list[Point]:
        """All points tried: λ goes by factors of two from its start while that helps."""
        priors = {value: self.titles.prior(value) for value in grid.text_regularizations}
        points: list[Point] = []

        def best_at(regularization: float) -> float:
            found = self._points(regularization, priors, grid.strengths)
            points.extend(found)
            best = max(found, key=lambda point: point.ndcg)
            report(best)
            return best.ndcg

        start = best_at(grid.start)
        for factor in () if grid.is_fixed else (2.0, 0.5):
            value, best = grid.start * factor, start
            while value >= grid.least and (found := best_at(value)) > best:
                value, best = value * factor, found
            if best > start:
                break
        return points

    def beside_near(
        self, best: Point, strengths: Sequence[float], near: NearTitles, near_strengths: Sequence[float]
    ) -> list[Point]:
        """The best point's λ and titles' λ with every κ, beside near titles of every noise and strength."""
        prior = self.titles.prior(best.text_regularization)
        scorer = next(iter(self.solver.scorers(best.regularization, [prior], self.seen)))
        weights = [near.weights(best.regularization, noise) for noise in near.noises]
        blocks: dict[tuple[float, float], list[NDArray[np.int32]]] = {
            way: [] for way in product(near.noises, strengths)
        }
        for start, stop, seen, relevant in self._blocks():
            first, slope = scorer(start, stop)
            for noise, of_noise in zip(near.noises, weights, strict=True):
                added = add_row_sums(np.zeros_like(first), *seen, of_noise)
                for strength in strengths:
                    scores = first + np.float32(strength) * slope
                    ranks = path_ranks(scores, added, near_strengths, seen, relevant, most=_K)
                    blocks[noise, strength].append(ranks)
        return [
            Point(*best[:2], strength, self._ndcg_of(found), noise, near_strength)
            for (noise, strength), ranks in blocks.items()
            for near_strength, found in zip(near_strengths, np.concatenate(ranks, axis=1), strict=True)
        ]

    def _points(
        self, regularization: float, priors: dict[float, TextPrior], strengths: Sequence[float]
    ) -> list[Point]:
        scorers = self.solver.scorers(regularization, list(priors.values()), self.seen)
        return [
            Point(regularization, text_regularization, strength, ndcg)
            for text_regularization, scorer in zip(priors, scorers, strict=True)
            for strength, ndcg in zip(strengths, self._ndcg(scorer, strengths), strict=True)
        ]

    def _ndcg(self, scorer: Scorer, strengths: Sequence[float]) -> list[float]:
        """NDCG@20 for each κ; each block of people is scored once."""
        blocks = [
            path_ranks(*scorer(start, stop), strengths, seen, relevant, most=_K)
            for start, stop, seen, relevant in self._blocks()
        ]
        return [self._ndcg_of(found) for found in np.concatenate(blocks, axis=1)]

    def _blocks(self) -> Iterator[tuple[int, int, Pattern, Pattern]]:
        """Bounds of blocks of people, what these have seen and what is relevant to them."""
        people = len(self.seen[0]) - 1
        for start in range(0, people, _BLOCK):
            stop = min(start + _BLOCK, people)
            yield start, stop, rows_between(self.seen, start, stop), rows_between(self.relevant, start, stop)

    def _ndcg_of(self, ranks: NDArray[np.int32]) -> float:
        """NDCG@20 of the relevant items' ranks."""
        bounds, relevant = self.relevant
        owners, is_listed = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds)), ranks <= _K
        lists = np.full((len(bounds) - 1, _K), -1, dtype=np.int32)
        lists[owners[is_listed], ranks[is_listed] - 1] = relevant[is_listed]
        found = ranking_metrics(lists, bounds, relevant, k=_K, metrics=("ndcg",))[f"ndcg@{_K}"]
        return float(found.mean(dtype=np.float64))
