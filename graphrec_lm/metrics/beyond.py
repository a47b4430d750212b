"""Beyond accuracy: how much of the catalogue is shown, how evenly, and how novel and diverse the lists are.

Every function takes `recommended`, int [users, k], item codes with -1 as padding, and raises InputError
when it is not 2-D and integer, repeats an item within a row, or holds codes outside the item array.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from graphrec_lm.errors import InputError, check_number
from graphrec_lm.metrics.checks import PADDING, as_real, as_recommended, as_vector, mean_of_listed

Floats = npt.NDArray[np.float64]

BLOCK_ROWS = 16_384


def coverage(recommended: npt.ArrayLike, n_items: int) -> float:
    """Share of the catalogue of `n_items` that stands in at least one list.

    >>> coverage([[0, 1], [1, -1]], 4)
    0.5
    """
    return float(np.count_nonzero(_exposure(recommended, n_items)) / n_items)


def gini(recommended: npt.ArrayLike, n_items: int) -> float:
    """Gini coefficient of how often each of the `n_items` is shown; 0: all equally often, near 1: only one.

    Items never shown count. NaN when nothing is recommended at all.

    >>> gini([[0, 1], [0, 1]], 2), gini([[0], [0]], 4)
    (0.0, 0.75)
    """
    shown = np.sort(_exposure(recommended, n_items)).astype(np.float64)
    if shown[-1] == 0:
        return float("nan")
    rank = np.arange(1, n_items + 1)
    return float(((2 * rank - n_items - 1) * shown).sum() / (n_items * shown.sum()))


def novelty(recommended: npt.ArrayLike, popularity: npt.ArrayLike, n_users: int) -> Floats:
    """Mean self-information -log2(popularity / n_users) of each list, in bits.

    An item that nobody touched counts as touched by one user. Source: Zhou et al., "Solving the apparent
    diversity-accuracy dilemma of recommender systems", PNAS 2010.

    Parameters
    ----------
    popularity : number [items]
        How many of the users touched each item in the training data.
    n_users : int
        Number of those users.

    Returns
    -------
    float64 [users]
        NaN for an empty list.

    Examples
    --------
    >>> novelty([[0, 1], [0, -1]], [8, 2], n_users=8)
    array([1., 0.])
    """
    counts = as_vector("popularity", popularity)
    check_number("n_users", n_users, least=1, integer=True)
    if counts.max() > n_users:
        required = f"`popularity` must be at most n_users = {n_users}"
        raise InputError(required, counts.max(), "Count users, not interactions.")
    bits = np.log2(n_users) - np.log2(np.maximum(counts, 1))
    return mean_of_listed(as_recommended(recommended, len(counts)), lambda codes: bits[codes])


def mean_popularity(recommended: npt.ArrayLike, popularity: npt.ArrayLike) -> Floats:
    """Mean of `popularity`, one number an item, over each list; float64 [users], NaN for an empty one.

    >>> mean_popularity([[0, 1], [0, -1]], [8, 2])
    array([5., 8.])
    """
    counts = as_vector("popularity", popularity)
    return mean_of_listed(as_recommended(recommended, len(counts)), lambda codes: counts[codes])


def intra_list_diversity(recommended: npt.ArrayLike, vectors: npt.ArrayLike) -> Floats:
    r"""Mean of 1 - cosine over the pairs of items in each list; float64 [users], NaN below two items.

    With unit rows v, :math:`\sum_{i \ne j} v_i \cdot v_j = \|\sum_i v_i\|^2 - \sum_i \|v_i\|^2`: no pair is
    ever formed. A zero row has cosine 0 with every item. Source: Ziegler et al., WWW 2005.

    Parameters
    ----------
    vectors : number [items, dim]
        One vector an item, of any length.

    Examples
    --------
    >>> intra_list_diversity([[0, 1], [0, 2]], [[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]])
    array([1., 0.])
    """
    units = _unit_rows(vectors)
    codes = as_recommended(recommended, len(units))
    lengths = (units**2).sum(axis=1)
    count = (codes != PADDING).sum(axis=1)
    own = np.where(codes == PADDING, 0.0, lengths[codes]).sum(axis=1)
    together = np.concatenate([_squared_sums(block, units) for block in _blocks(codes)])
    pairs = count * (count - 1.0)
    return 1.0 - np.divide(together - own, pairs, out=np.full(len(codes), np.nan), where=pairs > 0)


def _exposure(recommended: npt.ArrayLike, n_items: int) -> npt.NDArray[np.int64]:
    check_number("n_items", n_items, least=1, integer=True)
    codes = as_recommended(recommended, n_items)
    return np.bincount(codes[codes != PADDING].astype(np.int64), minlength=n_items)


def _unit_rows(vectors: npt.ArrayLike) -> Floats:
    rows = as_real("vectors", vectors)
    if rows.ndim != 2 or rows.size == 0:
        raise InputError(
            "`vectors` must have shape [items, dim]", f"shape {rows.shape}", "Pass one row an item."
        )
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)


def _blocks(codes: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    for start in range(0, max(len(codes), 1), BLOCK_ROWS):
        yield codes[start : start + BLOCK_ROWS]


def _squared_sums(codes: npt.NDArray[Any], units: Floats) -> Floats:
    listed = codes != PADDING
    indptr = np.concatenate([[0], np.cumsum(listed.sum(axis=1))])
    picked = codes[listed]
    pattern = sparse.csr_array((np.ones(len(picked)), picked, indptr), shape=(len(codes), len(units)))
    return ((pattern @ units) ** 2).sum(axis=1)
