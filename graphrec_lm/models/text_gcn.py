"""TextGCN: titles diffused over the graph; nothing is learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.data import Dataset
from graphrec_lm.errors import check_choice, check_number
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.kernels import unit_rows
from graphrec_lm.models.fitted import Arrays, Fitted
from graphrec_lm.models.fold_in import graph_part, hops, unit_own_part
from graphrec_lm.models.people import People
from graphrec_lm.models.text import history_means, title_vectors
from graphrec_lm.models.transfer import Transferable
from graphrec_lm.text import DEFAULT_ENCODER
from graphrec_lm.training.callbacks import Callback


class TextGCN(Transferable):
    """LM vectors propagated over the graph, scored by cosine; no parameters (arXiv 2510.12461).

    Layer 0 is the title of an item and the mean title of a user's history, E⁰; `layers` hops of the
    symmetrically normalised graph follow, Eᵏ = Â Eᵏ⁻¹, and their mean (or the last one) represents everybody.
    There is nothing to train, so nothing to select but `layers`, on validation here, on test in the
    authors' code.

    Exact for new people: a history gets what a fitted user of that history gets.

    Parameters
    ----------
    layers : int
        >= 0; 0 ranks by the mean of the history's unit title vectors.
    combine : {"mean", "last"}
        The mean of layers 0..`layers`, or the last alone.
    encoder : name, folder, TextEncoder, or list of them
    seed : int
        Unused; for the common signature.

    Examples
    --------
    >>> import graphrec_lm as gl
    >>> train, valid, test = gl.load_dataset("movielens-small").split("from_column")
    >>> round(TextGCN(layers=4).fit(train).evaluate(valid)["ndcg@20"], 2)
    0.15
    """

    uses_text = True

    def __init__(
        self, layers: int = 4, combine: str = "mean", encoder: Any = DEFAULT_ENCODER, seed: int = 0
    ) -> None:
        self.layers, self.combine, self.encoder, self.seed = layers, combine, encoder, seed

    def _fit(self, dataset: Dataset, valid: Dataset | None, callbacks: Sequence[Callback]) -> Fitted:
        check_number("layers", self.layers, least=0, integer=True)
        check_choice("combine", self.combine, ("mean", "last"))
        titles, notes = title_vectors(dataset, self._own_encoder())
        return Fitted.of(dataset, valid, self._carry({}, dataset, titles), notes=notes)

    def _carry(self, weights: Arrays, dataset: Dataset, titles: NDArray[np.float32]) -> Arrays:
        graph, own = BipartiteGraph.from_dataset(dataset), unit_rows(titles)
        means = history_means(own, dataset.indptr, dataset.indices)
        users, items, fold = hops(graph, means, own, self.layers, self.combine)
        final = {"users": unit_rows(users), "items": unit_rows(items)}
        return final | {"fold": fold, "titles": titles.astype(np.float16)}

    def _item_rows(self, titles: NDArray[np.float32]) -> NDArray[np.float32]:
        """The unit titles; nothing if only the last hop counts, which an item without users has not."""
        return unit_rows(titles) if self._adds_own else np.zeros_like(titles)

    @property
    def _adds_own(self) -> bool:
        """Whether layer 0 is in the result."""
        return self.combine == "mean" or self.layers == 0

    def _fold_in(self, people: People) -> NDArray[np.float32]:
        arrays = self._state.arrays
        reached = graph_part(arrays["fold"], people)
        if not self._as_fitted()._adds_own:
            return unit_rows(reached)
        return unit_rows(unit_own_part(arrays["titles"], people) + reached)

    @property
    def _mixes_wishes(self) -> bool:
        """The last hop alone has no title to mix a wish with."""
        return self._as_fitted()._adds_own
