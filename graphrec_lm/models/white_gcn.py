"""WhiteGCN: titles diffused over the graph, as they are and whitened; one number is learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.data import Dataset
from graphrec_lm.errors import check_number
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.kernels import empty, unit_rows
from graphrec_lm.models.fitted import Arrays, Fitted
from graphrec_lm.models.fold_in import graph_part, hops, unit_own_part
from graphrec_lm.models.held_out import judge, validating
from graphrec_lm.models.people import People
from graphrec_lm.models.text import history_means, title_vectors
from graphrec_lm.models.transfer import Transferable
from graphrec_lm.models.wishes import UNWANTED, Wishes
from graphrec_lm.text import DEFAULT_ENCODER
from graphrec_lm.training.callbacks import Callback

Float32 = NDArray[np.float32]

_WEIGHTS = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_USUAL = 1.0
_SHRINK = 0.01  # of the mean variance, added to each: a catalogue may have fewer titles than dimensions
_PEOPLE = 5000  # that validate, at most


class WhiteGCN(Transferable):
    """Two diffusions of the titles, their cosines added: TextGCN's, and one of whitened titles.

        score(u, i) = cos(mean of hops 0..L of raw titles) + β · cos(hop 2 of whitened titles)

    Vectors of a language model share a few strong directions. What lies along them says mostly how an item
    is written about, and hides what tells two items of one catalogue apart. Whitening (by the touched
    items: mean removed, all directions scaled alike) brings that out; hop 2 reaches the items that have
    people in common.
    Raw titles keep what whitening destroys where histories are short. Nothing but β is learned, on
    validation; it carries over to other domains, where it beats both TextGCN and trained projections
    (docs/zero_shot.md). An item that nobody touched stands by its own title in both parts.

    Exact for new people: a history gets what a fitted user of that history gets.

    Parameters
    ----------
    weight : float, optional
        β >= 0; None is chosen on `valid` (1 without).
    layers : int
        L >= 0.
    encoder : name, folder, TextEncoder, or list of them
    seed : int
        Draws the people that validate, if there are more than 5000.

    Examples
    --------
    >>> import graphrec_lm as gl
    >>> train, valid, test = gl.load_dataset("movielens-small").split("from_column")
    >>> model = WhiteGCN().fit(train, valid=valid)
    >>> model.weight_ > 0
    True
    """

    uses_text = True

    def __init__(
        self,
        weight: float | None = None,
        layers: int = 2,
        encoder: Any = DEFAULT_ENCODER,
        seed: int = 0,
    ) -> None:
        self.weight, self.layers, self.encoder, self.seed = weight, layers, encoder, seed

    @property
    def weight_(self) -> float:
        """β of the fit."""
        return float(self._state.arrays["weight"][0])

    def _fit(self, dataset: Dataset, valid: Dataset | None, callbacks: Sequence[Callback]) -> Fitted:
        check_number("layers", self.layers, least=0, integer=True)
        check_number("seed", self.seed, least=0, integer=True)
        if self.weight is not None:
            check_number("weight", self.weight, least=0)
        titles, notes = title_vectors(dataset, self._own_encoder())
        parts = self._parts(dataset, titles)
        weight = _USUAL if self.weight is None else self.weight
        if self.weight is None and valid is not None and valid.n_interactions:
            weight = self._best(parts, dataset, valid)
        return Fitted.of(dataset, valid, _joined(parts, weight, titles), notes=notes)

    def _settled(self) -> dict[str, Any]:
        return {"weight": self.weight_}

    def _carry(self, weights: Arrays, dataset: Dataset, titles: Float32) -> Arrays:
        return _joined(self._parts(dataset, titles), float(weights["weight"][0]), titles)

    def _parts(self, dataset: Dataset, titles: Float32) -> Arrays:
        """Both parts of users and items, unit rows; what new people are summed from; and the whitening."""
        graph, raw = BipartiteGraph.from_dataset(dataset), unit_rows(titles)
        touched = graph.item_scale > 0
        center, transform = whitening(raw[touched] if touched.any() else raw)
        white = _whitened(raw, center, transform)
        pattern = graph.indptr, graph.indices
        users, items, fold = hops(graph, history_means(raw, *pattern), raw, self.layers)
        far_users, far_items, far_fold = hops(graph, history_means(white, *pattern), white, 2, "last")
        far_items[~touched] = white[~touched]
        return {
            "users": unit_rows(users),
            "items": unit_rows(items),
            "fold": fold,
            "white.users": unit_rows(far_users),
            "white.items": unit_rows(far_items),
            "white.fold": far_fold,
            "white.center": center,
            "white.transform": transform,
        }

    def _best(self, parts: Arrays, dataset: Dataset, valid: Dataset) -> float:
        """β of the highest NDCG@20 on validation."""
        ndcg = judge(dataset, valid, validating(valid, _PEOPLE, self.seed))
        return max(_WEIGHTS, key=lambda weight: ndcg(*_stacked(parts, weight)))

    def _item_rows(self, titles: Float32) -> Float32:
        arrays, raw = self._state.arrays, unit_rows(titles)
        white = _whitened(raw, arrays["white.center"], arrays["white.transform"])
        return _side_by_side(raw, white, self.weight_)

    def _fold_in(self, people: People) -> Float32:
        arrays = self._state.arrays
        raw = unit_own_part(arrays["titles"], people) + graph_part(arrays["fold"], people)
        white = graph_part(arrays["white.fold"], people)
        if people.wishes is not None:
            wish = _white_wish(people.wishes, arrays["white.center"], arrays["white.transform"])
            alphas = people.wishes.alphas[:, None]
            white = unit_rows(white) * (1 - alphas) + alphas * wish
        return _side_by_side(unit_rows(raw), unit_rows(white), self.weight_)


def whitening(titles: Float32) -> tuple[Float32, Float32]:
    """Mean [d] and transform [d, d] that make (titles - mean) @ transform white, up to a shrinkage.

    >>> center, transform = whitening(np.array([[2, 0], [0, 1], [-2, 0], [0, -1]], dtype=np.float32))
    >>> np.round(transform, 1)
    array([[0.7, 0. ],
           [0. , 1.4]], dtype=float32)
    """
    rows = titles.astype(np.float64)
    center = rows.mean(axis=0)
    rows -= center
    covariance = rows.T @ rows / max(1, len(rows))
    values, vectors = np.linalg.eigh(covariance)
    scale = 1 / np.sqrt(np.maximum(values, 0) + _SHRINK * max(values.mean(), 1e-12))
    return center.astype(np.float32), ((vectors * scale) @ vectors.T).astype(np.float32)


def _whitened(rows: Float32, center: Float32, transform: Float32) -> Float32:
    """White rows of length 1."""
    return unit_rows(np.asarray((rows - center) @ transform, dtype=np.float32))


def _white_wish(wishes: Wishes, center: Float32, transform: Float32) -> Float32:
    """White rows of what is wanted less those of what is not: each part is a text, with the mean in it."""
    wanted, unwanted = (
        np.where(part.any(axis=1, keepdims=True), _whitened(part, center, transform), np.float32(0))
        for part in (wishes.wanted, wishes.unwanted)
    )
    found: Float32 = wanted - np.float32(UNWANTED) * unwanted
    return found


def _side_by_side(raw: Float32, white: Float32, weight: float) -> Float32:
    """Both parts in one row: the inner product of two rows is the sum of cosines."""
    width = raw.shape[1]
    both = empty((len(raw), 2 * width))
    both[:, :width] = raw
    np.multiply(white, np.float32(np.sqrt(weight)), out=both[:, width:])
    return both


def _stacked(parts: Arrays, weight: float) -> tuple[Float32, Float32]:
    """Users and items, both parts in one row."""
    users = _side_by_side(parts["users"], parts["white.users"], weight)
    return users, _side_by_side(parts["items"], parts["white.items"], weight)


def _joined(parts: Arrays, weight: float, titles: Float32) -> Arrays:
    """What a fit keeps."""
    users, items = _stacked(parts, weight)
    kept = {name: parts[name] for name in ("fold", "white.fold", "white.center", "white.transform")}
    both = {"users": users, "items": items, "weight": np.array([weight], dtype=np.float32)}
    return kept | both | {"titles": titles.astype(np.float16)}
