"""AlphaRec: language-model vectors of titles, a learned projection, a graph, InfoNCE."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec_lm.errors import check_number
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.kernels import unit_rows
from graphrec_lm.models.fitted import Arrays
from graphrec_lm.models.fold_in import fold_table, graph_part, own_part
from graphrec_lm.models.linear import LinearLearner
from graphrec_lm.models.people import People
from graphrec_lm.models.precision import uses_bfloat16
from graphrec_lm.models.projection import Projection
from graphrec_lm.models.towers import TowerRecommender, Towers, tower_arrays
from graphrec_lm.models.trained import seeded, usual_negatives
from graphrec_lm.text import DEFAULT_ENCODER
from graphrec_lm.training import Batch, Learner
from graphrec_lm.training.losses import RankingLoss, check_loss, ranking_loss


class AlphaRec(TowerRecommender):
    """Language representations as the only item features (Sheng et al., ICLR 2025, arXiv 2407.05441).

    An item is the LM vector of its title, a user the mean of the titles in the history. One
    projection (eq. 2) maps both to behaviour space; LightGCN propagation over 0..`layers` hops is
    averaged (eq. 3-4); InfoNCE on cosine similarity trains the projection, the only weights (eq. 5).

    Where we differ from the authors' code: validation, not test, selects the epoch; there is no weight decay
    (theirs is read and never used). `loss="bpr"` is for their ablation.

    `recommend(history=...)` is exact for the history of a fitted user: a user's propagated vector is
    a weighted sum over the history. Somebody new is not counted in the items' own degrees and hops.

    Parameters
    ----------
    projection : {"mlp", "linear"}
    layers : int
        Hops of propagation, >= 0.
    dim : int
        Dimension of the behaviour space.
    hidden : int, optional
        Inner width of the MLP; None is half the LM's dimension, as in the paper for its main LM.
    loss : {"infonce", "bpr"}
        As published, on cosines; or BPR on inner products.
    tau : float
        Temperature of InfoNCE.
    negatives : int, optional
        Negatives for each positive, uniform outside the user's history. None: 256 for InfoNCE, 1 for BPR.
    share_negatives : bool
        True: one set of `negatives` for the whole batch (each user's own items masked), far faster.
    negative_power : float
        >= 0; negatives in proportion to popularity^negative_power; 0 is uniform, as published.
    sampling : {"user", "interaction"}
        Draw a user then one of their items, as the authors do; or interactions uniformly.
    epochs, batch_size, learning_rate
        Adam; an epoch is as many draws as there are interactions. `batch_size="auto"` grows with the
        graph: some 80 steps an epoch, whatever its size.
    valid_every, patience : int
        Epochs between validations (NDCG@20), and how many may pass without improvement.
    domain_weights : "proportional", "equal" or list of float
        How often each of several datasets is drawn: by its interactions, alike, or as given.
    encoder : name, folder, TextEncoder, or list of them
    precision : {"auto", "fp32", "bf16"}
        Of matrix products while training; "auto" is bf16 where there are matrix units for it.
    seed : int
        Makes a fit repeatable, bit for bit, on one machine and device.
    device : {"auto", "cpu", "cuda"}
        Where it is trained; "auto" is "cuda" where there is such a device. All else is done on the processor.
    verbose : bool
        Show progress.

    Examples
    --------
    >>> import graphrec_lm as gl
    >>> train, valid, test = gl.load_dataset("movielens-small").split("from_column")
    >>> model = AlphaRec(epochs=1, verbose=False).fit(train, valid=valid)
    >>> model.recommend(history=[[1, 260]], k=3)["rank"].tolist()
    [1, 2, 3]
    """

    uses_text = True
    runs_on_cuda = True

    def __init__(
        self,
        projection: str = "mlp",
        layers: int = 2,
        dim: int = 64,
        hidden: int | None = None,
        loss: str = "infonce",
        tau: float = 0.15,
        negatives: int | None = None,
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
        precision: str = "auto",
        seed: int = 0,
        device: str = "auto",
        verbose: bool = True,
    ) -> None:
        self.projection, self.layers, self.dim, self.hidden = projection, layers, dim, hidden
        self.loss, self.tau = loss, tau
        self.negatives, self.share_negatives = negatives, share_negatives
        self.negative_power, self.sampling = negative_power, sampling
        self.epochs, self.batch_size, self.learning_rate = epochs, batch_size, learning_rate
        self.valid_every, self.patience = valid_every, patience
        self.encoder, self.precision = encoder, precision
        self.seed, self.device, self.verbose = seed, device, verbose
        self.domain_weights = domain_weights

    def _check(self) -> None:
        super()._check()
        check_number("layers", self.layers, least=0, integer=True)
        check_loss(self.loss, self.share_negatives)

    @property
    def _cosine(self) -> bool:
        return self.loss == "infonce"

    @property
    def _negatives(self) -> int:
        return usual_negatives(self.negatives, self.loss)

    def _towers(self, width: int) -> dict[str, Projection]:
        return {"": Projection(self.projection, *self._widths(width), seeded(self.seed))}

    def _over(
        self, towers: Towers, titles: torch.Tensor, graph: BipartiteGraph
    ) -> LinearLearner | _AlphaRecLearner:
        kind = LinearLearner if self.projection == "linear" else _AlphaRecLearner
        device = self._device() if torch.cuda.is_available() else None  # it may have been fitted elsewhere
        how = self.layers, ranking_loss(self.loss, self.tau), uses_bfloat16(self.precision, device)
        return kind(towers[""], titles, graph, *how)

    def _learned(self, learner: LinearLearner | _AlphaRecLearner) -> Arrays:
        weights = tower_arrays({"": learner.projection})
        fold = fold_table(learner.graph, *learner.layer_zero(), self.layers)
        return weights | {"fold": fold, "titles": learner.titles.numpy().astype(np.float16)}

    def _item_rows(self, titles: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._scaled(Projection.apply_restored(self._state.arrays, titles))

    def _fold_in(self, people: People) -> NDArray[np.float32]:
        arrays = self._state.arrays
        own = Projection.apply_restored(arrays, own_part(arrays["titles"], people))
        return self._scaled(own + graph_part(arrays["fold"], people))

    def _scaled(self, sums: NDArray[np.float32]) -> NDArray[np.float32]:
        """Sums over the layers in the scale of the fitted vectors."""
        state = self._state
        return unit_rows(sums) if state.notes["cosine"] else sums / np.float32(state.params["layers"] + 1)


class _AlphaRecLearner(Learner):
    titles: torch.Tensor
    _rounded: torch.Tensor | None

    def __init__(
        self,
        projection: Projection,
        titles: torch.Tensor,
        graph: BipartiteGraph,
        layers: int,
        ranking: RankingLoss,
        in_bfloat16: bool = False,
    ) -> None:
        super().__init__()
        self.projection, self.graph = projection, graph
        self.layers, self.ranking, self.in_bfloat16 = layers, ranking, in_bfloat16
        self.register_buffer("titles", titles, persistent=False)
        self.register_buffer("_rounded", titles.bfloat16() if in_bfloat16 else None, persistent=False)

    def layer_zero(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.projection.users_and_items(self.titles, self.graph)

    def represent(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.graph.propagate(*self.layer_zero(), self.layers)

    def loss(self, batch: Batch) -> torch.Tensor:
        inputs = self.titles if self._rounded is None else self._rounded
        start = self.projection.users_and_items(inputs, self.graph, self.in_bfloat16)
        rows = self.graph.propagate_batch(*start, self.layers, batch.users)
        return self.ranking(*rows, batch.local())
