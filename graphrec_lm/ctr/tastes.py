"""What a group of rows likes about the other side's vectors: a ridge regression a group, solved together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.ctr.rates import FOLDS, Codes, Floats

Float32 = NDArray[np.float32]

CHUNK = 8192
BYTES = 128 << 20  # of the Gram matrices held at once; a few copies of them come and go
LEVEL = 2.0


@dataclass(frozen=True)
class Tastes:
    """A linear taste for each group: how its rows' residuals follow their vectors.

    Group g (a user) with the vectors x_r of its rows (the items' sentences) and their residuals e_r has
    (w_g, b_g) by ridge regression of e_r on (x_r, 2), so that the group's own level b_g is learned on the
    same rows; the feature of a row is w_gᵀ x. A training row's w_g comes from the other folds. It is the
    content profile of classical recommenders (Pazzani & Billsus, 2007) in the space of the language model,
    and costs rows · dim² + groups · folds · dim³ / 3.

    Attributes
    ----------
    weights : float32 [n_groups, dim]
        Zeros for code 0, the unknown group.
    """

    weights: Float32

    @classmethod
    def fit(
        cls,
        groups: Codes,
        size: int,
        vectors: Float32,
        index: Codes,
        residuals: Floats,
        folds: Codes,
        ridge: float,
    ) -> tuple[Tastes, Floats]:
        """The tastes, and the feature of the training rows out of fold.

        Parameters
        ----------
        groups : int64 [n]
        size : int
            Number of groups.
        vectors, index : float32 [m, dim], int64 [n]
            Row r has the vector `vectors[index[r]]`.
        residuals : float64 [n]
        folds : int64 [n]
        ridge : float
            λ; the mean squared length of a vector is about 1.
        """  # fmt: skip
        dim = vectors.shape[1]
        weights = np.zeros((size, dim), np.float32)
        out = np.zeros(len(groups))
        order = np.lexsort((folds, groups))
        most = max(1, min(CHUNK // 32, BYTES // (8 * FOLDS * (dim + 1) ** 2)))
        for rows in _chunks(groups[order], most):
            part = order[rows]
            group, of = np.unique(groups[part], return_inverse=True)
            x, e = np.full((len(part), dim + 1), LEVEL), residuals[part]
            x[:, :dim] = vectors[index[part]]
            gram, moment = _sums(x, e, of * FOLDS + folds[part], len(group) * FOLDS)
            gram += np.eye(x.shape[1]) * (ridge / FOLDS)
            gram, moment = (
                gram.reshape(len(group), FOLDS, *gram.shape[1:]),
                moment.reshape(len(group), FOLDS, -1),
            )
            total, sums = gram.sum(1), moment.sum(1)
            weights[group] = np.linalg.solve(total, sums[..., None])[:, :dim, 0]
            eye = np.eye(x.shape[1]) * (ridge / FOLDS)
            others = np.linalg.solve(total[:, None] - gram + eye, (sums[:, None] - moment)[..., None])[..., 0]
            out[part] = np.einsum("rd,rd->r", others[of, folds[part], :dim], x[:, :dim])
        weights[0] = 0
        out[groups == 0] = 0
        return cls(weights), out

    def features(self, groups: Codes, vectors: Float32, index: Codes) -> Floats:
        """The feature of each row, float64 [n]."""
        out = np.empty(len(groups))
        for start in range(0, len(groups), CHUNK):
            part = slice(start, start + CHUNK)
            out[part] = np.einsum("rd,rd->r", self.weights[groups[part]], vectors[index[part]])
        return out


def _chunks(groups: Codes, most: int) -> Iterator[slice]:
    """Slices of whole groups, of about `CHUNK` rows or `most` groups, whichever is less."""
    starts = np.flatnonzero(np.diff(groups, prepend=groups[0] - 1)) if len(groups) else np.zeros(0, np.int64)
    first = 0
    while first < len(starts):
        last = max(first + 1, int(np.searchsorted(starts, starts[first] + CHUNK)))
        last = min(last, first + most, len(starts))
        yield slice(starts[first], starts[last] if last < len(starts) else len(groups))
        first = last


def _sums(x: Floats, e: Floats, cells: Codes, count: int) -> tuple[Floats, Floats]:
    """Σ x xᵀ and Σ x e by cell; `cells` ascend."""
    gram, moment = np.zeros((count, x.shape[1], x.shape[1])), np.zeros((count, x.shape[1]))
    starts = np.flatnonzero(np.diff(cells, prepend=-1))
    stops = np.append(starts[1:], len(cells))
    for start, stop in zip(starts, stops, strict=True):
        own = x[start:stop]
        gram[cells[start]] = own.T @ own
        moment[cells[start]] = own.T @ e[start:stop]
    return gram, moment
