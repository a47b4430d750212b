"""Trained text models whose weights are projections: shared by domains, carried to others, continued."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec_lm.data import Dataset, IdMap
from graphrec_lm.data.fingerprint import content_hash
from graphrec_lm.errors import InputError, check_choice, check_number
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.models.fitted import Arrays, Fitted
from graphrec_lm.models.learned_encoders import with_learned
from graphrec_lm.models.projection import Projection
from graphrec_lm.models.text import title_vectors
from graphrec_lm.models.trained import TrainedRecommender
from graphrec_lm.models.transfer import Transferable, same_encoder
from graphrec_lm.text import TextEncoder
from graphrec_lm.training import Callback, DomainLearner, DomainSampler, Learner, domain_shares

Float32 = NDArray[np.float32]
Towers = Mapping[str, Projection]


class TowerRecommender(Transferable, TrainedRecommender):
    """Base of models that train projections of LM vectors; a model writes `_towers` and `_over`.

    Its constructor also stores `encoder`, `dim`, `hidden`, `tau` and `domain_weights`.
    """

    dim: int
    hidden: int | None
    tau: float
    domain_weights: Any
    _start: Fitted | None = None

    def _check(self) -> None:
        """Raise InputError for parameters out of range; models check their own, too."""
        check_number("dim", self.dim, least=1, integer=True)
        check_number("tau", self.tau, above=0)
        if isinstance(self.domain_weights, str):
            check_choice("domain_weights", self.domain_weights, ("proportional", "equal"))
        if self.hidden is not None:
            check_number("hidden", self.hidden, least=1, integer=True)

    def _widths(self, width: int) -> tuple[int, int, int]:
        """d_LM, width of the inner layer (by default half of it), dimension of the result."""
        return width, self.hidden or max(1, width // 2), self.dim

    @abstractmethod
    def _towers(self, width: int) -> dict[str, Projection]:
        """Projections of LM vectors of that width, with initial weights; by the prefix of their arrays."""

    @abstractmethod
    def _over(self, towers: Towers, titles: torch.Tensor, graph: BipartiteGraph) -> Any:
        """The learner of these weights on a domain."""

    def fit(
        self, dataset: Any, *, valid: Any = None, init: Any = None, callbacks: Iterable[Callback] = ()
    ) -> Self:
        """As `Recommender.fit`; several datasets may be fitted at once, and another model be the start.

        Parameters
        ----------
        dataset : Dataset or list of them
            Several are domains: each has its own graph, and negatives come from the user's own. What was
            learned is then used by `adapt(dataset)`, on one of them or on any other.
        valid : Dataset, dataframe, or list of them, optional
            One a domain, None for one without. The mean of the domains' NDCG selects the epoch.
        init : model of this class, optional
            Its weights are the first ones: training goes on from there on this data.
        callbacks : iterable of Callback

        Raises
        ------
        InputError
            As `Recommender.fit`; or if `init` is of another class, encoder or shape.
        """
        self._check_start(init)
        self._start = None if init is None else init._result
        try:
            return super().fit(dataset, valid=valid, callbacks=callbacks)
        finally:
            self._start = None

    def _new_encoder(self) -> tuple[Any, TextEncoder] | None:
        opened = super()._new_encoder()
        if opened is None or self._start is None:
            return opened
        return opened[0], with_learned(opened[1], self._start.encoders)

    def _check_start(self, init: Any) -> None:
        if init is not None and type(init) is not type(self):
            name = type(self).__name__
            raise InputError(f"`init` must be a fitted {name}", type(init).__name__, f"Fit a {name} first.")

    def _learner(self, dataset: Dataset, graph: BipartiteGraph) -> tuple[Learner, dict[str, Any]]:
        self._check()
        titles, notes = title_vectors(dataset, self._own_encoder())
        towers, start = self._first_towers(titles.shape[1])
        return self._over(towers, torch.from_numpy(titles), graph), notes | start

    def _first_towers(self, width: int) -> tuple[Towers, dict[str, str]]:
        """Weights to start from, and a note of the model that they are from."""
        towers = self._towers(width)
        if self._start is None:
            return towers, {}
        same_encoder(self._start.notes, self._own_encoder())
        self._load(towers, self._start.arrays)
        return towers, {"init": content_hash(tower_arrays(towers).values())}

    def _load(self, towers: Towers, arrays: Arrays) -> None:
        """Give the towers the weights among these arrays, which must be all of theirs and no others."""
        required, remedy = "`init` must have the same projection and towers", "Give both the same parameters."
        names = {name for name in arrays if name.rpartition(".")[2] in ("w1", "b1", "w2", "b2")}
        if names != set(tower_arrays(towers)):
            raise InputError(required, ", ".join(sorted(names)), remedy)
        for prefix, tower in towers.items():
            for name, weight in tower.named_parameters():
                found = arrays[prefix + name]
                if found.shape != weight.shape:
                    required = f"`init` must have weights of shape {tuple(weight.shape)}"
                    raise InputError(required, found.shape, "Give both the same dimensions and projection.")
                weight.data.copy_(torch.from_numpy(found))
        if any(not np.array_equal(own, arrays[name]) for name, own in tower_arrays(towers).items()):
            raise InputError(required, "two different towers for a shared one", remedy)

    def _carry(self, weights: Arrays, dataset: Dataset, titles: Float32) -> Arrays:
        towers = self._towers(titles.shape[1])
        self._load(towers, weights)
        graph = BipartiteGraph.from_dataset(dataset)
        return self._arrays(self._over(towers, torch.from_numpy(titles), graph))

    def _fit_domains(
        self, datasets: list[Dataset], valid: list[Dataset | None], callbacks: Sequence[Callback]
    ) -> Fitted:
        options = self._options()
        self._check()
        graphs = [BipartiteGraph.from_dataset(dataset) for dataset in datasets]
        titles, notes = zip(
            *[title_vectors(dataset, self._own_encoder()) for dataset in datasets], strict=True
        )
        towers, start = self._first_towers(titles[0].shape[1])
        parts = zip(titles, graphs, strict=True)
        learner = DomainLearner([self._over(towers, torch.from_numpy(rows), graph) for rows, graph in parts])
        samplers = [self._placed_sampler(graph) for graph in graphs]
        shares = domain_shares(self.domain_weights, [len(sampler) for sampler in samplers])
        sampler = DomainSampler(samplers, shares, self.seed)
        run_id = self._run_id(datasets, valid, notes[0] | start)
        validate = self._domain_validator(graphs, valid)
        history = self._train(learner, sampler, options, validate, callbacks, run_id)
        kept = notes[0] | start | {"cosine": self._cosine, "domains": len(datasets)}
        return Fitted.of(_nothing(datasets[0]), None, tower_arrays(towers), history=history, notes=kept)

    def _domain_validator(
        self, graphs: list[BipartiteGraph], valid: list[Dataset | None]
    ) -> Callable[[DomainLearner], float] | None:
        """The mean of the validations of the domains that have one."""
        pairs = [
            (n, self._validator(graphs[n], part))
            for n, part in enumerate(valid)
            if part and part.n_interactions
        ]
        if not pairs:
            return None
        return lambda learner: float(np.mean([validate(learner.of(n)) for n, validate in pairs]))


def tower_arrays(towers: Towers) -> Arrays:
    """The weights as arrays, each by its prefix and name."""
    return {p + name: w.detach().numpy() for p, t in towers.items() for name, w in t.named_parameters()}


def _nothing(like: Dataset) -> Dataset:
    """A Dataset without users and items."""
    empty = np.zeros(0, dtype=np.int32)
    return Dataset.from_codes(
        IdMap(empty), IdMap(empty), empty, empty, backend=like.backend, rules=like.rules
    )
