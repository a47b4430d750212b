"""From a table of rows to what networks read: codes, a few numbers, and blocks of shared vectors."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from graphrec_lm.ctr.coding import Coder, coders
from graphrec_lm.ctr.fields import Fields
from graphrec_lm.ctr.graph_features import GraphBlock, GraphFeatures, Index
from graphrec_lm.ctr.rates import Codes, Floats, Rates, draw_folds
from graphrec_lm.ctr.tastes import Tastes
from graphrec_lm.ctr.text_features import TextBlock, TextFeatures
from graphrec_lm.errors import InputError, first_few
from graphrec_lm.text import resolve_encoder

logger = logging.getLogger("graphrec_lm")
Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Rows:
    """Rows as arrays.

    Attributes
    ----------
    codes : int32 [n, width]
        Rows of the embedding table: single-valued fields first, then the lists; 0 pads.
    dense : float32 [n, d]
        Standardised on the training rows.
    blocks : list of (float32 [m, dim], int64 [n])
        Vectors that rows share, and which one each has.
    """

    codes: NDArray[np.int32]
    dense: Float32
    blocks: list[tuple[Float32, NDArray[np.int64]]]

    def __len__(self) -> int:
        return len(self.codes)


@dataclass(frozen=True)
class Layout:
    """What a network must know of the rows.

    Attributes
    ----------
    n_codes : int
        Rows of the embedding table.
    singles : int
        Columns of `codes` that are a field each.
    lists : list of (start, stop)
        Columns of the list fields.
    sides : list of str
        Of every field vector: singles, lists, blocks.
    dense : int
    blocks : list of int
        Dimensions.
    projections : list of int or None
        Of the blocks, before they are concatenated.
    """

    n_codes: int
    singles: int
    lists: list[tuple[int, int]]
    sides: list[str]
    dense: int
    blocks: list[int]
    projections: list[int | None]


@dataclass
class Features:
    """Everything learned about the columns of the training rows.

    Attributes
    ----------
    fields : Fields
    ids : dict of Coder
        "user" and "item", where `fields` has ids.
    columns : list of Coder
        Of the raw fields; empty for a model of language-model features alone.
    rates, tastes, texts, graph
        See their modules; None or empty where they are off.
    scale : float64 [2, d]
        Mean and standard deviation of the dense features.
    unseen : dict
        Column -> values in the rows last transformed that the training rows never had.
    """

    fields: Fields
    ids: dict[str, Coder]
    columns: list[Coder]
    rates: Rates | None = None
    texts: list[TextBlock] = field(default_factory=list)
    tastes: list[tuple[str, int, Tastes]] = field(default_factory=list)
    graph: GraphBlock | None = None
    scale: Floats = field(default_factory=lambda: np.zeros((2, 0)))
    unseen: dict[str, int] = field(default_factory=dict)

    @classmethod
    def fit(
        cls,
        table: pa.Table,
        labels: NDArray[np.float32],
        fields: Fields,
        *,
        raw: bool = True,
        text: TextFeatures | None = None,
        graph: GraphFeatures | None = None,
        statistics: bool = True,
        seed: int = 0,
        label: str | None = None,
    ) -> tuple[Features, Rows]:
        """Learn from the training rows; their own features are out of fold where they hold labels.

        A column `label` must be neither a field nor in a sentence: it would predict itself.
        """
        chosen = fields.resolve(table)
        learned = [coder for f, side in chosen for coder in coders(f, side, table[f.name])]
        ids = {c.side: c for c in learned if c.name in (fields.user_id, fields.item_id)}
        self = cls(fields, ids, sorted(learned, key=lambda c: c.kind == "list") if raw else [])
        if not (raw or text or graph):
            raise InputError("a model must have features", "raw=False without `text` or `graph`", "Pass one.")
        templates = [] if text is None else text.templates(chosen, (fields.user_id, fields.item_id))
        if label in {f.name for f, _ in chosen}.union(*(template.fields for _, template in templates)):
            remedy = "Leave it out of the fields and templates."
            raise InputError("the label must not be a feature", f"{label!r} among both", remedy)
        if text is not None:
            encoder = resolve_encoder(text.encoder)  # once: a language model may be large
            self.texts = [TextBlock.fit(side, one, table, text, encoder, seed) for side, one in templates]
        products_of = None
        if graph is not None:
            self.graph = graph.block()
            _require_ids(ids, "`graph`")
            products_of = partial(graph.training_products, self.graph)
        y, folds = labels.astype(np.float64), draw_folds(len(labels), seed)
        places = self._ids(table, set(ids), {})
        dense, residuals = self._rates(places, y, folds, statistics)
        blocks, products = self._blocks(table, products_of)
        if text is not None and text.tastes:
            dense += self._fit_tastes(places, blocks, residuals, folds, text.ridge)
        values = np.concatenate([*dense, *products], axis=1)
        self.scale = np.stack([values.mean(axis=0), np.maximum(values.std(axis=0), 1e-6)])
        return self, Rows(self._codes(table, {}), self._scaled(values), blocks)

    def transform(self, table: pa.Table) -> Rows:
        """Rows of later tables; unknown values are counted in `unseen` and logged. Threads may share it."""
        self.fields.resolve(table)
        unseen: dict[str, int] = {}
        codes = self._codes(table, unseen)
        sides = set(self.ids) if self.rates is not None else {group for group, _, _ in self.tastes}
        ids = self._ids(table, sides, unseen)
        for name, count in unseen.items():
            logger.info("%s: %d values of %d rows are new and count as unknown", name, count, len(codes))
        dense = [np.zeros((len(codes), 0))]
        if self.rates is not None:
            dense.append(self.rates.features(ids["user"], ids["item"]))
        blocks, products = self._blocks(table)
        for group, place, tastes in self.tastes:
            dense.append(tastes.features(ids[group], *blocks[place])[:, None])
        values = np.concatenate([*dense, *products], axis=1)
        self.unseen = unseen
        return Rows(codes, self._scaled(values), blocks)

    def layout(self, projection: int | None = None) -> Layout:
        """What a network needs to know."""
        singles = [c for c in self.columns if c.kind != "list"]
        lists, at = [], len(singles)
        for coder in self.columns[len(singles) :]:
            lists.append((at, at + coder.width))
            at += coder.width
        graph = [] if self.graph is None else [(side, v.shape[1]) for side, v in self.graph.vectors.items()]
        sides = [c.side for c in self.columns] + [t.side for t in self.texts] + [side for side, _ in graph]
        dims = [t.dim for t in self.texts] + [dim for _, dim in graph]
        n_codes = 1 + sum(c.size for c in self.columns)
        projections = [projection] * len(self.texts) + [None] * len(graph)
        return Layout(n_codes, len(singles), lists, sides, self.scale.shape[1], dims, projections)

    def _codes(self, table: pa.Table, unseen: dict[str, int]) -> NDArray[np.int32]:
        parts, offset = [np.zeros((table.num_rows, 0), np.int64)], 1
        for coder in self.columns:
            codes = self._counted(coder, table, unseen)
            parts.append(np.where(codes < 0, 0, codes + offset))
            offset += coder.size
        return np.concatenate(parts, axis=1).astype(np.int32)

    def _ids(self, table: pa.Table, sides: set[str], unseen: dict[str, int]) -> dict[str, Codes]:
        return {side: self._counted(self.ids[side], table, unseen)[:, 0] for side in sides}

    def _counted(self, coder: Coder, table: pa.Table, unseen: dict[str, int]) -> Codes:
        codes, count = coder.codes(table[coder.name])
        if count:
            unseen[coder.name] = count
        return codes

    def _rates(
        self, ids: dict[str, Codes], y: Floats, folds: Codes, statistics: bool
    ) -> tuple[list[Floats], dict[str, Floats]]:
        """Columns of the base rate; what is left for a group's tastes once the other side's deviation is out.

        The group's own deviation stays in: computed from its other rows, it would carry each row's label.
        """
        centred = y - y.mean()
        if len(self.ids) < 2:
            return [np.zeros((len(y), 0))], {"user": centred, "item": centred}
        sizes = self.ids["user"].size, self.ids["item"].size
        rates, columns = Rates.fit(ids["user"], ids["item"], sizes, y, folds)
        self.rates = rates if statistics else None
        left = {"user": centred - columns[:, 2], "item": centred - columns[:, 1]}
        return [columns if statistics else columns[:, :0]], left

    def _blocks(
        self, table: pa.Table, products_of: Callable[[Index], Float32] | None = None
    ) -> tuple[list[tuple[Float32, NDArray[np.int64]]], list[Float32]]:
        """Vectors and the place of each row's, of texts and graph; what the graph's two say together."""
        blocks = [text.transform(table) for text in self.texts]
        if self.graph is None:
            return blocks, []
        index = self.graph.index(table[self.ids["user"].name], table[self.ids["item"].name])
        products = (products_of or self.graph.products)(index)
        return [*blocks, *zip(self.graph.vectors.values(), index, strict=True)], [products]

    def _fit_tastes(
        self,
        ids: dict[str, Codes],
        blocks: list[tuple[Float32, Codes]],
        residuals: dict[str, Floats],
        folds: Codes,
        ridge: float,
    ) -> list[Floats]:
        """A user's taste for items and contexts, an item's for users; of one sentence a row, both."""
        columns = []
        for place, text in enumerate(self.texts):
            groups = {"user": ("item",), "row": ("user", "item")}.get(text.side, ("user",))
            for group in (g for g in groups if g in self.ids):
                size = self.ids[group].size
                tastes, own = Tastes.fit(ids[group], size, *blocks[place], residuals[group], folds, ridge)
                self.tastes.append((group, place, tastes))
                columns.append(own[:, None])
        return columns

    def _scaled(self, values: Floats) -> Float32:
        return ((values - self.scale[0]) / self.scale[1]).astype(np.float32)


def _require_ids(ids: dict[str, Coder], what: str) -> None:
    if len(ids) < 2:
        required = f"{what} needs the columns of user and item ids"
        raise InputError(required, first_few(sorted(ids), len(ids)), "Name them in Fields.")
