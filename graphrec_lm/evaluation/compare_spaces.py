"""Is one space the other, up to a linear map? All measures at once, each with its shuffled control."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from graphrec_lm.errors import check_bool, check_number
from graphrec_lm.evaluation.components import whitened, without_components
from graphrec_lm.evaluation.probe import held_out_r2
from graphrec_lm.evaluation.report import Report
from graphrec_lm.evaluation.spaces import Floats, linear_cka, nearest, procrustes_error, shared_neighbours


def compare_spaces(
    one: ArrayLike,
    other: ArrayLike,
    *,
    k: int = 10,
    whiten: bool = False,
    remove_components: int = 0,
    test: float = 0.2,
    seed: int = 0,
) -> Report:
    """Compare two spaces of the same items: a test of AlphaRec's hypothesis of a homomorphism.

    Sheng et al. (ICLR 2025, arXiv 2407.05441, section 2) infer from the accuracy of a linear map of title
    vectors that language space and behaviour space share their structure. Here that is measured directly:

    - `CKA`: `linear_cka`, 0 to 1;
    - `overlap@k`: `neighbour_overlap`, 0 to 1;
    - `Procrustes error`: `procrustes_error`, 1 to 0, the lower the more alike;
    - `R2 forward`: `held_out_r2` of a ridge regression from `one` to `other`; the hypothesis itself;
    - `R2 back`: from `other` to `one`.

    Parameters
    ----------
    one, other : float arrays [n, d], [n, m]
        E.g. title vectors and `item_vectors_` of a model, row by row of the same items.
    k : int
        Neighbours an item.
    whiten, remove_components : bool, int
        What is done to `one` beforehand: `without_components`, then `whitened`.
    test : float
        Share of items that the probes are measured on.
    seed : int
        Of that split, and of the control.

    Returns
    -------
    Report
        A row a measure: `measure, value, shuffled`. `shuffled` is the same with the rows of `other` permuted:
        what two spaces without anything in common get, and what a value must be compared with.

    Raises
    ------
    InputError
        If these are not two spaces of the same items, or an option is out of range.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> language = rng.standard_normal((300, 8))
    >>> compare_spaces(language, language @ rng.standard_normal((8, 4)), k=5)
    measure            value  shuffled
    ----------------  ------  --------
    CKA               0...
    """
    check_bool("whiten", whiten)
    check_number("seed", seed, least=0, integer=True)
    language = prepared(one, whiten=whiten, remove_components=remove_components)
    behaviour = np.asarray(other, dtype=np.float64)
    values = _measures(language, behaviour, k, test, seed)
    shuffled = behaviour[np.random.default_rng(seed).permutation(len(behaviour))]
    controls = _measures(language, shuffled, k, test, seed)
    return Report(
        tuple({"measure": name, "value": values[name], "shuffled": controls[name]} for name in values)
    )


def prepared(vectors: ArrayLike, *, whiten: bool = False, remove_components: int = 0) -> Floats:
    """Vectors without their largest components and whitened, as asked; float64 [n, d].

    >>> prepared([[1, 2], [3, 4], [5, 7]]).tolist()
    [[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]]
    """
    rows = np.asarray(vectors, dtype=np.float64)
    rows = without_components(rows, remove_components) if remove_components else rows
    return whitened(rows) if whiten else rows


def _measures(one: Floats, other: Floats, k: int, test: float, seed: int) -> dict[str, float]:
    return {
        "CKA": linear_cka(one, other),
        f"overlap@{k}": shared_neighbours(nearest(one, k), nearest(other, k)),
        "Procrustes error": procrustes_error(one, other),
        "R2 forward": held_out_r2(one, other, test=test, seed=seed),
        "R2 back": held_out_r2(other, one, test=test, seed=seed),
    }
