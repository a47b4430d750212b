"""MultVAE: a variational autoencoder of whole histories, with a multinomial likelihood."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import Parameter

from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError, check_number
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.kernels import spmm, transpose
from graphrec_lm.models.fitted import Arrays
from graphrec_lm.models.mixes_items import MixesItems
from graphrec_lm.models.people import People
from graphrec_lm.models.trained import LoopRecommender, seeded
from graphrec_lm.training import Learner, UserBatch, UserSampler
from graphrec_lm.training.losses import gaussian_divergence, multinomial

Float32 = NDArray[np.float32]
Pattern = tuple[NDArray[np.int64], NDArray[np.int32]]


class MultVAE(MixesItems, LoopRecommender):
    """Multinomial variational autoencoder (Liang et al., WWW 2018, arXiv 1802.05814, eq. 1-7).

    A user's history, scaled to length 1 and thinned by dropout, is encoded as a Gaussian of `dim`
    dimensions; a sample of it is decoded to a distribution over all items. The loss of a user is the negative
    log-likelihood of the history plus β times the Gaussian's divergence from N(0, 1). Both networks have one
    hidden layer of tanh. β grows with the steps, min(`anneal_cap`, step / `total_anneal_steps`), as in the
    authors' code: the cap, not 1, is what it ends at.

    Scores are the decoder's logits at the mean: an inner product of the decoder's hidden layer (and 1) with
    an item's output weights (and bias). New people are encoded like fitted ones. Batches are users, each
    once an epoch. The first layer sums the rows of a history; only a batch ever has dense rows of logits.

    Parameters
    ----------
    dim : int
        Of the Gaussian.
    hidden : int
        Units of the hidden layers.
    dropout : float
        Part of the history that is hidden from the encoder, in [0, 1).
    anneal_cap : float
        The largest β, >= 0.
    total_anneal_steps : int, optional
        Steps in which β would reach 1. None takes the steps of all `epochs`, so that a cap of 0.2 is reached
        after a fifth of them; the authors took 200,000 for 116,677 users in batches of 500.
    epochs : int
    batch_size : int or "auto"
        Users a step.
    learning_rate, valid_every, patience, seed, device, verbose
        As for `AlphaRec`.

    Examples
    --------
    >>> import graphrec_lm as gl
    >>> train, valid, test = gl.load_dataset("movielens-small").split("from_column")
    >>> model = MultVAE(hidden=64, dim=16, epochs=1, verbose=False).fit(train, valid=valid)
    >>> len(model.recommend(history=[[1, 2, 3]], k=5))
    5
    """

    _item_tables = ("items", "w1")

    def __init__(
        self,
        dim: int = 200,
        hidden: int = 600,
        dropout: float = 0.5,
        anneal_cap: float = 0.2,
        total_anneal_steps: int | None = None,
        epochs: int = 200,
        batch_size: int | str = 500,
        learning_rate: float = 1e-3,
        valid_every: int = 5,
        patience: int = 20,
        seed: int = 0,
        device: str = "auto",
        verbose: bool = True,
    ) -> None:
        self.dim, self.hidden, self.dropout = dim, hidden, dropout
        self.anneal_cap, self.total_anneal_steps = anneal_cap, total_anneal_steps
        self.epochs, self.batch_size = epochs, batch_size
        self.learning_rate, self.valid_every, self.patience = learning_rate, valid_every, patience
        self.seed, self.device, self.verbose = seed, device, verbose

    @property
    def _cosine(self) -> bool:
        return False

    @property
    def _knows_nobody(self) -> bool:
        """Yes: dropout leaves histories empty, too."""
        return True

    def _sampler(self, graph: BipartiteGraph) -> UserSampler:
        return UserSampler(graph, self.seed)

    def _learner(self, dataset: Dataset, graph: BipartiteGraph) -> tuple[Learner, dict[str, Any]]:
        check_number("dim", self.dim, least=1, integer=True)
        check_number("hidden", self.hidden, least=1, integer=True)
        check_number("dropout", self.dropout, least=0, most=1)
        if self.dropout == 1:
            raise InputError("`dropout` must be < 1", 1, "Leave the encoder a part of the history.")
        check_number("anneal_cap", self.anneal_cap, least=0)
        if self.total_anneal_steps is not None:
            check_number("total_anneal_steps", self.total_anneal_steps, least=1, integer=True)
        return _Autoencoder(self, graph, self._anneal_steps(graph)), {}

    def _anneal_steps(self, graph: BipartiteGraph) -> int:
        """Steps in which β would reach 1."""
        return self.total_anneal_steps or self._options().steps(len(self._sampler(graph))) * self.epochs

    def _settled(self) -> dict[str, Any]:
        """The epoch, and the steps in which β grows: they are those of all epochs of this fit."""
        graph = BipartiteGraph.from_dataset(self._state.dataset)
        return super()._settled() | {"total_anneal_steps": self._anneal_steps(graph)}

    def _learned(self, learner: _Autoencoder) -> Arrays:
        return learner.encoder_arrays()

    def _fold_in(self, people: People) -> Float32:
        return user_rows((people.indptr, people.indices), self._state.arrays)


class _Autoencoder(Learner):
    """Encoder and decoder; the encoder's first weights have a row for each item, the decoder's last too."""

    def __init__(self, model: MultVAE, graph: BipartiteGraph, anneal_steps: int) -> None:
        super().__init__()
        self.graph, self.dropout, self.seed = graph, model.dropout, model.seed
        self.anneal_cap, self.anneal_steps = model.anneal_cap, anneal_steps
        generator, n, hidden, dim = seeded(model.seed), graph.n_items, model.hidden, model.dim
        self.w1, self.b1 = _xavier(n, hidden, generator), _bias(hidden, generator)
        self.w2, self.b2 = _xavier(hidden, 2 * dim, generator), _bias(2 * dim, generator)
        self.w3, self.b3 = _xavier(dim, hidden, generator), _bias(hidden, generator)
        self.w4, self.b4 = _xavier(n, hidden, generator), _bias(n, generator)

    def loss(self, batch: UserBatch) -> torch.Tensor:
        """Negative evidence lower bound of the batch, the divergence weighted by β of its step."""
        rng = np.random.default_rng((self.seed, batch.step, 1))
        mean, log_variance = self._encode(batch, rng)
        noise = torch.from_numpy(rng.standard_normal(mean.shape, dtype=np.float32))
        logits = self._decode(mean + noise * (log_variance / 2).exp())
        likelihood = multinomial(logits, batch.indptr, batch.indices)
        return likelihood + self.beta(batch.step) * gaussian_divergence(mean, log_variance)

    def beta(self, step: int) -> float:
        """Weight of the divergence in a step."""
        return min(self.anneal_cap, step / self.anneal_steps)

    def represent(self) -> tuple[torch.Tensor, torch.Tensor]:
        pattern = self.graph.indptr, self.graph.indices
        users = torch.from_numpy(user_rows(pattern, self.encoder_arrays()))
        return users, torch.cat([self.w4, self.b4[:, None]], dim=1)

    def encoder_arrays(self) -> Arrays:
        """What a user's vector is made from: no weights of the variance or the logits."""
        kept = {name: getattr(self, name).detach().numpy() for name in ("w1", "b1", "w2", "b2", "w3", "b3")}
        dim = len(kept["w3"])
        return kept | {"w2": np.ascontiguousarray(kept["w2"][:, :dim]), "b2": kept["b2"][:dim].copy()}

    def _encode(self, batch: UserBatch, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log variance of users whose histories are thinned by dropout."""
        kept = rng.random(len(batch.indices), dtype=np.float32) >= self.dropout
        indptr = np.concatenate([[0], np.cumsum(kept)])[batch.indptr]
        scale = unit_scale(batch.indptr) / np.float32(1 - self.dropout)
        sums: torch.Tensor = _HistorySums.apply(self.w1, (indptr, batch.indices[kept]), scale)
        both = torch.tanh(sums + self.b1) @ self.w2 + self.b2
        return both[:, : len(self.w3)], both[:, len(self.w3) :]

    def _decode(self, sample: torch.Tensor) -> torch.Tensor:
        return torch.addmm(self.b4, torch.tanh(sample @ self.w3 + self.b3), self.w4.T)


class _HistorySums(torch.autograd.Function):
    """diag(scale) · A · table for a pattern A of histories, differentiable in the table."""

    @staticmethod
    def forward(ctx: Any, table: torch.Tensor, pattern: Pattern, scale: Float32) -> torch.Tensor:
        ctx.arguments = pattern, scale, len(table)
        return torch.from_numpy(spmm(*pattern, table.detach().numpy(), row_scale=scale))

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        pattern, scale, n_items = ctx.arguments
        by_item = transpose(pattern[0], pattern[1], n_items)
        slopes = upstream[0].contiguous().numpy()
        return torch.from_numpy(spmm(*by_item, slopes, col_scale=scale)), None, None


def user_rows(pattern: Pattern, arrays: Mapping[str, NDArray[Any]]) -> Float32:
    """The decoder's hidden layer at the mean of each history, and a column of ones for the items' biases.

    Parameters
    ----------
    pattern : (indptr, indices)
        Histories.
    arrays : mapping
        Of `_Autoencoder.encoder_arrays`.

    Returns
    -------
    float32 array [n, hidden + 1]
    """
    sums = spmm(*pattern, arrays["w1"], row_scale=unit_scale(pattern[0]))
    mean = np.tanh(sums + arrays["b1"]) @ arrays["w2"] + arrays["b2"]
    rows = np.tanh(mean @ arrays["w3"] + arrays["b3"])
    return np.pad(rows, ((0, 0), (0, 1)), constant_values=1)


def unit_scale(indptr: NDArray[np.int64]) -> Float32:
    """What scales each row of a 0/1 pattern to length 1.

    >>> unit_scale(np.array([0, 4, 4]))
    array([0.5, 1. ], dtype=float32)
    """
    return np.maximum(np.diff(indptr), 1).astype(np.float32) ** np.float32(-0.5)


def _xavier(rows: int, columns: int, generator: torch.Generator) -> Parameter:
    """N(0, 2 / (rows + columns)): the variance of the authors' weights, which are uniform."""
    return Parameter(torch.randn(rows, columns, generator=generator) * (2 / (rows + columns)) ** 0.5)


def _bias(size: int, generator: torch.Generator) -> Parameter:
    return Parameter(torch.randn(size, generator=generator) * 0.001)
