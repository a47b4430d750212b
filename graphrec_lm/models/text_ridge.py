"""TextRidge: ridge regression of the interactions towards what the titles suggest, tuned by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from graphrec_lm.data import Dataset
from graphrec_lm.errors import check_choice, check_number
from graphrec_lm.kernels import pattern_matrix, unit_rows
from graphrec_lm.models.dense_limit import fits_dense
from graphrec_lm.models.fitted import Arrays, Fitted
from graphrec_lm.models.item_item import ItemItemRecommender, stored
from graphrec_lm.models.near_titles import NearTitles, with_near
from graphrec_lm.models.ridge import least_regularization
from graphrec_lm.models.ridge_column import interaction_column
from graphrec_lm.models.ridge_search import Float32, Grid, Point, Search
from graphrec_lm.models.ridge_solvers import DenseSolver, Solver, SparseSolver
from graphrec_lm.models.text import title_vectors
from graphrec_lm.models.text_prior import TitleAxes
from graphrec_lm.models.truncation import truncated
from graphrec_lm.progress import Progress
from graphrec_lm.text import DEFAULT_ENCODER
from graphrec_lm.training.callbacks import Callback

# Where the search starts, or ends without validation.
_USUAL = {"regularization": 100.0, "text_regularization": 10.0, "strength": 1.0}
_NEAR = {"near_strength": 0.0, "near_noise": 10.0}  # where they are not chosen
_NEAR_STRENGTHS, _NEAR_NOISES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0), (10.0, 100.0)
_MOST_NEAR = 50_000  # items; every title is compared with every other
_TEXT_REGULARIZATIONS = (3.0, 10.0, 30.0, 100.0)
_STRENGTHS = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 13.0, 16.0)
_MOST_DENSE = 40_000  # items; three such matrices are 19 GB


class TextRidge(ItemItemRecommender):
    """Item-to-item weights B that reconstruct the interactions R and stay near the titles' own, C.

        min_B ‖R - R B‖² + λ ‖B - κ C‖²,  diag(B) = 0

    C is the same kind of solution on the titles' LM vectors (`models/text_prior.py`). κ = 0 is EASE, L3AE is
    one κ. Whatever of λ, κ and the titles' own λ is not given is chosen by NDCG@20 on validation: on `valid`,
    or on a tenth of each user's items that is split off for the choice and comes back for the fit (where
    nobody has three items: λ = 100, κ = 1, 10 for the titles). Exact for new people.

    `solver="dense"` is that minimum; it needs n_items² · 4 bytes, three times while it is fitted (or the
    weights are left as a product: of at most 1,000 users who with the title dimensions are few beside the
    items). `"sparse"` lets the interactions speak through each item's `neighbors` alone
    (`models/sparse_ridge.py`): memory and time grow with n_items · neighbors. `keep` leaves the largest
    weights of each item alone, of parameters that were chosen for all of them: B becomes sparse
    (`benchmarks/ridge_truncation.py` measures what that costs).

    C is linear in the title vectors. Besides, each item's hundred nearest titles speak for it: μ N is added
    to B (`models/near_titles.py`). μ and the noise of N are chosen after the rest, with κ once more; not
    beyond 50,000 items, nor where λ, κ and the titles' λ are given.

    `explain` has two columns more, whose sum is `score`: `interactions`, what an item of the history would
    contribute without titles, and `titles`, what these add or take away. (With the sparse solver the two are
    split up to the co-occurrences that it leaves out; their sum is exact.)

    Parameters
    ----------
    regularization : float, optional
        λ > 0; None is chosen.
    strength : float, optional
        κ >= 0; None is chosen.
    text_regularization : float, optional
        λ > 0 of the titles' own ridge; None is chosen.
    near_strength : float, optional
        μ >= 0; None is chosen if something else is, otherwise 0.
    near_noise : float, optional
        > 0, of N; None is chosen with the rest, or 10 where nothing is.
    solver : {"auto", "dense", "sparse"}
        "auto" is dense up to 40,000 items, if that takes less than half of the machine's memory.
    neighbors : int
        Of the sparse solver: the items that most often occur with an item.
    keep : int, optional
        Weights that are kept for each item that is scored; None keeps all.
    encoder : name, folder, TextEncoder, or list of them
    seed : int
        Draws the split if there is no `valid`, and the people that validate.
    verbose : bool
        Show progress.

    Examples
    --------
    >>> import graphrec_lm as gl
    >>> train, valid, test = gl.load_dataset("movielens-small").split("from_column")
    >>> model = TextRidge(regularization=100.0, verbose=False).fit(train, valid=valid)
    >>> model.chosen_["strength"] > 0
    True
    """

    uses_text = True

    def __init__(
        self,
        regularization: float | None = None,
        strength: float | None = None,
        text_regularization: float | None = None,
        near_strength: float | None = None,
        near_noise: float | None = None,
        solver: str = "auto",
        neighbors: int = 100,
        keep: int | None = None,
        encoder: Any = DEFAULT_ENCODER,
        seed: int = 0,
        verbose: bool = True,
    ) -> None:
        self.regularization, self.strength = regularization, strength
        self.text_regularization, self.encoder = text_regularization, encoder
        self.near_strength, self.near_noise = near_strength, near_noise
        self.solver, self.neighbors, self.keep = solver, neighbors, keep
        self.seed, self.verbose = seed, verbose

    @property
    def chosen_(self) -> dict[str, float]:
        """The five parameters of the fit that may be chosen; `ndcg` if they were, and without `keep`."""
        return dict(self._state.notes["chosen"])

    @property
    def search_(self) -> list[dict[str, float]]:
        """Everything that was tried; the same keys."""
        return list(self._state.notes["search"])

    def _fit(self, dataset: Dataset, valid: Dataset | None, callbacks: Sequence[Callback]) -> Fitted:
        self._check()
        titles, notes = title_vectors(dataset, self._own_encoder())
        axes, rounded = TitleAxes.of(unit_rows(titles)), titles.astype(np.float16)
        del titles
        train, held_out = dataset, valid
        if self._is_open() and (valid is None or not valid.n_interactions):
            train, held_out, _ = dataset.split("random", valid=0.1, test=0.0, seed=self.seed)
        solver, grid = self._solver(train), self._grid(dataset)
        if isinstance(solver, DenseSolver):
            check_number("regularization", grid.start, least=grid.least)
        near = self._near(axes, train)
        points = self._search(grid, train, held_out, solver, axes, near)
        best = max(points, key=lambda point: point.ndcg, default=None)
        chosen = self._given(grid.start) if best is None else best._asdict()
        regularization, strength = chosen["regularization"], chosen["strength"]
        prior = axes.prior(chosen["text_regularization"]) if strength else None
        if train is not dataset:
            del solver
            solver, near = self._solver(dataset), self._near(axes, dataset)
        weights = solver.weights(regularization, prior, strength)
        support = {}
        if chosen["near_strength"]:
            if isinstance(solver, SparseSolver):  # for `explain`, which of the weights are of interactions
                sparse = weights.sparse
                support = {"regressors.indptr": sparse.indptr, "regressors.indices": sparse.indices}
            beside = near.weights(regularization, chosen["near_noise"])
            weights = with_near(weights, beside, chosen["near_strength"])
        if self.keep is not None:
            weights = truncated(weights, self.keep)
            chosen.pop("ndcg", None)  # of all weights
        notes |= {
            "solver": "sparse" if isinstance(solver, SparseSolver) else "dense",
            "chosen": chosen,
            "search": [point._asdict() for point in points],
        }
        return Fitted.of(dataset, valid, stored(weights) | support | {"titles": rounded}, notes=notes)

    def _check(self) -> None:
        """Raise InputError for parameters out of range."""
        for name in ("regularization", "text_regularization", "near_noise"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), above=0)
        for name in ("strength", "near_strength"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), least=0)
        check_choice("solver", self.solver, ("auto", "dense", "sparse"))
        check_number("neighbors", self.neighbors, least=1, integer=True)
        if self.keep is not None:
            check_number("keep", self.keep, least=1, integer=True)
        check_number("seed", self.seed, least=0, integer=True)

    def _settled(self) -> dict[str, Any]:
        return {name: self.chosen_[name] for name in (*_USUAL, *_NEAR)}

    def _solver(self, dataset: Dataset) -> Solver:
        fits = dataset.n_items <= _MOST_DENSE and fits_dense(dataset.n_items)
        is_dense = fits if self.solver == "auto" else self.solver == "dense"
        return DenseSolver(dataset) if is_dense else SparseSolver(dataset, self.neighbors)

    def _sources(self, history: NDArray[np.int32], target: int, values: Float32) -> dict[str, Float32]:
        """`interactions`: what the weights would be without titles (κ = 0); `titles`: the rest.

        Of an item that was added later all is due to titles.
        """
        pattern, alone = self._pattern, np.zeros_like(values)
        old = (history < pattern.shape[1]) & (values != 0)  # `keep` may have dropped a weight
        if target < pattern.shape[1] and old.any():
            regularization = self.chosen_["regularization"]
            column = interaction_column(pattern, regularization, target, self._regressors(target))
            alone[old] = column[history[old]]
        return {"interactions": alone, "titles": values - alone}

    def _regressors(self, target: int) -> NDArray[Any] | None:
        """The items that the sparse solver predicts an item from; None is all."""
        arrays = self._state.arrays
        name = "regressors" if "regressors.indptr" in arrays else "weights"
        is_dense = self._state.notes.get("solver", "sparse") == "dense"
        if name == "weights" and (is_dense or "weights.left" not in arrays):
            return None
        places = np.flatnonzero(arrays[f"{name}.indices"] == target)
        return np.searchsorted(arrays[f"{name}.indptr"], places, side="right") - 1

    def _regrown(self, dataset: Dataset) -> Arrays:
        """The weights stay, and, for `explain`, the interactions that they were learned from."""
        first = self._state.dataset
        return {"learned.indptr": first.indptr, "learned.indices": first.indices} | super()._regrown(dataset)

    @property
    def _pattern(self) -> csr_array:
        """The interactions that the weights were learned from, [users then, items then]."""
        arrays, dataset = self._state.arrays, self._state.dataset
        indptr = arrays.get("learned.indptr", dataset.indptr)
        indices = arrays.get("learned.indices", dataset.indices)
        return pattern_matrix(indptr, indices, self._n_learned, np.float64)

    def _given(self, regularization: float) -> dict[str, float]:
        """The parameters, where they are not None, else the usual values and this λ."""
        return {
            name: float(usual if getattr(self, name) is None else getattr(self, name))
            for name, usual in (_USUAL | _NEAR | {"regularization": regularization}).items()
        }

    def _grid(self, dataset: Dataset) -> Grid:
        """What is tried before the fit to these data: λ from its usual value, or the least they allow."""
        least = least_regularization(dataset)
        given = self._given(max(_USUAL["regularization"], least))
        return Grid(
            given["regularization"],
            self.regularization is not None,
            _TEXT_REGULARIZATIONS if self.text_regularization is None else [given["text_regularization"]],
            _STRENGTHS if self.strength is None else [given["strength"]],
            least,
        )

    def _is_open(self) -> bool:
        """Whether there is something to choose."""
        return any(getattr(self, name) is None for name in _USUAL)

    def _search(
        self,
        grid: Grid,
        train: Dataset,
        valid: Dataset | None,
        solver: Solver,
        axes: TitleAxes,
        near: NearTitles,
    ) -> list[Point]:
        """What was tried on validation; nothing if there is nothing to choose or to validate on."""
        if not self._is_open() or valid is None or not valid.n_interactions:
            return []
        with Progress(None, "TextRidge", "factorisations", enabled=self.verbose) as bar:
            search = Search(train, valid, solver, axes, self.seed)
            points = search.run(
                grid, lambda point: bar.advance(1, regularization=point.regularization, ndcg=point.ndcg)
            )
            if self._wants_near(train.n_items):
                best = max(points, key=lambda point: point.ndcg)
                strengths = _NEAR_STRENGTHS if self.near_strength is None else [float(self.near_strength)]
                found = search.beside_near(best, grid.strengths, near, strengths)
                points = found if self.near_strength else points + found
        return points

    def _wants_near(self, n_items: int) -> bool:
        """Whether near titles are tried: if asked for, and by themselves where titles count at all."""
        if self.near_strength is not None:
            return self.near_strength > 0
        return self.strength != 0 and n_items <= _MOST_NEAR

    def _near(self, axes: TitleAxes, train: Dataset) -> NearTitles:
        """The near titles, for each noise that may be wanted."""
        noises = _NEAR_NOISES if self.near_noise is None else [float(self.near_noise)]
        return NearTitles(axes.rows.numpy(), train.item_counts, noises)
