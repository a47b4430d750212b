"""RLMRec: ID embeddings on the graph, drawn towards what language models say of users and items."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError, check_choice, check_number
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.models.alignment import ContrastiveLearner, GenerativeLearner
from graphrec_lm.models.embeddings import IdRecommender
from graphrec_lm.models.fitted import Arrays
from graphrec_lm.models.node_texts import NodeTexts
from graphrec_lm.text import DEFAULT_ENCODER
from graphrec_lm.training import Learner


class RLMRec(IdRecommender):
    """LightGCN with a second loss that ties it to text (Ren et al., WWW 2024, arXiv 2310.15950).

    The ranking loss is `LightGCN`'s. Beside it the mutual information of a node's propagated vector e and its
    text vector t is raised through an InfoNCE bound (the paper's two density ratios), weighted by
    `alignment_weight`:

    - "con": exp(cosine(e, MLP(t)) / τ); the other candidates are texts of the batch;
    - "gen": the embeddings of some nodes are replaced by a learned mask token before propagation, and
      exp(cosine(MLP(e), t) / τ) has to tell their texts apart.

    The text of an item is its title, that of a user the mean title of the history, or a text of their own
    (`user_texts`); the paper lets an LLM write profiles of both. Texts serve training alone:
    recommending needs none, and somebody new is treated as by `LightGCN`.

    We differ from the authors' code: the nodes that are aligned or reconstructed are the distinct users and
    items of a batch (its positives and as many negatives), where theirs counts repeated ones as each other's
    negatives, sets users against the texts of all users, and reconstructs every masked node of the graph;
    the penalty is LightGCN's, on the batch's embeddings; no edges are dropped; the mask token starts
    from noise, since the cosine of a zero vector has no gradient.

    Parameters
    ----------
    variant : {"con", "gen"}
    alignment_weight : float
        >= 0. The authors' is 0.01 for "con" and 0.01 to 0.1 for "gen", beside BPR.
    alignment_tau : float
        Temperature of the alignment.
    mask_rate : float
        Of "gen": fraction of the nodes masked in each step, in (0, 1).
    hidden : int, optional
        Inner width of the MLP; None is the mean of the widths of both ends, as in the authors' code.
    layers, dim, loss, tau, regularization, negatives, share_negatives, negative_power, sampling
    epochs, batch_size, learning_rate, valid_every, patience, seed, device, verbose
        As for `LightGCN`; "gen" needs a layer, since a masked node knows only its neighbours.
    encoder : name, folder, TextEncoder, or list of them
    user_texts : str, optional
        Column of the Dataset's user table with a text about each user.

    Raises
    ------
    InputError
        At `fit`: for a parameter out of range, a Dataset without titles, or users without their text.

    Examples
    --------
    >>> import graphrec_lm as gl
    >>> train, valid, test = gl.load_dataset("movielens-small").split("from_column")
    >>> model = RLMRec(loss="infonce", epochs=1, verbose=False).fit(train, valid=valid)
    >>> model.item_vectors_.shape
    (9742, 64)
    """

    uses_text = True

    def __init__(
        self,
        variant: str = "con",
        alignment_weight: float = 0.1,
        alignment_tau: float = 0.2,
        mask_rate: float = 0.1,
        hidden: int | None = None,
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
        encoder: Any = DEFAULT_ENCODER,
        user_texts: str | None = None,
        seed: int = 0,
        device: str = "auto",
        verbose: bool = True,
    ) -> None:
        self.variant, self.alignment_weight, self.alignment_tau = variant, alignment_weight, alignment_tau
        self.mask_rate, self.hidden = mask_rate, hidden
        self.layers, self.dim, self.loss, self.tau = layers, dim, loss, tau
        self.regularization, self.negatives, self.share_negatives = regularization, negatives, share_negatives
        self.negative_power, self.sampling = negative_power, sampling
        self.epochs, self.batch_size = epochs, batch_size
        self.learning_rate, self.valid_every, self.patience = learning_rate, valid_every, patience
        self.encoder, self.user_texts = encoder, user_texts
        self.seed, self.device, self.verbose = seed, device, verbose

    def _check(self) -> None:
        super()._check()
        check_choice("variant", self.variant, ("con", "gen"))
        check_number("alignment_weight", self.alignment_weight, least=0)
        check_number("alignment_tau", self.alignment_tau, above=0)
        if self.hidden is not None:
            check_number("hidden", self.hidden, least=1, integer=True)
        if self.variant == "gen":
            check_number("mask_rate", self.mask_rate, above=0)
            if self.mask_rate >= 1:
                raise InputError(
                    "`mask_rate` must be a number < 1", self.mask_rate, "Use a value such as 0.1."
                )
            check_number("layers", self.layers, least=1, integer=True)

    def _learner(self, dataset: Dataset, graph: BipartiteGraph) -> tuple[Learner, dict[str, Any]]:
        self._check()
        texts, notes = NodeTexts.encoded(dataset, graph, self._own_encoder(), self.user_texts)
        kind = ContrastiveLearner if self.variant == "con" else GenerativeLearner
        return kind(self, graph, texts), notes

    def _learned(self, learner: Any) -> Arrays:
        return super()._learned(learner) | {"titles": learner.texts.items.astype(np.float16)}
