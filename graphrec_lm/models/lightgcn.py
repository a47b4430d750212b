"""LightGCN: learned ID embeddings, propagated over the graph."""

from __future__ import annotations

from graphrec_lm.models.embeddings import IdRecommender


class LightGCN(IdRecommender):
    """Propagated ID embeddings (He et al., SIGIR 2020, arXiv 2002.02126).

    Every user and item has an embedding; its mean over 0..`layers` hops of the normalised graph
    (eq. 3-4) is trained by BPR on inner products, as published, or by InfoNCE on cosines.

    Where we differ from the authors' code: interactions are drawn, not a user and then an item
    (`sampling="user"` is theirs), so that an epoch is a pass over the data; validation, not test, selects the
    epoch; InfoNCE is not in it.

    `recommend(history=...)`: somebody new has no embedding of their own; hops 1..`layers` from their
    history stand for it.

    Parameters
    ----------
    layers : int
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
    >>> model = LightGCN(loss="infonce", epochs=1, verbose=False).fit(train, valid=valid)
    >>> model.user_vectors_.shape
    (610, 64)
    """

    runs_on_cuda = True

    def __init__(
        self,
        layers: int = 3,
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
        self.layers, self.dim, self.loss, self.tau = layers, dim, loss, tau
        self.regularization, self.negatives, self.share_negatives = regularization, negatives, share_negatives
        self.negative_power, self.sampling = negative_power, sampling
        self.epochs, self.batch_size = epochs, batch_size
        self.learning_rate, self.valid_every, self.patience = learning_rate, valid_every, patience
        self.seed, self.device, self.verbose = seed, device, verbose
