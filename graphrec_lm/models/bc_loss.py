"""BCLoss: InfoNCE whose positives must win by a margin, the larger the less popularity explains them."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import embedding, normalize, pad

from graphrec_lm.errors import check_choice, check_number
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.models.embeddings import EmbeddingLearner, IdRecommender
from graphrec_lm.models.trained import seeded
from graphrec_lm.training import Batch, Learner, TrainingOptions, train
from graphrec_lm.training.losses import infonce

Codes = NDArray[np.int32]


class BCLoss(IdRecommender):
    """Bias-aware margins (Zhang et al., NeurIPS 2022, arXiv 2210.11054) on LightGCN, or on MF: `layers=0`.

    First a popularity-only model is trained for `margin_epochs`: an embedding for each class of user degree
    and of item degree, InfoNCE on their cosine (eq. 3). The angle ξ between a user's and an item's says how
    little popularity explains the pair. Then InfoNCE trains LightGCN with the angle θ of each positive
    enlarged by the margin M (eq. 4):

        -log exp(cos(θ_ui + M_ui) / τ) / (exp(cos(θ_ui + M_ui) / τ) + Σ_j exp(cos(θ_uj) / τ))

    In the paper M = min(ξ, π - θ): `margin="angle"`. Most ξ are near a right angle, and a pair at π has no
    gradient: on MovieLens a quarter of them start there (two fifths without layers), and it learned little.
    The authors' code, and so their figures, has M = 1 - σ(inner product of the popularity embeddings)
    instead: `margin="sigmoid"`, the default; here, too, θ + M stays at π if it comes so far.

    Besides: degrees are classed by quarter octaves (small ones each alone), theirs each alone; negatives are
    sampled where their LightGCN takes the other positives of the batch (`negative_power=1` comes near); there
    is no L2 penalty, since the length of a vector doesn't matter to a cosine.

    `recommend(history=...)` is as approximate as LightGCN's.

    Parameters
    ----------
    layers : int
        0 is MF.
    dim : int
        Of the popularity embeddings too.
    tau : float
        Temperature of the loss; τ₁ in the authors' code.
    popularity_tau : float
        Temperature of the popularity-only model; τ₂ there.
    margin : {"sigmoid", "angle"}
    margin_epochs : int
        Of the popularity-only model.
    negatives : int
        For each positive, or for the batch if shared.
    share_negatives, negative_power, sampling, epochs, batch_size
    learning_rate, valid_every, patience, seed, device, verbose
        As for `AlphaRec`.

    Examples
    --------
    >>> import graphrec_lm as gl
    >>> train, valid, test = gl.load_dataset("movielens-small").split("from_column")
    >>> model = BCLoss(margin_epochs=1, epochs=1, verbose=False).fit(train, valid=valid)
    >>> model.item_vectors_.shape
    (9742, 64)
    """

    loss = "infonce"
    regularization = 0.0

    def __init__(
        self,
        layers: int = 2,
        dim: int = 64,
        tau: float = 0.07,
        popularity_tau: float = 0.1,
        margin: str = "sigmoid",
        margin_epochs: int = 5,
        negatives: int = 128,
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
        self.layers, self.dim, self.tau, self.popularity_tau = layers, dim, tau, popularity_tau
        self.margin, self.margin_epochs = margin, margin_epochs
        self.negatives, self.share_negatives = negatives, share_negatives
        self.negative_power, self.sampling = negative_power, sampling
        self.epochs, self.batch_size = epochs, batch_size
        self.learning_rate, self.valid_every, self.patience = learning_rate, valid_every, patience
        self.seed, self.device, self.verbose = seed, device, verbose

    def _embeddings(self, graph: BipartiteGraph) -> EmbeddingLearner:
        check_choice("margin", self.margin, ("sigmoid", "angle"))
        check_number("margin_epochs", self.margin_epochs, least=1, integer=True)
        check_number("popularity_tau", self.popularity_tau, above=0)
        popularity = _Popularity(graph, self.dim, self.popularity_tau, self.seed)
        options = TrainingOptions(self.margin_epochs, self.batch_size, self.learning_rate, 1, 1)
        train(popularity, self._sampler(graph), options, verbose=False)
        return _Margins(self, graph, popularity)


class _Popularity(Learner):
    """Degrees alone: an embedding for each class of them."""

    def __init__(self, graph: BipartiteGraph, dim: int, tau: float, seed: int) -> None:
        super().__init__()
        self.user_classes, self.item_classes = degree_classes(graph.indptr), degree_classes(graph.item_indptr)
        self.tau, generator = tau, seeded(seed)
        counts = (int(classes.max()) + 1 for classes in (self.user_classes, self.item_classes))
        self.users, self.items = (
            torch.nn.Parameter(torch.nn.init.xavier_normal_(torch.empty(n, dim), generator=generator))
            for n in counts
        )

    def represent(self) -> tuple[torch.Tensor, torch.Tensor]:
        rows = self.user_classes, self.users, self.item_classes, self.items
        return embedding(torch.from_numpy(rows[0]), rows[1]), embedding(torch.from_numpy(rows[2]), rows[3])

    def loss(self, batch: Batch) -> torch.Tensor:
        users = embedding(torch.from_numpy(self.user_classes[batch.users]), self.users)
        items = embedding(torch.from_numpy(self.item_classes), self.items)
        return infonce(users, items, batch.local(), self.tau)

    def margins(self, kind: str) -> torch.Tensor:
        """Margin of each user class with each item class, in radians."""
        with torch.no_grad():
            if kind == "sigmoid":
                return 1 - torch.sigmoid(self.users @ self.items.T)
            return torch.arccos((normalize(self.users) @ normalize(self.items).T).clamp(-1, 1))


class _Margins(EmbeddingLearner):
    def __init__(self, model: BCLoss, graph: BipartiteGraph, popularity: _Popularity) -> None:
        super().__init__(model, graph, seeded(model.seed))
        self.user_classes, self.item_classes = popularity.user_classes, popularity.item_classes
        self.margins = popularity.margins(model.margin)

    def ranking_loss(self, users: torch.Tensor, items: torch.Tensor, batch: Batch) -> torch.Tensor:
        margins = self.margins[self.user_classes[batch.users], self.item_classes[batch.positives]]
        return margin_infonce(users, items, batch.local(), margins, self.tau)


def degree_classes(indptr: NDArray[np.int64]) -> Codes:
    """Class of each row's degree, a quarter octave of 1 + degree: 0, 1, ... by rising degree.

    >>> degree_classes(np.array([0, 0, 1, 101, 202]))
    array([0, 1, 2, 2], dtype=int32)
    """
    octaves = np.round(4 * np.log2(1 + np.diff(indptr)))
    return np.unique(octaves, return_inverse=True)[1].astype(np.int32)


def margin_infonce(
    users: torch.Tensor, items: torch.Tensor, batch: Batch, margins: torch.Tensor, tau: float
) -> torch.Tensor:
    """InfoNCE on cosines, with the angle θ of each positive enlarged to φ = min(θ + margin, π).

    A virtual item stands for each positive: cos φ along its user and sin φ in a column that nobody else
    has. Its cosine with the user is cos φ, so that `infonce` computes the rest.

    Parameters
    ----------
    users, items : float32 tensors [batch, dim], [n_items, dim]
    batch : Batch
        Whose users are the rows of `users`, as of `Batch.local`.
    margins : float32 tensor [batch]
        Radians, >= 0; not differentiated.
    tau : float

    Returns
    -------
    float32 tensor, scalar

    Examples
    --------
    >>> code, right_angle = np.zeros(1, dtype=np.int32), torch.tensor([math.pi / 2])
    >>> batch = Batch(code, code, np.ones((1, 1), dtype=np.int32))
    >>> items = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])  # both at cosine -1, one by the margin
    >>> margin_infonce(torch.tensor([[1.0, 0.0]]), items, batch, right_angle, tau=1.0)
    tensor(0.6931)
    """
    units = normalize(users)
    cosines = (units * normalize(embedding(torch.from_numpy(batch.positives), items))).sum(1)
    angles = torch.arccos(cosines.clamp(-1 + 1e-6, 1 - 1e-6)) + margins
    angles = angles.clamp(max=math.pi)[:, None]
    # the users' own gradient is all in the angle: along the detached direction there is none
    virtual = torch.cat([torch.cos(angles) * units.detach(), torch.sin(angles)], dim=1)
    places = np.arange(len(items), len(items) + len(users), dtype=np.int32)
    moved = Batch(batch.users, places, batch.negatives, batch.seen)
    return infonce(pad(users, (0, 1)), torch.cat([pad(items, (0, 1)), virtual]), moved, tau)
