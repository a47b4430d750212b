"""How much each of several models counts, chosen by what their sum ranks first on held-out interactions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.kernels import rows_between, standardised, topk_scores
from graphrec_lm.kernels.topk import block_rows

Float32 = NDArray[np.float32]
Pattern = tuple[NDArray[np.int64], NDArray[np.int32]]
Scorer = Callable[[int, int], list[Float32]]

_CANDIDATES = 100  # best items of each member, for each person
_SHARES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0)


class Fusion:
    """Scores of several members for the best items of each, for people with held-out items.

    Parameters
    ----------
    scorer : callable (start, stop) -> list of float32 arrays [people, n_items]
        Scores of each member; asked for `block_rows(n_items)` people at a time.
    n_items : int
    seen, relevant : (indptr, indices)
        What people's histories hold, and what was held out of them.

    Attributes
    ----------
    scores : float32 array [people, candidates, members]
        Standardised over all items; -inf where a person has fewer candidates.
    hits : bool array [people, candidates]
    """

    def __init__(self, scorer: Scorer, n_items: int, seen: Pattern, relevant: Pattern) -> None:
        people, block = len(seen[0]) - 1, block_rows(n_items)
        self.n_relevant = np.diff(relevant[0])
        parts = []
        for start in range(0, people, block):
            stop = min(start + block, people)
            held = rows_between(seen, start, stop), rows_between(relevant, start, stop)
            parts.append(_candidates(scorer(start, stop), *held))
        self.scores, self.hits = (np.concatenate(both) for both in zip(*parts, strict=True))

    def ndcg(self, weights: Float32) -> float:
        """NDCG@20 of a weighted sum, ranked among the candidates, mean over people."""
        with np.errstate(invalid="ignore"):  # 0 · -inf
            total = np.where(np.isfinite(self.scores[..., 0]), self.scores @ weights, -np.inf)
        top = np.argsort(-total, axis=1, kind="stable")[:, :20]
        gains = np.take_along_axis(self.hits, top, axis=1)
        discount = 1 / np.log2(np.arange(2, 22))
        ideal = np.concatenate([[0], np.cumsum(discount)])[np.minimum(self.n_relevant, 20)]
        found = gains @ discount[: gains.shape[1]]
        return float(np.mean(found / np.maximum(ideal, discount[-1])))

    def best(self) -> tuple[Float32, list[float]]:
        """Weights [members] of the highest NDCG@20; its value, and those of each member alone.

        From the best member on, the member and share that help most are added while one does, then
        each share is looked at once more. Ties go to fewer members.
        """
        members = self.scores.shape[2]
        alone = [self.ndcg(row) for row in np.eye(members, dtype=np.float32)]
        weights = np.zeros(members, dtype=np.float32)
        weights[int(np.argmax(alone))] = 1
        value = max(alone)
        for _ in range(members):
            tried = [self._with(weights, n, share) for n in range(members) for share in _SHARES]
            values = [self.ndcg(row) for row in tried]
            if max(values) <= value:
                break
            value, weights = max(values), tried[int(np.argmax(values))]
        return weights, [value, *alone]

    def _with(self, weights: Float32, member: int, share: float) -> Float32:
        changed = weights.copy()
        changed[member] = share
        return changed


def _candidates(scores: list[Float32], seen: Pattern, relevant: Pattern) -> tuple[Float32, NDArray[np.bool_]]:
    """Standardised scores [people, members · 100, members] of everybody's candidates, and what hits."""
    people, n_items = scores[0].shape
    most = min(_CANDIDATES, n_items)
    standard = [standardised(part) for part in scores]
    best = [topk_scores(part, most, seen=seen)[0] for part in standard]
    items = np.sort(np.concatenate(best, axis=1), axis=1)
    items[:, 1:][items[:, 1:] == items[:, :-1]] = -1  # each once
    found = np.stack([np.take_along_axis(part, np.maximum(items, 0), axis=1) for part in standard], axis=2)
    found[items < 0] = -np.inf
    owners = np.repeat(np.arange(people), np.diff(relevant[0]))
    keys = np.arange(people)[:, None] * np.int64(n_items) + items
    hits = np.isin(keys, owners * np.int64(n_items) + relevant[1]) & (items >= 0)
    return found, hits
