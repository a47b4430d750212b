"""One call for a fitted model: do titles say what people did, and by which of their properties?"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphrec_lm.evaluation.carried import carried_popularity
from graphrec_lm.evaluation.compare_spaces import compare_spaces, prepared
from graphrec_lm.evaluation.item_spaces import ItemSpaces, item_spaces
from graphrec_lm.evaluation.report import Report


def analyse(
    model: Any,
    vectors: Any = None,
    *,
    encoder: Any = None,
    k: int = 10,
    remove_components: int = 3,
    least: int = 1,
    sample: int | None = None,
    seed: int = 0,
) -> Report:
    """Compare title vectors with a model's item vectors, as they are, whitened, and without top components.

    `R2 forward` is from titles to behaviour; the two last rows are `carried_popularity` of the titles. For
    what the measures mean see `compare_spaces`. A text model's item vectors are made of the titles and agree
    with them by construction: to test whether language carries behaviour, analyse a model that has never
    seen a title (LightGCN, MF) with `encoder=`.

    Parameters
    ----------
    model, vectors, encoder, least, sample
        As for `item_spaces`.
    k : int
        Neighbours an item.
    remove_components : int
        >= 1; how many of the largest principal components the last column does without.
    seed : int
        Of sample, splits and control.

    Returns
    -------
    Report
        `measure, value, shuffled, whitened, "without top n"`; `shuffled` with rows of the titles as they are.

    Raises
    ------
    NotFittedError
    InputError
        As `item_spaces`, `compare_spaces` and `carried_popularity`.

    Examples
    --------
    >>> import graphrec_lm as gl
    >>> train = gl.load_dataset("movielens-small").split("from_column").train
    >>> report = analyse(gl.TextGCN().fit(train), least=10, sample=500)
    >>> list(report.column("value"))
    ['CKA', 'overlap@10', 'Procrustes error', 'R2 forward', 'R2 back', 'popularity R2', 'popularity Spearman']
    """
    spaces = item_spaces(model, vectors, encoder=encoder, least=least, sample=sample, seed=seed)
    variants: dict[str, dict[str, Any]] = {
        "value": {},
        "whitened": {"whiten": True},
        f"without top {remove_components}": {"remove_components": remove_components},
    }
    columns: dict[str, dict[str, float]] = {}
    for name, options in variants.items():
        compared = compare_spaces(spaces.titles, spaces.behaviour, k=k, seed=seed, **options)
        carried = carried_popularity(prepared(spaces.titles, **options), spaces.counts, seed=seed)
        columns[name] = compared.column("value") | carried
        if name == "value":
            columns["shuffled"] = compared.column("shuffled") | _shuffled(spaces, seed)
    rows = ({"measure": m} | {name: column[m] for name, column in columns.items()} for m in columns["value"])
    return Report(tuple(rows), f"{len(spaces.codes)} items with at least {least} training interactions.")


def _shuffled(spaces: ItemSpaces, seed: int) -> dict[str, float]:
    counts = np.random.default_rng(seed).permutation(spaces.counts)
    return carried_popularity(spaces.titles, counts, seed=seed)
