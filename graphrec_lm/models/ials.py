"""IALS: weighted matrix factorisation by alternating least squares, computed by `implicit`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from graphrec_lm.data import Dataset
from graphrec_lm.errors import check_bool, check_number
from graphrec_lm.models.fitted import Arrays, Fitted
from graphrec_lm.models.mixes_items import MixesItems
from graphrec_lm.models.people import People, edges_of
from graphrec_lm.training.callbacks import Callback

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_PEOPLE = 256  # solved together, at most,
_NUMBERS = 1 << 24  # and so many numbers in the rows of their histories


class IALS(MixesItems):
    """Implicit alternating least squares (Hu, Koren & Volinsky, ICDM 2008), by the package `implicit`.

    min Σ_ui c_ui (p_ui - x_u·y_i)² + λ (Σ ‖x_u‖² + Σ ‖y_i‖²) over all pairs: p is 1 and c = 1 + (α - 1) w for
    an interaction of weight w (1 where the Dataset has none; the paper has 1 + α w), p is 0 and c is 1 for
    any other pair. `implicit` solves by three steps of conjugate gradients (Takács et al., RecSys 2011) and
    ends with the items. Here the users are then solved once more, exactly, for these items:
    x = (YᵀY + λI + Y_hᵀ diag(c - 1) Y_h)⁻¹ Y_hᵀ c for a history h. So new people get what a fitted user of
    that history gets: `history=[{item: weight, ...}]`; a plain list has weights 1.

    A seed gives the same factors bit for bit on one thread of torch, whose number of threads is used.
    More gave the same in our tests, as one thread solves each row; `implicit` doesn't promise it.

    Parameters
    ----------
    factors : int
    regularization : float
        λ, > 0. It decides more than anything else; `implicit`'s own default, 0.01, overfits by far.
    alpha : float
        α, c of an interaction of weight 1; >= 1.
    iterations : int
    seed : int
        Of the initial factors.
    device : {"auto", "cpu"}
    verbose : bool

    Raises
    ------
    ImportError
        At fit, without `implicit`: `pip install "graphrec_lm[implicit]"`. A saved model doesn't need it.

    Examples
    --------
    >>> IALS(factors=32, alpha=10.0)
    IALS(factors=32, alpha=10.0)
    """

    reads_weights = True

    def __init__(
        self,
        factors: int = 128,
        regularization: float = 30.0,
        alpha: float = 5.0,
        iterations: int = 20,
        seed: int = 0,
        device: str = "auto",
        verbose: bool = True,
    ) -> None:
        self.factors, self.regularization, self.alpha = factors, regularization, alpha
        self.iterations, self.seed, self.device, self.verbose = iterations, seed, device, verbose

    @property
    def exact_for_new_people(self) -> bool:
        """Unless fitted interactions have weights: a history given as a list has none."""
        return self._fitted is None or self._fitted.dataset.weights is None

    def _fit(self, dataset: Dataset, valid: Dataset | None, callbacks: Sequence[Callback]) -> Fitted:
        for name in ("factors", "iterations"):
            check_number(name, getattr(self, name), least=1, integer=True)
        check_number("regularization", self.regularization, above=0)
        check_number("alpha", self.alpha, least=1)
        check_number("seed", self.seed, least=0, most=2**32 - 1, integer=True)
        check_bool("verbose", self.verbose)
        items = self._item_factors(dataset)
        common = _common(items, self.regularization)
        how = common, self.alpha, dataset.weights
        users = least_squares_users(items, dataset.indptr, dataset.indices, *how)
        arrays: Arrays = {"users": users, "items": items, "common": common}
        return Fitted.of(dataset, valid, arrays, notes={"alpha": float(self.alpha)})

    def _item_factors(self, dataset: Dataset) -> Float32:
        als, limits = _implicit()
        weights = np.ones(dataset.n_interactions) if dataset.weights is None else dataset.weights
        shape = dataset.n_users, dataset.n_items
        values = ((1 + (self.alpha - 1) * weights) / self.alpha).astype(np.float32)  # times alpha: c
        matrix = sparse.csr_matrix((values, dataset.indices, dataset.indptr), shape=shape)
        with limits(1, "blas"):
            model = als(
                factors=self.factors, regularization=self.regularization, alpha=self.alpha,
                iterations=self.iterations, num_threads=torch.get_num_threads(), random_state=self.seed,
            )  # fmt: skip
            model.fit(matrix, show_progress=self.verbose)
        return np.ascontiguousarray(model.item_factors, dtype=np.float32)

    def _fold_in(self, people: People) -> Float32:
        return self._solved(people.indptr, people.indices, people.weights)

    def _contributions(self, person: People, target: int) -> Float32:
        """c_j y_jᵀ A⁻¹ y_i of each item j, A = YᵀY + λI + Y_hᵀ diag(c - 1) Y_h (section 5 of the paper)."""
        state, table = self._state, self._items
        weights = np.ones(len(person.indices)) if person.weights is None else person.weights
        extra = (state.notes["alpha"] - 1) * weights
        rows = table[person.indices].astype(np.float64)
        system = state.arrays["common"] + rows.T @ (extra[:, None] * rows)
        found = (1 + extra) * (rows @ np.linalg.solve(system, table[target].astype(np.float64)))
        return found.astype(np.float32)

    def _left_out(self, users: NDArray[np.int32], items: NDArray[np.int32]) -> Float32:
        """One system a user instead of one a pair.

        With A of the whole history, s the score and q = yᵀA⁻¹y, the score without y is
        (s - α q) / (1 - (α - 1) q).
        """
        dataset, alpha = self._state.dataset, self._state.notes["alpha"]
        table, common = self._items, self._state.arrays["common"]
        found = np.empty(len(users), dtype=np.float32)
        order = np.argsort(users, kind="stable")
        starts = np.flatnonzero(np.diff(users[order], prepend=-1))
        for rows in np.split(order, starts[1:]) if len(users) else ():
            own = slice(*dataset.indptr[users[rows[0]] : users[rows[0]] + 2])
            history, asked = table[dataset.indices[own]].astype(np.float64), table[items[rows]]
            sides = np.vstack([alpha * history.sum(axis=0), asked]).T
            solved = np.linalg.solve(common + (alpha - 1) * history.T @ history, sides)
            scores, q = asked @ solved[:, 0], np.einsum("nf,fn->n", asked, solved[:, 1:])
            found[rows] = (scores - alpha * q) / (1 - (alpha - 1) * q)
        return found

    def _changed(self, dataset: Dataset) -> NDArray[np.integer]:
        """Those, too, of whom a weight has grown where no item is new."""
        changed, before = super()._changed(dataset), self._state.dataset
        if dataset.weights is None:
            return changed
        alike = np.setdiff1d(np.arange(before.n_users), changed)
        old = np.ones(before.n_interactions) if before.weights is None else before.weights
        places = [edges_of(part.indptr, alike) for part in (before, dataset)]
        owners = np.repeat(alike, before.user_counts[alike])
        return np.union1d(changed, owners[old[places[0]] != dataset.weights[places[1]]])

    def _solved(
        self, indptr: NDArray[np.int64], indices: NDArray[np.int32], weights: Float32 | None = None
    ) -> Float32:
        how = self._state.arrays["common"], self._state.notes["alpha"], weights
        return least_squares_users(self._items, indptr, indices, *how)


def least_squares_users(
    items: Float32,
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    common: Float64,
    alpha: float,
    weights: Float32 | None = None,
) -> Float32:
    """The exact vectors of people with these histories, for fixed items: x in the docstring of `IALS`.

    Parameters
    ----------
    items : float32 array [n_items, factors]
    indptr, indices : int64 [n + 1], int32
        Histories.
    common : float64 array [factors, factors]
        YᵀY + λI.
    alpha : float
    weights : float32 array, optional
        Of the interactions; None: 1 each.

    Returns
    -------
    float32 array [n, factors]
        Solved in float64; zeros for an empty history.

    Examples
    --------
    >>> items, history = np.ones((2, 1), dtype=np.float32), (np.array([0, 1]), np.array([1], dtype=np.int32))
    >>> least_squares_users(items, *history, np.array([[2.0 + 1.0]]), alpha=3.0)  # 3 / (2 + 1 + 2)
    array([[0.6]], dtype=float32)
    """
    counts, factors = np.diff(indptr), items.shape[1]
    out, order = np.zeros((len(counts), factors), dtype=np.float32), np.argsort(counts, kind="stable")
    start = int(np.searchsorted(counts[order], 1))  # who has no history keeps zeros
    while start < len(order):
        most = _NUMBERS // max(1, factors * counts[order[start : start + _PEOPLE][-1]])
        people = order[start : start + min(_PEOPLE, max(1, most))]  # of about the same length
        start += len(people)
        own = counts[people]
        owners = np.repeat(np.arange(len(people)), own)
        places = np.arange(len(owners)) - np.repeat(np.cumsum(own) - own, own)
        edges = indptr[people][owners] + places
        rows, extra = np.zeros((len(people), own[-1], factors)), np.zeros((len(people), own[-1]))
        rows[owners, places] = items[indices[edges]]
        extra[owners, places] = (alpha - 1) * (1 if weights is None else weights[edges].astype(np.float64))
        confidence = extra.copy()
        confidence[owners, places] += 1
        solve = _by_history if own[-1] < factors else _by_factors
        out[people] = solve(rows, extra, confidence, common)
    return out


def _by_factors(rows: Float64, extra: Float64, confidence: Float64, common: Float64) -> NDArray[Any]:
    """(C + Yᵀ W Y)⁻¹ Yᵀ c for each, W = diag(extra), c the confidence; as many equations as factors."""
    columns = rows.swapaxes(1, 2)
    system, sides = common + columns @ (extra[:, :, None] * rows), columns @ confidence[:, :, None]
    found: NDArray[Any] = np.linalg.solve(system, sides)[:, :, 0]
    return found


def _by_history(rows: Float64, extra: Float64, confidence: Float64, common: Float64) -> NDArray[Any]:
    """The same as C⁻¹ Yᵀ (I + W Y C⁻¹ Yᵀ)⁻¹ c: as many equations as items in the history."""
    reached = np.linalg.solve(common, rows.reshape(-1, rows.shape[2]).T).T.reshape(rows.shape)
    system = np.eye(rows.shape[1]) + extra[:, :, None] * (rows @ reached.swapaxes(1, 2))
    found: NDArray[Any] = (reached.swapaxes(1, 2) @ np.linalg.solve(system, confidence[:, :, None]))[:, :, 0]
    return found


def _common(items: Float32, regularization: float) -> Float64:
    """YᵀY + λI."""
    exact = items.astype(np.float64)
    return exact.T @ exact + regularization * np.eye(items.shape[1])


def _implicit() -> tuple[Any, Any]:
    """What solves, and what keeps its linear algebra to one thread: imported when a model is fitted."""
    try:
        from implicit.cpu.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise ImportError('IALS needs implicit: pip install "graphrec_lm[implicit]"') from error
    return AlternatingLeastSquares, threadpool_limits
