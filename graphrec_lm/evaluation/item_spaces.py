"""The two spaces of a fitted model's items: what titles say, and what people did."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.errors import InputError, check_number
from graphrec_lm.models.factors import FactorRecommender
from graphrec_lm.text import embed

Float32 = NDArray[np.float32]


class ItemSpaces(NamedTuple):
    """Vectors of the same items in both spaces.

    Attributes
    ----------
    titles : float32 array [n, d_LM]
    behaviour : float32 array [n, dim]
    counts : int64 array [n]
        Training interactions.
    codes : int64 array [n]
        Which items of the Dataset these are, ascending.
    """

    titles: Float32
    behaviour: Float32
    counts: NDArray[np.int64]
    codes: NDArray[np.int64]


def item_spaces(
    model: Any,
    vectors: Any = None,
    *,
    encoder: Any = None,
    least: int = 1,
    sample: int | None = None,
    seed: int = 0,
) -> ItemSpaces:
    """Title vectors and final item vectors of a fitted factor model.

    Parameters
    ----------
    model : FactorRecommender
        Fitted, with `item_vectors_`: AlphaRec, LightGCN, MF, TextGCN, ...
    vectors : float array [n_items, d_LM], optional
        Title vectors in code order. None: those of a fitted text model, unless there is an `encoder`.
    encoder : name, folder, TextEncoder, or list of them, optional
        Embeds the titles of the fitted Dataset, e.g. for a model that has seen no titles.
    least : int
        Items with fewer training interactions are left out: their behaviour is noise, or their title.
    sample : int, optional
        At most so many of the others, drawn by `seed`.

    Returns
    -------
    ItemSpaces

    Raises
    ------
    NotFittedError
    InputError
        If the model has no item vectors, title vectors cannot be had, or fewer than 3 items are left.

    Examples
    --------
    >>> import graphrec_lm as gl
    >>> train = gl.load_dataset("movielens-small").split("from_column").train
    >>> spaces = item_spaces(gl.TextGCN().fit(train), sample=100)
    >>> spaces.titles.shape, spaces.behaviour.shape
    ((100, 384), (100, 384))
    """
    if not isinstance(model, FactorRecommender):
        remedy = "Pass a fitted AlphaRec, LightGCN, MF or another model of vectors."
        raise InputError("`model` must have `item_vectors_`", type(model).__name__, remedy)
    check_number("least", least, least=0, integer=True)
    dataset = model.dataset_
    titles = _title_vectors(model, vectors, encoder)
    codes = np.flatnonzero(dataset.item_counts >= least)
    if sample is not None:
        check_number("sample", sample, least=3, integer=True)
        codes = np.sort(np.random.default_rng(seed).permutation(codes)[:sample])
    if len(codes) < 3:
        required = f"at least 3 items must have {least} training interactions"
        raise InputError(required, len(codes), "Lower `least`.")
    return ItemSpaces(titles[codes], model.item_vectors_[codes], dataset.item_counts[codes], codes)


def _title_vectors(model: FactorRecommender, vectors: Any, encoder: Any) -> Float32:
    if vectors is not None and encoder is not None:
        raise InputError("give either `vectors` or `encoder`", "both", "Leave one out.")
    dataset = model.dataset_
    if encoder is not None:
        return embed(dataset.titles, encoder)
    kept = model._state.arrays.get("titles") if vectors is None else vectors
    if kept is None:
        required = (
            f"a fitted {type(model).__name__} keeps no title vectors, so `encoder` or `vectors` must be given"
        )
        raise InputError(required, "neither", 'Pass encoder="all-MiniLM-L6-v2".')
    rows = np.asarray(kept, dtype=np.float32)
    if rows.ndim != 2 or len(rows) != dataset.n_items:
        required = f"`vectors` must have a row for each of the {dataset.n_items} items"
        raise InputError(required, f"shape {rows.shape}", "Pass them in the order of the item table.")
    return rows
