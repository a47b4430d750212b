"""KAR: ID embeddings on the graph, each with adapted knowledge from a language model."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec_lm.data import Dataset
from graphrec_lm.errors import check_choice, check_number
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.models.embeddings import EmbeddingLearner, IdRecommender
from graphrec_lm.models.experts import HybridExpertAdaptor
from graphrec_lm.models.fitted import Arrays
from graphrec_lm.models.fold_in import graph_part
from graphrec_lm.models.node_texts import NodeTexts
from graphrec_lm.models.people import People
from graphrec_lm.models.text import history_means
from graphrec_lm.models.trained import seeded
from graphrec_lm.text import DEFAULT_ENCODER
from graphrec_lm.training import Learner


class KAR(IdRecommender):
    """Knowledge-augmented ID embeddings (Xi et al., RecSys 2024, arXiv 2306.10933), on LightGCN.

    What a language model knows of a user and of an item goes through a hybrid-expert adaptor (experts shared
    by both and experts for each, mixed by gates) and joins the ID embedding; the backbone then propagates
    and ranks as `LightGCN` does (`layers=0`: as `MF`).

    *Knowledge* is here the LM vector of an item's title, and for a user the mean title of the history, or a
    text of their own (`user_texts`). The paper asks an LLM to write what it knows of an item and to reason
    about a user's preferences, and augments click models; as a baseline of ranking models on given
    vectors it stands in the AlphaRec paper (arXiv 2407.05441). We differ from the authors' code in that the
    experts end linearly, so that knowledge can be added to embeddings of either sign.

    `recommend(history=...)`: somebody new has no ID embedding; their adapted mean title and hops
    1..`layers` from their history stand for it (with `user_texts`, the hops alone).

    Parameters
    ----------
    fusion : {"add", "concat"}
        Knowledge is added to the ID embedding, or stands beside it: vectors are twice as long then.
    shared_experts, dedicated_experts : int
        Experts for both kinds of knowledge, and for each kind alone.
    hidden : int
        Inner width of an expert.
    layers, dim, loss, tau, regularization, negatives, share_negatives, negative_power, sampling
    epochs, batch_size, learning_rate, valid_every, patience, seed, device, verbose
        As for `LightGCN`; the penalty is on the ID embeddings alone.
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
    >>> model = KAR(loss="infonce", epochs=1, verbose=False).fit(train, valid=valid)
    >>> model.recommend(history=[[1, 260]], k=3)["rank"].tolist()
    [1, 2, 3]
    """

    uses_text = True

    def __init__(
        self,
        fusion: str = "add",
        shared_experts: int = 2,
        dedicated_experts: int = 2,
        hidden: int = 64,
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
        self.fusion, self.shared_experts, self.dedicated_experts = fusion, shared_experts, dedicated_experts
        self.hidden, self.layers, self.dim, self.loss, self.tau = hidden, layers, dim, loss, tau
        self.regularization, self.negatives, self.share_negatives = regularization, negatives, share_negatives
        self.negative_power, self.sampling = negative_power, sampling
        self.epochs, self.batch_size = epochs, batch_size
        self.learning_rate, self.valid_every, self.patience = learning_rate, valid_every, patience
        self.encoder, self.user_texts = encoder, user_texts
        self.seed, self.device, self.verbose = seed, device, verbose

    def _check(self) -> None:
        super()._check()
        check_choice("fusion", self.fusion, ("add", "concat"))
        check_number("shared_experts", self.shared_experts, least=0, integer=True)
        check_number("dedicated_experts", self.dedicated_experts, least=1, integer=True)
        check_number("hidden", self.hidden, least=1, integer=True)

    def _learner(self, dataset: Dataset, graph: BipartiteGraph) -> tuple[Learner, dict[str, Any]]:
        self._check()
        texts, notes = NodeTexts.encoded(dataset, graph, self._own_encoder(), self.user_texts)
        counts = {"shared": int(self.shared_experts), "dedicated": int(self.dedicated_experts)}
        return _KARLearner(self, graph, texts), notes | {"experts": counts}

    def _learned(self, learner: Any) -> Arrays:
        weights = learner.adaptor.state_dict().items()
        arrays = super()._learned(learner) | {f"adaptor.{name}": rows.numpy() for name, rows in weights}
        return arrays | {"titles": learner.texts.items.astype(np.float16)}

    @property
    def _knows_nobody(self) -> bool:
        """Users with a text of their own."""
        return self._state.params["user_texts"] is not None

    def _fold_in(self, people: People) -> NDArray[np.float32]:
        state = self._state
        arrays, hops = state.arrays, graph_part(state.arrays["fold"], people)
        if state.params["user_texts"] is not None:
            return self._scaled(hops)
        means = torch.from_numpy(history_means(arrays["titles"], people.indptr, people.indices))
        knowledge = self._adaptor(arrays)(means, "users").detach().numpy()
        hops[:, hops.shape[1] - knowledge.shape[1] :] += knowledge / np.float32(state.params["layers"] + 1)
        return self._scaled(hops)

    def _adaptor(self, arrays: Arrays) -> HybridExpertAdaptor:
        """The trained adaptor, rebuilt from its arrays."""
        counts = self._state.notes["experts"]
        (width, inner), dim = arrays["adaptor.users_w1"].shape, arrays["adaptor.users_w2"].shape[1]
        shape = width, inner // counts["dedicated"], dim
        adaptor = HybridExpertAdaptor(*shape, counts["shared"], counts["dedicated"], seeded(0))
        weights = {name: torch.from_numpy(arrays[f"adaptor.{name}"]) for name in adaptor.state_dict()}
        adaptor.load_state_dict(weights)
        return adaptor


class _KARLearner(EmbeddingLearner):
    def __init__(self, model: KAR, graph: BipartiteGraph, texts: NodeTexts) -> None:
        generator = seeded(model.seed)
        super().__init__(model, graph, generator)
        self.texts, self.beside = texts, model.fusion == "concat"
        shape = texts.items.shape[1], model.hidden, model.dim
        self.adaptor = HybridExpertAdaptor(*shape, model.shared_experts, model.dedicated_experts, generator)

    def layer_zero(self) -> tuple[torch.Tensor, torch.Tensor]:
        titles = torch.from_numpy(self.texts.items)
        if self.texts.users is None:
            of_users = self.adaptor.of_histories(titles, self.graph)
        else:
            of_users = self.adaptor(torch.from_numpy(self.texts.users), "users")
        return self._fused(self.users, of_users), self._fused(self.items, self.adaptor(titles, "items"))

    def _fused(self, embeddings: torch.Tensor, knowledge: torch.Tensor) -> torch.Tensor:
        return torch.cat([embeddings, knowledge], 1) if self.beside else embeddings + knowledge
