"""Two ways to the ridge towards titles: dense and exact, or sparse for many items; one interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec_lm.data import Dataset
from graphrec_lm.kernels import add_row_sums, rows_between, spmm
from graphrec_lm.models.dense_limit import check_dense
from graphrec_lm.models.ridge import has_fewer_users, inverse_gram, ridge_weights, stays_thin, thin_weights
from graphrec_lm.models.sparse_ridge import SparsePath, Supports, sparse_paths
from graphrec_lm.models.text_prior import TextPrior
from graphrec_lm.models.through_users import ThroughUsers

Float32 = NDArray[np.float32]
Pattern = tuple[NDArray[np.int64], NDArray[np.int32]]
Scorer = Callable[[int, int], tuple[Float32, Float32]]


class Solver(Protocol):
    """One λ at a time: scores along a path of κ for validation, and the weights of a fit."""

    def scorers(
        self, regularization: float, priors: Sequence[TextPrior], people: Pattern
    ) -> Iterator[Scorer]:
        """For each prior of the same titles a function (start, stop) -> two arrays [people, n_items] whose
        scores of unseen items for κ are the first + κ · the second."""

    def weights(self, regularization: float, prior: TextPrior | None, strength: float) -> Any:
        """B."""


class DenseSolver:
    """P = (RᵀR + λI)⁻¹ once a λ.

    For unseen items the scores of histories X are, with Y = X P and C = Z diag(w) Tᵀ - diag(c),

        Y · (-1 / P_jj) + λκ ((Y Z diag(w)) Tᵀ - Y · ((PC)_jj / P_jj + c_j))

    Y Z = X (P Z) and P Z serve the titles' every λ.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def scorers(
        self, regularization: float, priors: Sequence[TextPrior], people: Pattern
    ) -> Iterator[Scorer]:
        """See `Solver`."""
        on_diagonal, sums, projected = self._applied(regularization, people, priors[0].rows)
        thin = torch.from_numpy(spmm(*people, projected.numpy()))
        for prior in priors:
            falling = prior.diagonal_after(projected, on_diagonal) / on_diagonal + prior.diagonal
            left, right = regularization * prior.weights * thin, prior.right

            def score(
                start: int, stop: int, left: Any = left, right: Any = right, falling: Any = falling
            ) -> tuple[Float32, Float32]:
                part = sums[start:stop]
                slope = (part * falling).mul_(-regularization).addmm_(left[start:stop], right.T)
                return (part / -on_diagonal).numpy(), slope.numpy()

            yield score

    def _applied(self, regularization: float, people: Pattern, rows: torch.Tensor) -> tuple[Any, Any, Any]:
        """The diagonal of P, X P and P Z, float32 tensors."""
        if has_fewer_users(self.dataset):
            users = ThroughUsers.of(self.dataset, regularization)
            arrays = users.diagonal.astype(np.float32), users.sums(people), users.times(rows.numpy())
            diagonal, sums, projected = map(torch.from_numpy, arrays)
            return diagonal, sums, projected
        inverse = inverse_gram(self.dataset, regularization)
        sums = torch.from_numpy(spmm(*people, inverse.numpy()))
        return inverse.diagonal().clone(), sums, inverse @ rows

    def weights(self, regularization: float, prior: TextPrior | None, strength: float) -> Any:
        """See `Solver`."""
        prior = prior if strength else None
        if has_fewer_users(self.dataset):
            is_small = stays_thin(self.dataset, 0 if prior is None else prior.rows.shape[1])
            if not is_small:
                check_dense(self.dataset.n_items)
            thin = thin_weights(self.dataset, regularization, prior, regularization * strength)
            if is_small:
                return thin
            weights = thin.toarray()
            np.fill_diagonal(weights, 0)
            return weights
        return ridge_weights(inverse_gram(self.dataset, regularization), prior, regularization * strength)


class SparseSolver:
    """Each item regressed on its neighbours; see `sparse_ridge`."""

    def __init__(self, dataset: Dataset, neighbours: int) -> None:
        self.dataset, self.supports = dataset, Supports.of(dataset, neighbours)

    def _paths(self, regularization: float, priors: Sequence[TextPrior]) -> Iterator[SparsePath]:
        return sparse_paths(self.dataset, self.supports, regularization, priors)

    def scorers(
        self, regularization: float, priors: Sequence[TextPrior], people: Pattern
    ) -> Iterator[Scorer]:
        """See `Solver`."""
        for path in self._paths(regularization, priors):

            def score(start: int, stop: int, path: SparsePath = path) -> tuple[Float32, Float32]:
                part = rows_between(people, start, stop)
                first = np.zeros((stop - start, self.dataset.n_items), dtype=np.float32)
                assert path.titles is not None
                return add_row_sums(first, *part, path.interactions), path.titles.sums(*part)

            yield score

    def weights(self, regularization: float, prior: TextPrior | None, strength: float) -> Any:
        """See `Solver`."""
        priors = [prior] if prior is not None and strength else []
        return next(self._paths(regularization, priors)).at(strength)
