"""The bridge to the graph: behaviour representations of a fitted graph model as features of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from graphrec_lm.ctr.coding import whole
from graphrec_lm.errors import InputError

Float32 = NDArray[np.float32]
Index = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True)
class GraphFeatures:
    """User and item vectors of a fitted graph model, one block each, and their inner product.

    Users and items that the graph model doesn't know get zeros. Fit the graph model on the training rows'
    positives alone. Its inner product would then betray the label of a training row: there it is that of the
    user's history without the item (`Recommender.predict(leave_out=True)`), if the model is exact for new
    people. The vectors themselves stay.

    Parameters
    ----------
    model : fitted model, optional
        With `user_vectors_`, `item_vectors_` and `dataset_`: `AlphaRec`, `IALS`, `LightGCN`.
    product : bool
        Add the inner product (AlphaRec's score).

    Raises
    ------
    InputError
        For a model without vectors.
    """

    model: Any = None
    product: bool = True

    def block(self) -> GraphBlock:
        """Ids and vectors, free of the model."""
        needed = ["user_vectors_", "item_vectors_", "dataset_"]
        needed += ["predict", "exact_for_new_people"] if self.product else []
        if not all(hasattr(self.model, name) for name in needed):
            required = "`model` must be a fitted model of this library with user and item vectors"
            raise InputError(
                required, type(self.model).__name__, "Fit e.g. AlphaRec on the training positives."
            )
        sides = (("user", self.model.dataset_.users.ids, self.model.user_vectors_),
                 ("item", self.model.dataset_.items.ids, self.model.item_vectors_))  # fmt: skip
        ids = {side: pa.array(known) for side, known, _ in sides}
        return GraphBlock(ids, {side: _with_zeros(vectors) for side, _, vectors in sides}, self.product)

    def training_products(self, block: GraphBlock, index: Index) -> Float32:
        """`block.products` of training rows, [n, 1 or 0]: each as if the row had not been fitted."""
        places = np.stack(index)
        products = np.zeros((places.shape[1], int(self.product)), np.float32)
        known = np.flatnonzero(places.all(axis=0))
        if self.product and len(known):
            sides = zip(("user", "item"), places[:, known], strict=True)
            pairs = pa.table({f"{side}_id": block.ids[side].take(pa.array(at - 1)) for side, at in sides})
            apart = self.model.exact_for_new_people
            products[known, 0] = self.model.predict(pairs, leave_out=apart)
        return products


@dataclass(frozen=True)
class GraphBlock:
    """What a model keeps of the graph model.

    Attributes
    ----------
    ids : dict of Arrow arrays
        "user" and "item".
    vectors : dict of float32 [1 + n, dim]
        Row 0 is zero, for the unknown.
    product : bool
    """

    ids: dict[str, pa.Array]
    vectors: dict[str, Float32]
    product: bool

    def index(self, users: pa.ChunkedArray, items: pa.ChunkedArray) -> Index:
        """Places of the rows' users and items in `vectors`, 0 for an id that is not known, or none."""
        return self._places("user", users), self._places("item", items)

    def products(self, index: Index) -> Float32:
        """The inner products of such rows, [n, 1 or 0]."""
        if not self.product:
            return np.zeros((len(index[0]), 0), np.float32)
        pairs = self.vectors["user"][index[0]], self.vectors["item"][index[1]]
        return np.einsum("nd,nd->n", *pairs)[:, None]

    def _places(self, side: str, column: pa.ChunkedArray) -> NDArray[np.int64]:
        known = self.ids[side]
        try:
            found = pc.index_in(whole(column).combine_chunks().cast(known.type), value_set=known)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            required = f"the {side} ids must be of the graph model's type, {known.type}"
            raise InputError(required, f"type {column.type}", "Convert the column.") from error
        return 1 + found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)


def _with_zeros(vectors: Float32) -> Float32:
    return np.concatenate([np.zeros((1, vectors.shape[1]), np.float32), vectors]).astype(np.float32)
