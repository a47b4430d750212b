"""Choosing the ridge towards titles on validation: a factorisation for each λ, everything else from it.

For unseen items the scores of histories X are, with Y = X P and C = L Tᵀ - diag(c),

    Y · (-(1 + λκ (PC)_jj) / P_jj - λκ c_j) + λκ (Y L) Tᵀ

linear in κ; a whole path of κ costs two products with thin matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec_lm.data import Dataset
from graphrec_lm.kernels import spmm, take_rows, topk_blocks
from graphrec_lm.metrics import ranking_metrics
from graphrec_lm.models.ridge import TextPrior, inverse_gram, least_regularization

Float32 = NDArray[np.float32]

_PEOPLE = 5000  # that validate, at most


class Point(NamedTuple):
    """λ, the titles' own λ, κ, and NDCG@20 on validation."""

    regularization: float
    text_regularization: float
    strength: float
    ndcg: float


class Grid(NamedTuple):
    """What is tried: a start for λ (or the only one), text λs, κs."""

    start: float
    is_fixed: bool
    text_regularizations: Sequence[float]
    strengths: Sequence[float]


class Search:
    """Validation of ridge models on one split.

    Parameters
    ----------
    train, valid : Dataset
    titles : float32 array [n_items, d_LM]
    seed : int
        Draws the people that validate.
    """

    def __init__(self, train: Dataset, valid: Dataset, titles: Float32, seed: int) -> None:
        self.train, self.titles = train, titles
        people = np.flatnonzero(np.diff(valid.indptr)).astype(np.int32)
        if len(people) > _PEOPLE:
            people = np.sort(np.random.default_rng(seed).choice(people, _PEOPLE, replace=False))
        self.seen = take_rows(train.indptr, train.indices, people)
        self.relevant = take_rows(valid.indptr, valid.indices, people)

    def run(self, grid: Grid, report: Callable[[Point], None]) -> list[Point]:
        """All points tried: λ goes by factors of two from its start while that helps."""
        priors = {value: TextPrior.of(self.titles, value) for value in grid.text_regularizations}
        points: list[Point] = []

        def best_at(regularization: float) -> float:
            found = self._path(regularization, priors, grid.strengths)
            points.extend(found)
            best = max(found, key=lambda point: point.ndcg)
            report(best)
            return best.ndcg

        start = best_at(grid.start)
        for factor in () if grid.is_fixed else (2.0, 0.5):
            value, best = grid.start * factor, start
            while value >= least_regularization(self.train) and (found := best_at(value)) > best:
                value, best = value * factor, found
            if best > start:
                break
        return points

    def _path(
        self, regularization: float, priors: dict[float, TextPrior], strengths: Sequence[float]
    ) -> list[Point]:
        inverse = inverse_gram(self.train, regularization)
        on_diagonal, sums = inverse.diagonal().clone(), torch.from_numpy(spmm(*self.seen, inverse.numpy()))
        points = []
        for text_regularization, prior in priors.items():
            product_diagonal = prior.after(inverse)[1]
            slope = (sums @ prior.left) @ prior.right.T
            slope -= sums * (product_diagonal / on_diagonal + prior.diagonal)
            for strength in strengths:
                ndcg = self._ndcg(sums, -1 / on_diagonal, slope, regularization * strength)
                points.append(Point(regularization, text_regularization, strength, ndcg))
        return points

    def _ndcg(self, sums: torch.Tensor, scale: torch.Tensor, slope: torch.Tensor, weight: float) -> float:
        """NDCG@20 of the scores sums · scale + weight · slope."""

        def score(start: int, stop: int) -> Float32:
            part = slice(start, stop)
            scores: Float32 = torch.add(sums[part] * scale, slope[part], alpha=weight).numpy()
            return scores

        k = min(20, self.train.n_items)
        top = topk_blocks(score, len(sums), self.train.n_items, k, seen=self.seen)[0]
        return float(ranking_metrics(top, *self.relevant, k=k, metrics=("ndcg",))[f"ndcg@{k}"].mean())
