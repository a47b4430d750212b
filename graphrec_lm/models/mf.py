"""MF: matrix factorisation, the ID model without a graph."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.models.embeddings import IdRecommender
from graphrec_lm.models.people import People
from graphrec_lm.models.text import history_means


class MF(IdRecommender):
    """Matrix factorisation by BPR (Rendle et al., UAI 2009) or InfoNCE: LightGCN without hops.

    `recommend(history=...)`: the mean of the history's item vectors stands for the missing embedding.

    Parameters
    ----------
    dim : int
    loss : {"bpr", "infonce"}
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
    >>> MF(epochs=1, verbose=False).fit(train, valid=valid).item_vectors_.shape
    (9742, 64)
    """

    layers = 0

    runs_on_cuda = True

    def __init__(
        self,
        dim: int = 64,
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
        self.dim, self.loss, self.tau = dim, loss, tau
        self.regularization, self.negatives, self.share_negatives = regularization, negatives, share_negatives
        self.negative_power, self.sampling = negative_power, sampling
        self.epochs, self.batch_size = epochs, batch_size
        self.learning_rate, self.valid_every, self.patience = learning_rate, valid_every, patience
        self.seed, self.device, self.verbose = seed, device, verbose

    def _fold_in(self, people: People) -> NDArray[np.float32]:
        return self._scaled(history_means(self._items, people.indptr, people.indices))
