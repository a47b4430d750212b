"""AlphaFree: histories of titles, an augmented view of them, and no graph."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from graphrec_lm.errors import check_number
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.kernels import gram, pair_products, pattern_matrix, unit_rows
from graphrec_lm.models.fitted import Arrays
from graphrec_lm.models.fold_in import own_part
from graphrec_lm.models.item_knn import largest_others
from graphrec_lm.models.people import People
from graphrec_lm.models.projection import Projection
from graphrec_lm.models.text_view import TextView
from graphrec_lm.models.towers import TowerRecommender, Towers, tower_arrays
from graphrec_lm.models.trained import seeded
from graphrec_lm.text import DEFAULT_ENCODER
from graphrec_lm.training import Batch, Learner
from graphrec_lm.training.losses import contrast, infonce

Float32 = NDArray[np.float32]


class AlphaFree(TowerRecommender):
    """Free from users, IDs and GNNs (Jeon et al., WWW 2026, arXiv 2603.02653).

    An item is the LM vector of its title, a user the mean of the titles in the history. The augmented view
    adds similar items to both: of the `neighbors` items that most often occur with an item, those are kept
    whose titles are at least as similar to its own as the average title is (algorithm 1). An augmented
    item is the mean of these and of itself, weighted by co-occurrence; an augmented user the mean title
    of the union over the history. Each view has an MLP for users and items alike. The loss (algorithm 2)
    is InfoNCE on either view, and `alignment` times the InfoNCE between the views, both ways, of the batch's
    users and of its positive items. Scores are cosines in the original view.

    Where we differ from the authors' code: similarity of titles is a cosine (theirs an inner product,
    the same for unit vectors), and its average is one product with the mean title, not one with all;
    we keep the item itself in its own neighbourhood whatever the ties; an item that nobody touched keeps its
    title (theirs becomes zero); in the alignment we take each user and item of a batch once (there,
    a repeated one is its own negative); the epoch is selected as for all models here.

    `recommend(history=...)` is exact: nothing but the history is known of a user.

    Parameters
    ----------
    dim : int
    hidden : int, optional
        Inner width of both MLPs; None is half the LM's dimension.
    tau : float
        Temperature of the recommendation terms, τ_r. The authors: 0.15 or 0.2.
    neighbors : int
        K_c, >= 0. The authors: 5 (Books, Movies); 3 to 10.
    alignment : float
        Weight λ of the alignment terms, >= 0. The authors: 0.2 (Books, Movies); 0.01 to 0.2.
    alignment_tau : float
        Their temperature, τ_a. The authors: 0.1 (Books), 0.2 (Movies); 0.01 to 0.2.
    negatives, share_negatives, negative_power, sampling, epochs, batch_size, learning_rate
    valid_every, patience, encoder, seed, device, verbose
        As for `AlphaRec`.

    Examples
    --------
    >>> import graphrec_lm as gl
    >>> train, valid, test = gl.load_dataset("movielens-small").split("from_column")
    >>> quick = {"hidden": 32, "dim": 16, "negatives": 64, "share_negatives": True}
    >>> model = AlphaFree(**quick, epochs=1, verbose=False).fit(train, valid=valid)
    >>> model.recommend(history=[[1, 260]], k=3)["rank"].tolist()
    [1, 2, 3]
    """

    uses_text = True

    def __init__(
        self,
        dim: int = 64,
        hidden: int | None = None,
        tau: float = 0.15,
        neighbors: int = 5,
        alignment: float = 0.2,
        alignment_tau: float = 0.2,
        negatives: int = 256,
        share_negatives: bool = False,
        negative_power: float = 0.0,
        sampling: str = "user",
        epochs: int = 500,
        batch_size: int | str = 4096,
        learning_rate: float = 5e-4,
        valid_every: int = 5,
        patience: int = 20,
        domain_weights: Any = "proportional",
        encoder: Any = DEFAULT_ENCODER,
        seed: int = 0,
        device: str = "auto",
        verbose: bool = True,
    ) -> None:
        self.dim, self.hidden, self.tau = dim, hidden, tau
        self.neighbors, self.alignment, self.alignment_tau = neighbors, alignment, alignment_tau
        self.negatives, self.share_negatives = negatives, share_negatives
        self.negative_power, self.sampling = negative_power, sampling
        self.epochs, self.batch_size, self.learning_rate = epochs, batch_size, learning_rate
        self.valid_every, self.patience, self.encoder = valid_every, patience, encoder
        self.seed, self.device, self.verbose = seed, device, verbose
        self.domain_weights = domain_weights

    def _check(self) -> None:
        super()._check()
        check_number("neighbors", self.neighbors, least=0, integer=True)
        check_number("alignment", self.alignment, least=0)
        check_number("alignment_tau", self.alignment_tau, above=0)

    def _towers(self, width: int) -> dict[str, Projection]:
        shape = self._widths(width)
        generator = seeded(self.seed)
        return {prefix: Projection("mlp", *shape, generator) for prefix in ("", "augmented.")}

    def _over(self, towers: Towers, titles: torch.Tensor, graph: BipartiteGraph) -> _AlphaFreeLearner:
        def augmented() -> TextView:
            return augmented_view(titles.numpy(), graph, self.neighbors)

        how = self.tau, self.alignment, self.alignment_tau
        view = TextView(titles, graph, 0)
        return _AlphaFreeLearner(view, augmented, towers[""], towers["augmented."], *how)

    def _learned(self, learner: _AlphaFreeLearner) -> Arrays:
        weights = tower_arrays({"": learner.tower, "augmented.": learner.augmented_tower})
        return weights | {"titles": learner.view.titles.numpy().astype(np.float16)}

    def _item_rows(self, titles: Float32) -> Float32:
        return unit_rows(Projection.apply_restored(self._state.arrays, titles))

    def _fold_in(self, people: People) -> Float32:
        arrays = self._state.arrays
        return unit_rows(Projection.apply_restored(arrays, own_part(arrays["titles"], people)))


class _AlphaFreeLearner(Learner):
    def __init__(
        self,
        view: TextView,
        augmented: Callable[[], TextView],
        tower: Projection,
        augmented_tower: Projection,
        tau: float,
        alignment: float,
        alignment_tau: float,
    ) -> None:
        super().__init__()
        self.view, self._augment, self.tower, self.augmented_tower = view, augmented, tower, augmented_tower
        self.tau, self.alignment, self.alignment_tau = tau, alignment, alignment_tau

    @cached_property
    def augmented(self) -> TextView:
        """The augmented view; the loss alone asks for it."""
        return self._augment()

    def represent(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.view.everyone(self.tower, self.tower)

    def loss(self, batch: Batch) -> torch.Tensor:
        users, items, compact = batch.compact(len(self.view.titles))
        rows = self.view.rows(self.tower, self.tower, users, items)
        others = self.augmented.rows(self.augmented_tower, self.augmented_tower, users, items)
        ranking = infonce(*rows, compact, self.tau) + infonce(*others, compact, self.tau)
        everyone = np.arange(len(users), dtype=np.int32)
        positives = np.unique(compact.positives)
        agreement = align(rows[0], others[0], everyone, self.alignment_tau)
        agreement = agreement + align(rows[1], others[1], positives, self.alignment_tau)
        return ranking + self.alignment * agreement


def align(one: torch.Tensor, other: torch.Tensor, codes: NDArray[np.int32], tau: float) -> torch.Tensor:
    """Mean of InfoNCE both ways between two views of the rows `codes`, the others of them as negatives.

    >>> align(torch.eye(2), torch.eye(2), np.arange(2, dtype=np.int32), tau=1.0)
    tensor(0.3133)
    """
    places = torch.from_numpy(codes)
    first, second = (torch.nn.functional.embedding(places, table) for table in (one, other))
    return (contrast(first, second, tau) + contrast(second, first, tau)) / 2


def augmented_view(titles: Float32, graph: BipartiteGraph, neighbors: int) -> TextView:
    """The view of augmented items and histories; see `AlphaFree`."""
    weights = similar_items(titles, graph, neighbors)
    histories = pattern_matrix(graph.indptr, graph.indices, graph.n_items)
    united = (histories @ (weights > 0).astype(np.float32)).tocsr()
    united.sort_indices()
    extended = BipartiteGraph(united.indptr, united.indices, graph.n_items)
    items = np.ascontiguousarray(weights @ titles, dtype=np.float32)
    return TextView(torch.from_numpy(titles), extended, 0, items=torch.from_numpy(items))


def similar_items(titles: Float32, graph: BipartiteGraph, neighbors: int) -> sparse.csr_array:
    """Weights of each item's neighbourhood, itself among it; rows sum to 1.

    Parameters
    ----------
    titles : float32 array [n_items, d_LM]
    graph : BipartiteGraph
    neighbors : int
        K_c: how many of the items that most often occur with an item are looked at, the first of equals.

    Returns
    -------
    scipy.sparse.csr_array of float32 [n_items, n_items]
    """
    counts = gram(graph.indptr, graph.indices, graph.n_items, least=1.0)
    near = largest_others(counts, neighbors)
    rows = np.repeat(np.arange(graph.n_items), np.diff(near.indptr))
    units = unit_rows(titles)
    average = units @ units.mean(axis=0)
    near.data *= pair_products(units, units, rows, near.indices) >= average[rows]
    near.eliminate_zeros()
    popularity = np.maximum(np.diff(graph.item_indptr), 1).astype(np.float32)
    near = (near + sparse.diags_array(popularity)).tocsr()
    return (sparse.diags_array(1 / near.sum(axis=1)) @ near).tocsr().astype(np.float32)
