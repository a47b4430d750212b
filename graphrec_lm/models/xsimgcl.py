"""XSimGCL: LightGCN with noise in every layer, and a contrast of two of its layers."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import embedding, normalize

from graphrec_lm.errors import check_bool, check_number
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.models.embeddings import EmbeddingLearner, IdRecommender
from graphrec_lm.models.fitted import Arrays
from graphrec_lm.models.fold_in import fold_table
from graphrec_lm.models.trained import seeded
from graphrec_lm.training import Batch
from graphrec_lm.training.losses import contrast

Rows = tuple[torch.Tensor, torch.Tensor]


class XSimGCL(IdRecommender):
    """Extremely simple graph contrastive learning (Yu et al., TKDE 2023, arXiv 2209.02544).

    In training each layer is moved within its orthant by noise of a fixed length (eq. 8):

        e⁽ᵏ⁾ = Â e⁽ᵏ⁻¹⁾ + ε · sign(Â e⁽ᵏ⁻¹⁾) ⊙ u / ‖u‖,   u uniform on [0, 1)ᵈ

    The mean of layers 1..`layers` is the representation: the authors leave layer 0 out;
    `layer_zero=True` takes it in, without noise, as LightGCN does. One propagation serves the
    recommendation loss and the contrast: InfoNCE between the representation and layer `contrast_layer` of
    the same node, among the users and among the items of the batch, each once (eq. 9), times `contrast`.
    Noise is a function of (seed, step); there is none when it recommends.

    The authors start from Xavier's small embeddings; here, as for LightGCN, from N(0, 0.1²), to which
    `noise` relates. BPR's penalty is on layer 0, theirs on the representations.

    `recommend(history=...)` is exact without layer 0: a user's layers are weighted sums over the history.
    Somebody new is not counted in the items' own degrees and hops. With layer 0, as LightGCN's.

    Parameters
    ----------
    layers : int
        >= 1.
    dim : int
    noise : float
        >= 0, length ε of the noise of a row.
    contrast : float
        >= 0, weight of the contrastive loss, λ.
    contrast_tau : float
        Its temperature.
    contrast_layer : int
        From 1 to `layers`, l*.
    layer_zero : bool
        Whether the mean starts at layer 0.
    loss : {"bpr", "infonce"}
        Of the recommendation: BPR as published, or InfoNCE.
    tau : float
        Temperature of InfoNCE.
    regularization : float
        L2 penalty of BPR on the embeddings of each batch.
    negatives : int, optional
        None: 1 for BPR, 256 for InfoNCE.
    share_negatives, negative_power, sampling, epochs, batch_size
    learning_rate, valid_every, patience, seed, device, verbose
        As for `AlphaRec`.

    Examples
    --------
    >>> import graphrec_lm as gl
    >>> train, valid, test = gl.load_dataset("movielens-small").split("from_column")
    >>> model = XSimGCL(layers=2, epochs=1, verbose=False).fit(train, valid=valid)
    >>> model.recommend(history=[[1, 260]], k=3)["rank"].tolist()
    [1, 2, 3]
    """

    def __init__(
        self,
        layers: int = 3,
        dim: int = 64,
        noise: float = 0.1,
        contrast: float = 0.1,
        contrast_tau: float = 0.15,
        contrast_layer: int = 1,
        layer_zero: bool = False,
        loss: str = "bpr",
        tau: float = 0.15,
        regularization: float = 1e-4,
        negatives: int | None = None,
        share_negatives: bool = False,
        negative_power: float = 0.0,
        sampling: str = "interaction",
        epochs: int = 1000,
        batch_size: int | str = 2048,
        learning_rate: float = 1e-3,
        valid_every: int = 5,
        patience: int = 20,
        seed: int = 0,
        device: str = "auto",
        verbose: bool = True,
    ) -> None:
        self.layers, self.dim, self.loss, self.tau = layers, dim, loss, tau
        self.noise, self.contrast, self.contrast_tau = noise, contrast, contrast_tau
        self.contrast_layer, self.layer_zero = contrast_layer, layer_zero
        self.regularization, self.negatives, self.share_negatives = regularization, negatives, share_negatives
        self.negative_power, self.sampling = negative_power, sampling
        self.epochs, self.batch_size = epochs, batch_size
        self.learning_rate, self.valid_every, self.patience = learning_rate, valid_every, patience
        self.seed, self.device, self.verbose = seed, device, verbose

    @property
    def exact_for_new_people(self) -> bool:
        """Without layer 0, all of a user is hops from the history."""
        params = self.get_params() if self._fitted is None else self._fitted.params
        return not params["layer_zero"]

    def _embeddings(self, graph: BipartiteGraph) -> EmbeddingLearner:
        check_number("layers", self.layers, least=1, integer=True)
        check_number("noise", self.noise, least=0)
        check_number("contrast", self.contrast, least=0)
        check_number("contrast_tau", self.contrast_tau, above=0)
        check_number("contrast_layer", self.contrast_layer, least=1, most=self.layers, integer=True)
        check_bool("layer_zero", self.layer_zero)
        return _Noisy(self, graph)

    def _learned(self, learner: EmbeddingLearner) -> Arrays:
        fold = fold_table(learner.graph, learner.users, learner.items, self.layers)
        return {"fold": fold / np.float32(self.layers + self.layer_zero)}


class _Noisy(EmbeddingLearner):
    def __init__(self, model: XSimGCL, graph: BipartiteGraph) -> None:
        super().__init__(model, graph, seeded(model.seed))
        self.noise, self.seed, self.contrast_layer = model.noise, model.seed, model.contrast_layer
        self.weight, self.contrast_tau, self.from_zero = model.contrast, model.contrast_tau, model.layer_zero

    def represent(self) -> Rows:
        if self.from_zero:
            return super().represent()
        first = self.graph.propagate(self.users, self.items, self.layers - 1)
        return self.graph.propagate(*first, 1, "last")

    def loss(self, batch: Batch) -> torch.Tensor:
        (users, items), view = self.noisy(batch.step)
        loss = self.ranking_loss(embedding(torch.from_numpy(batch.users), users), items, batch)
        if not self.weight:
            return loss
        for codes, rows, others in ((batch.users, users, view[0]), (batch.positives, items, view[1])):
            nodes = torch.from_numpy(np.unique(codes))
            agreement = contrast(embedding(nodes, rows), embedding(nodes, others), self.contrast_tau)
            loss = loss + self.weight * agreement
        return loss

    def noisy(self, step: int) -> tuple[Rows, Rows]:
        """The mean of the noisy layers of a step, and layer `contrast_layer` of them."""
        generator = np.random.default_rng((self.seed, step))
        layers: list[Rows] = [(self.users, self.items)]
        for _ in range(self.layers):
            rows = self.graph.propagate(*layers[-1], 1, "last")
            users, items = (side + sign_noise(side, self.noise, generator) for side in rows)
            layers.append((users, items))
        users, items = (_mean(side) for side in zip(*layers[not self.from_zero :], strict=True))
        return (users, items), layers[self.contrast_layer]


def _mean(layers: tuple[torch.Tensor, ...]) -> torch.Tensor:
    return sum(layers[1:], start=layers[0]) / len(layers)


def sign_noise(rows: torch.Tensor, length: float, generator: np.random.Generator) -> torch.Tensor:
    """Noise with the signs of `rows` and rows of that length; no gradient goes through it.

    >>> noise = sign_noise(torch.tensor([[1.0, -2.0]]), 0.1, np.random.default_rng(0))
    >>> noise.sign(), noise.norm()
    (tensor([[ 1., -1.]]), tensor(0.1000))
    """
    uniform: NDArray[np.float32] = generator.random(rows.shape, dtype=np.float32)
    return rows.detach().sign() * normalize(torch.from_numpy(uniform)) * length
