"""Learning how much each of several models counts, on held-out interactions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec_lm.kernels import take_rows, topk_blocks, weighted_sum
from graphrec_lm.metrics import ranking_metrics

Float32 = NDArray[np.float32]
Pattern = tuple[NDArray[np.int64], NDArray[np.int32]]
Scorer = Callable[[int, int], list[Float32]]

_BLOCK = 256
_CANDIDATES = 100  # best items of each member, for each person
_PENALTY = 1e-3


def person_weights(weights: Float32, histories: NDArray[np.integer]) -> Float32:
    """w_m(u) = a_m + b_m log(1 + |history|), float32 [people, members], from [members, 2]."""
    length = np.log1p(histories).astype(np.float32)
    found: Float32 = weights[:, 0] + length[:, None] * weights[:, 1]
    return found


class Fusion:
    """Chooses the members' weights.

    Parameters
    ----------
    scorer : callable (start, stop) -> list of float32 arrays [people, n_items]
        Scores of each member.
    n_items : int
    seen, relevant : (indptr, indices)
        What people's histories hold, and what was held out of them.
    """

    def __init__(self, scorer: Scorer, n_items: int, seen: Pattern, relevant: Pattern) -> None:
        self.scorer, self.n_items, self.seen, self.relevant = scorer, n_items, seen, relevant

    def best(self, members: int) -> tuple[Float32, list[float]]:
        """Weights [members, 2], and NDCG@20 of: these, then each member alone.

        What the softmax learned is kept only if it ranks better than every member alone.
        """
        tried = [self.learn(members)]
        alone = np.eye(members, dtype=np.float32)
        tried += [np.stack([row, np.zeros_like(row)], axis=1) for row in alone]
        values = self.ndcg(tried)
        return tried[int(np.argmax(values))], values

    def ndcg(self, tried: Sequence[Float32]) -> list[float]:
        """NDCG@20 of each of several weights."""
        sums, people, k = np.zeros(len(tried)), len(self.seen[0]) - 1, min(20, self.n_items)
        for start in range(0, people, _BLOCK):
            rows = np.arange(start, min(start + _BLOCK, people))
            scores, seen = self.scorer(start, start + len(rows)), take_rows(*self.seen, rows)
            relevant = take_rows(*self.relevant, rows)
            for n, weights in enumerate(tried):
                total = weighted_sum(scores, person_weights(weights, np.diff(seen[0])))
                top = _top(total, k, seen)
                sums[n] += ranking_metrics(top, *relevant, k=k, metrics=("ndcg",))[f"ndcg@{k}"].sum()
        return [float(value) for value in sums / people]

    def learn(self, members: int) -> Float32:
        """Maximise the mean log-likelihood of the held-out items among each person's candidates.

        A softmax over the candidates, an item at a time; convex, solved by L-BFGS in float64.
        """
        features, hits, absent = self._candidates(members)
        weights = torch.zeros(2 * members, dtype=torch.float64)
        weights[:members] = 1.0
        weights.requires_grad_()
        optimizer = torch.optim.LBFGS([weights], max_iter=100, line_search_fn="strong_wolfe")

        def objective() -> torch.Tensor:
            optimizer.zero_grad()
            logits = (features @ weights).masked_fill(absent, -torch.inf)
            likely = torch.log_softmax(logits, 1).masked_fill(absent, 0.0)
            loss = -(hits * likely).sum(1).mean() + _PENALTY * weights.square().sum()
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        optimizer.step(objective)  # type: ignore[no-untyped-call]
        found: Float32 = weights.detach().numpy().reshape(2, members).T.astype(np.float32)
        return found

    def _candidates(self, members: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Features [people, candidates, 2 · members], shares of the hits, and which places are empty."""
        people = len(self.seen[0]) - 1
        most = members * min(_CANDIDATES, self.n_items) + int(np.diff(self.relevant[0]).max(initial=0))
        features = torch.zeros(people, most, 2 * members, dtype=torch.float64)
        hits, absent = (
            torch.zeros(people, most, dtype=torch.float64),
            torch.ones(people, most, dtype=torch.bool),
        )
        for start in range(0, people, _BLOCK):
            rows = np.arange(start, min(start + _BLOCK, people))
            scores, seen = self.scorer(start, start + len(rows)), take_rows(*self.seen, rows)
            one = np.ones((len(rows), 1), dtype=np.float32)
            standard = [weighted_sum([part], one) for part in scores]
            best = [_top(part, min(_CANDIDATES, self.n_items), seen) for part in standard]
            for row in range(len(rows)):
                held_out = self.relevant[1][slice(*self.relevant[0][rows[row] : rows[row] + 2])]
                items = np.union1d(np.concatenate([top[row] for top in best]), held_out)
                items = items[items >= 0]
                own = np.stack([part[row, items] for part in standard], axis=1)
                length = np.log1p(seen[0][row + 1] - seen[0][row])
                place = slice(0, len(items))
                features[rows[row], place] = torch.from_numpy(np.hstack([own, own * length]))
                hits[rows[row], place] = torch.from_numpy(np.isin(items, held_out) / max(1, len(held_out)))
                absent[rows[row], place] = False
        return features, hits, absent


def _top(scores: Float32, k: int, seen: Pattern) -> NDArray[np.int32]:
    people, items = scores.shape
    top: NDArray[np.int32] = topk_blocks(lambda a, b: scores[a:b], people, items, k, seen=seen)[0]
    return top
