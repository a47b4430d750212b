"""The k best items of every query, block by block: never a [queries, items] matrix in memory.

Scores are those of `kernels.dots`, the same bits for one query as for all. Many queries find somewhat
more than k items by a matrix product, which is faster, and take the k best of them; where rounding might
have left one of the k out, the query is scored again with all items.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numba import njit, prange
from numpy.typing import NDArray

from graphrec_lm.errors import InputError, check_number
from graphrec_lm.kernels.best import Best, Codes, Float32, Pattern, is_worse, sift
from graphrec_lm.kernels.dots import FEW, dot, dots
from graphrec_lm.kernels.patterns import take_rows
from graphrec_lm.kernels.read_only import read_only
from graphrec_lm.products import fast_products

_BLOCK_BYTES = 32 << 20
_MOST_ROWS = 128
_GROUP = 4  # blocks of queries that are searched together: threads start once for all
_WIDE = 1 << 18  # items scored at once for few queries
_TILE = 4096  # items scored at once: 128 queries' scores of them stay in the cache
_SPARE = 8  # items found beyond k


def topk(
    queries: Float32,
    items: Float32,
    k: int,
    *,
    seen: Pattern | None = None,
    candidates: NDArray[np.integer] | None = None,
) -> tuple[Codes, Float32]:
    """Rank items for queries by inner product.

    Parameters
    ----------
    queries : float32 array [n, dim]
    items : float32 array [m, dim]
    k : int
    seen : (indptr, indices), optional
        CSR pattern [n, m] of items that are never returned.
    candidates : int array, optional
        Codes of the only items that may be returned.

    Returns
    -------
    indices : int32 array [n, k]
        Item codes, best first, equal scores by ascending code; -1 where fewer than k are left.
    scores : float32 array [n, k]
        -inf where the index is -1.

    Raises
    ------
    InputError
        If the dims differ, `k` < 1, or `seen` has not one row a query.

    Examples
    --------
    >>> items = np.eye(3, dtype=np.float32)
    >>> topk(items[:1], items, 2)
    (array([[0, 1]], dtype=int32), array([[1., 0.]], dtype=float32))
    """
    queries, items = np.ascontiguousarray(queries, np.float32), np.ascontiguousarray(items, np.float32)
    if queries.shape[1] != items.shape[1]:
        widths = f"{queries.shape[1]} and {items.shape[1]}"
        raise InputError("`queries` and `items` must have one dim", widths, "Project both to the same width.")
    _check(len(queries), k, seen)
    how = {"seen": seen, "candidates": candidates}
    if len(queries) <= FEW:
        return _by_dots(queries, items, k, np.arange(len(queries)), **how)
    found, worst = _by_product(queries, items, k + _SPARE, **how)
    best = Best(len(queries), len(items), k, None, None)
    slack = _slack(queries, items)
    unsure = np.empty(len(queries), dtype=np.bool_)
    _score_again(*read_only(queries, items), found, worst, slack, best.indices, best.scores, unsure)
    indices, scores = best.finish()
    again = np.flatnonzero(unsure)
    indices[again], scores[again] = _by_dots(queries, items, k, again, **how)
    return indices, scores


def _check(n: int, k: int, seen: Pattern | None) -> None:
    """The loops trust sizes: what is too short would be read from beyond its end."""
    check_number("k", k, least=1, integer=True)
    if seen is not None and len(seen[0]) != n + 1:
        raise InputError(f"`seen` must have {n} rows", len(seen[0]) - 1, "Give one row a query.")
    if seen is not None and seen[0][-1] > len(seen[1]):
        found = f"{len(seen[1])} for {seen[0][-1]}"
        raise InputError("`seen` must have a code for each of its entries", found, "Pass `indptr, indices`.")


def _by_dots(
    queries: Float32, items: Float32, k: int, rows: NDArray[np.int64], seen: Any, candidates: Any
) -> tuple[Codes, Float32]:
    """The best for some of the queries, all items scored by `dots`."""
    pattern = None if seen is None else take_rows(seen[0], seen[1], rows)
    state = Best(len(rows), len(items), k, pattern, candidates)
    for start in range(0, len(rows), FEW):
        part = queries[rows[start : start + FEW]]
        for first in range(0, len(items), _WIDE):
            state.add(start, start + len(part), first, dots(part, items[first : first + _WIDE]))
    return state.finish()


@fast_products()
def _by_product(
    queries: Float32, items: Float32, most: int, seen: Any, candidates: Any
) -> tuple[Codes, Float32]:
    """The best items by a matrix product, in no order, and the score of the worst of them."""
    columns = torch.from_numpy(items).T
    state = Best(len(queries), len(items), most, seen, candidates)
    padded = torch.zeros((_GROUP * _MOST_ROWS, queries.shape[1]), dtype=torch.float32)
    buffer = np.empty(len(padded) * _TILE, dtype=np.float32)
    for start in range(0, len(queries), len(padded)):
        stop = min(start + len(padded), len(queries))
        padded[: stop - start] = torch.from_numpy(queries[start:stop])
        for first in range(0, len(items), _TILE):
            part = columns[:, first : first + _TILE]
            tile = buffer[: len(padded) * part.shape[1]].reshape(len(padded), -1)
            for row in range(0, stop - start, _MOST_ROWS):
                block = slice(row, row + _MOST_ROWS)
                torch.mm(padded[block], part, out=torch.from_numpy(tile[block]))
            state.add(start, stop, first, tile)
    return state.indices, np.ascontiguousarray(state.scores[:, 0])


def _slack(queries: Float32, items: Float32) -> Float32:
    """How far apart two orders of summing an inner product can end, [n]: 2 γ ‖q‖ max ‖i‖ (Higham, 3.5)."""
    gamma = 1.01 * (items.shape[1] + 2) * 2.0**-24
    longest = np.sqrt(np.einsum("ij,ij->i", items, items).max(initial=0))
    lengths = np.sqrt(np.einsum("ij,ij->i", queries, queries))
    return (2 * gamma * longest * lengths).astype(np.float32)


def topk_blocks(
    score: Callable[[int, int], Float32],
    n: int,
    n_items: int,
    k: int,
    *,
    seen: Pattern | None = None,
    candidates: NDArray[np.integer] | None = None,
) -> tuple[Codes, Float32]:
    """Rank items for `n` queries whose scores come block by block.

    Parameters
    ----------
    score : callable (start, stop) -> float32 array [stop - start, n_items]
        Scores of those queries; called with at most `block_rows(n_items)` of them.
    n, n_items, k : int
    seen, candidates
        As for `topk`.

    Returns
    -------
    As `topk`.

    Examples
    --------
    >>> topk_blocks(lambda start, stop: np.array([[1, 3, 2]], dtype=np.float32), 1, 3, 2)
    (array([[1, 2]], dtype=int32), array([[3., 2.]], dtype=float32))
    """
    _check(n, k, seen)
    state = Best(n, n_items, k, seen, candidates)
    rows = block_rows(n_items)
    for start in range(0, n, rows):
        stop = min(start + rows, n)
        block = np.array(score(start, stop), dtype=np.float32, order="C")
        state.add(start, stop, 0, block)
    return state.finish()


def topk_scores(scores: Float32, k: int, *, seen: Pattern | None = None) -> tuple[Codes, Float32]:
    """Rank items by scores that are all there, float32 [n, n_items]; see `topk_blocks`.

    >>> topk_scores(np.array([[1, 3, 2]], dtype=np.float32), 2)[0]
    array([[1, 2]], dtype=int32)
    """
    n, n_items = scores.shape
    return topk_blocks(lambda start, stop: scores[start:stop], n, n_items, k, seen=seen)


def block_rows(n_items: int) -> int:
    """Number of queries scored at once: a function of the item count only, so that the shape of
    the matrix product, and with it every rounding, is the same for one user as for all.

    >>> block_rows(1000), block_rows(1_000_000)
    (128, 8)
    """
    return max(1, min(_MOST_ROWS, _BLOCK_BYTES // (4 * max(1, n_items))))


@njit(parallel=True, cache=True)
def _score_again(queries, items, found, worst, slack, indices, scores, unsure):  # type: ignore[no-untyped-def]
    """The k best of the found items by `dot`; unsure where an item beyond the worst might be among them."""
    dim = items.shape[1]
    one, other = queries.reshape(-1), items.reshape(-1)
    for row in prange(len(found)):
        best, codes = scores[row], indices[row]
        for place in range(found.shape[1]):
            code = found[row, place]
            if code >= 0:
                value = dot(one, row * dim, other, np.int64(code) * dim, dim)
                if is_worse(best[0], codes[0], value, code):
                    sift(best, codes, value, code, len(best))
        all_found = worst[row] == -np.inf or slack[row] == 0
        unsure[row] = not (all_found or best[0] > worst[row] + slack[row])
