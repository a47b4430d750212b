"""TextGCN-MLP: titles diffused over the graph once, then a user tower and an item tower."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec_lm.errors import check_bool, check_number
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.kernels import unit_rows
from graphrec_lm.models.fitted import Arrays
from graphrec_lm.models.fold_in import graph_part, own_part
from graphrec_lm.models.people import People
from graphrec_lm.models.projection import Projection
from graphrec_lm.models.text_view import TextView
from graphrec_lm.models.towers import TowerRecommender, Towers
from graphrec_lm.models.trained import seeded
from graphrec_lm.text import DEFAULT_ENCODER
from graphrec_lm.training import Batch, BatchSampler, Learner
from graphrec_lm.training.losses import infonce


class TextGCNMLP(TowerRecommender):
    """TextGCN's diffused LM vectors through two MLPs (Chernov et al., 2025, arXiv 2510.12461).

    As in TextGCN, a user's layer 0 is the mean title of the history, and the mean of layers 0..`layers` of
    the normalised graph represents everybody: P, fixed before training. One MLP maps the users' rows, another
    the items'; scores are cosines. With s = cosine / tau, the loss of a user with positives i and negatives
    N is the mean over i of ``-log(e^{s_i} / (e^{s_i} + Σ_{j ∈ N} e^{s_j}))``: the positives share the
    negatives and don't compete with each other.

    Where we differ from the authors' code: a history shorter than `positives` is repeated rather than padded
    (the same expected loss); users' rows of P are not stored, since the first layer commutes with diffusion;
    the epoch is selected on validation, not on test.

    `recommend(history=...)` is exact for the history of a fitted user. Somebody new is not counted in the
    items' own degrees and hops.

    Parameters
    ----------
    layers : int
        Hops of diffusion, >= 0. The authors: 3 (Books, Games), 2 (Movies).
    dim : int
        The authors: 256 (Books), 128 (Movies, Games).
    hidden : int, optional
        Inner width of both MLPs; None is half the LM's dimension.
    shared : bool
        One MLP for users and items.
    tau : float
        Temperature. The authors: 0.15 (Books, Movies), 0.2 (Games).
    positives : int
        Of each user drawn, distinct while the history lasts. The authors: 7, 9, 3.
    negatives : int
        For each user drawn.
    batch_size : int or "auto"
        Users drawn for a step, each with all its positives; an epoch draws as many as there are interactions.
    share_negatives, negative_power, sampling, epochs, learning_rate
    valid_every, patience, encoder, seed, device, verbose
        As for `AlphaRec`.

    Examples
    --------
    >>> import graphrec_lm as gl
    >>> train, valid, test = gl.load_dataset("movielens-small").split("from_column")
    >>> quick = {"hidden": 32, "dim": 16, "negatives": 64, "share_negatives": True}
    >>> model = TextGCNMLP(**quick, epochs=1, verbose=False).fit(train, valid=valid)
    >>> model.recommend(history=[[1, 260]], k=3)["rank"].tolist()
    [1, 2, 3]
    """

    uses_text = True

    def __init__(
        self,
        layers: int = 3,
        dim: int = 128,
        hidden: int | None = None,
        shared: bool = False,
        tau: float = 0.15,
        positives: int = 7,
        negatives: int = 512,
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
        self.layers, self.dim, self.hidden, self.shared, self.tau = layers, dim, hidden, shared, tau
        self.positives, self.negatives, self.share_negatives = positives, negatives, share_negatives
        self.negative_power, self.sampling = negative_power, sampling
        self.epochs, self.batch_size, self.learning_rate = epochs, batch_size, learning_rate
        self.valid_every, self.patience, self.encoder = valid_every, patience, encoder
        self.seed, self.device, self.verbose = seed, device, verbose
        self.domain_weights = domain_weights

    def _check(self) -> None:
        super()._check()
        check_number("layers", self.layers, least=0, integer=True)
        check_number("positives", self.positives, least=1, integer=True)
        check_bool("shared", self.shared)

    def _towers(self, width: int) -> dict[str, Projection]:
        shape = self._widths(width)
        generator = seeded(self.seed)
        items = Projection("mlp", *shape, generator)
        users = items if self.shared else Projection("mlp", *shape, generator)
        return {"user_tower.": users, "item_tower.": items}

    def _over(self, towers: Towers, titles: torch.Tensor, graph: BipartiteGraph) -> _TextGCNMLPLearner:
        view = TextView(titles, graph, self.layers)
        return _TextGCNMLPLearner(view, towers["user_tower."], towers["item_tower."], self.tau)

    def _sampler(self, graph: BipartiteGraph) -> BatchSampler:
        return replace(super()._sampler(graph), positives=self.positives)

    def _learned(self, learner: _TextGCNMLPLearner) -> Arrays:
        arrays = {name: weight.numpy() for name, weight in learner.state_dict().items()}
        fold, titles = learner.view.fold_table(learner.user_tower), learner.view.titles.numpy()
        return arrays | {"fold": fold, "titles": titles.astype(np.float16)}

    def _item_rows(self, titles: NDArray[np.float32]) -> NDArray[np.float32]:
        tower = Projection.restored(self._state.arrays, "item_tower.")
        rows = tower(torch.from_numpy(titles) / (self._state.params["layers"] + 1))
        return unit_rows(rows.detach().numpy())

    def _fold_in(self, people: People) -> NDArray[np.float32]:
        arrays, tower = self._state.arrays, Projection.restored(self._state.arrays, "user_tower.")
        with torch.no_grad():
            means = torch.from_numpy(own_part(arrays["titles"], people))
            hops = torch.from_numpy(graph_part(arrays["fold"], people))
            first = (means @ tower.w1 + hops) / (self._state.params["layers"] + 1)
            return unit_rows(tower.rest(first).numpy())


class _TextGCNMLPLearner(Learner):
    def __init__(self, view: TextView, users: Projection, items: Projection, tau: float) -> None:
        super().__init__()
        self.view, self.user_tower, self.item_tower, self.tau = view, users, items, tau

    def represent(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.view.everyone(self.user_tower, self.item_tower)

    def loss(self, batch: Batch) -> torch.Tensor:
        users, items, compact = batch.compact(len(self.view.titles))
        rows = self.view.rows(self.user_tower, self.item_tower, users, items)
        return infonce(*rows, compact, self.tau)
