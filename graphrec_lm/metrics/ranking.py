"""Accuracy of ranked lists: recall, precision, NDCG, hit rate, MRR and MAP at k, for each user."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from graphrec_lm.errors import InputError, check_number, did_you_mean
from graphrec_lm.metrics.checks import as_recommended

Floats = npt.NDArray[np.float64]


class Hits(NamedTuple):
    """Where the relevant items stand: `hit` is bool [users, k], `relevant` their number, float64 [users]."""

    hit: npt.NDArray[np.bool_]
    relevant: Floats

    @property
    def k(self) -> int:
        """Length of the lists."""
        return self.hit.shape[1]

    @property
    def reachable(self) -> Floats:
        """The most hits that k places allow: min(k, |T|)."""
        return np.minimum(self.k, self.relevant)


def _recall(hits: Hits) -> Floats:
    return hits.hit.sum(axis=1) / hits.relevant


def _precision(hits: Hits) -> Floats:
    return hits.hit.sum(axis=1) / hits.k


def _ndcg(hits: Hits) -> Floats:
    discount = 1.0 / np.log2(np.arange(2, hits.k + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discount)])
    return (hits.hit @ discount) / ideal[hits.reachable.astype(np.int64)]


def _hit_rate(hits: Hits) -> Floats:
    return np.asarray(hits.hit.any(axis=1), dtype=np.float64)


def _mrr(hits: Hits) -> Floats:
    return hits.hit.any(axis=1) / (hits.hit.argmax(axis=1) + 1.0)


def _map(hits: Hits) -> Floats:
    precision = np.cumsum(hits.hit, axis=1) / np.arange(1, hits.k + 1)
    return (precision * hits.hit).sum(axis=1) / hits.reachable


_FORMULAS: dict[str, Callable[[Hits], Floats]] = {
    "recall": _recall,
    "precision": _precision,
    "ndcg": _ndcg,
    "hit_rate": _hit_rate,
    "mrr": _mrr,
    "map": _map,
}
RANKING_METRICS: tuple[str, ...] = tuple(_FORMULAS)


def ranking_metrics(
    recommended: npt.ArrayLike,
    indptr: npt.ArrayLike,
    indices: npt.ArrayLike,
    *,
    k: int,
    metrics: Sequence[str] = ("recall", "ndcg", "hit_rate"),
) -> dict[str, Floats]:
    r"""Measure the first `k` places of each user's list against the user's relevant items T.

    With binary gains and the discount :math:`1/\log_2(1 + rank)`:

    - recall = hits / |T|; precision = hits / k, also for a list shorter than k; hit_rate = 1 if hits > 0;
    - ndcg = DCG / IDCG, where IDCG has its ones in the first min(k, |T|) places;
    - mrr = 1 / rank of the first hit, 0 without one;
    - map = sum of the precisions at the hits / min(k, |T|), so that a perfect list scores 1
      (trec_eval and ranx divide by |T|).

    Parameters
    ----------
    recommended : int [users, width >= k]
        Item codes, best first; -1 pads a list that is shorter and is never a hit.
    indptr, indices : int [users + 1], int [relevant pairs]
        The relevant items of the same users as CSR rows, ascending within a row.
    k : int
        Number of places that count.
    metrics : sequence of str
        Names out of `RANKING_METRICS`.

    Returns
    -------
    dict of str to float64 [users]
        Keys such as "ndcg@20"; NaN for a user without relevant items.

    Raises
    ------
    InputError
        k < 1 or wider than the lists, an unknown metric, arrays of the wrong shape, type or order, or an
        item twice in one list.

    Examples
    --------
    >>> ranking_metrics([[4, 7, 9], [1, 2, 3]], [0, 2, 2], [7, 8], k=3)["recall@3"]
    array([0.5, nan])
    """
    names = _check_names(metrics)
    hits = find_hits(recommended, indptr, indices, k=k)
    empty = hits.relevant == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        values = {name: _FORMULAS[name](hits) for name in names}
    return {f"{name}@{k}": np.where(empty, np.nan, value) for name, value in values.items()}


def macro_average(per_user: Mapping[str, npt.ArrayLike]) -> dict[str, float]:
    """Average each metric over the users that have a value; NaN where none has.

    >>> macro_average({"recall@3": [0.5, float("nan"), 1.0]})
    {'recall@3': 0.75}
    """
    return {name: _mean_of_present(np.asarray(values)) for name, values in per_user.items()}


def find_hits(recommended: npt.ArrayLike, indptr: npt.ArrayLike, indices: npt.ArrayLike, *, k: int) -> Hits:
    """Mark the relevant items among the first `k` recommended; arguments as in `ranking_metrics`.

    Rows are compared as the integers row * n_items + code, so that one search in one sorted array finds
    the hits of every user.
    """
    codes = _first_k(recommended, k)
    starts, relevant = _check_csr(indptr, indices, len(codes))
    counts = np.diff(starts)
    span = 1 + int(max(codes.max(initial=0), relevant.max(initial=0)))
    rows = np.arange(len(codes), dtype=np.int64)
    keys = np.repeat(rows * span, counts) + relevant
    _check_ascending(keys)
    wanted = rows[:, None] * span + codes
    if keys.size == 0:
        return Hits(np.zeros(codes.shape, bool), counts.astype(np.float64))
    place = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
    return Hits((keys[place] == wanted) & (codes >= 0), counts.astype(np.float64))


def _mean_of_present(values: npt.NDArray[Any]) -> float:
    present = values[~np.isnan(values)]
    return float(present.mean()) if present.size else float("nan")


def _check_names(metrics: Sequence[str]) -> list[str]:
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    for name in names:
        if name not in RANKING_METRICS:
            required = f"`metrics` must be among {', '.join(RANKING_METRICS)}"
            raise InputError(required, repr(name), did_you_mean(str(name), RANKING_METRICS))
    if not names:
        raise InputError(
            "`metrics` must name at least one metric", "none", f"Valid: {', '.join(RANKING_METRICS)}."
        )
    return names


def _first_k(recommended: npt.ArrayLike, k: int) -> npt.NDArray[np.int64]:
    check_number("k", k, least=1, integer=True)
    codes = as_recommended(recommended)
    if codes.shape[1] < k:
        required = f"`recommended` must have at least k = {k} columns"
        raise InputError(required, codes.shape[1], "Recommend more items, or pad the rows with -1.")
    return codes[:, :k].astype(np.int64)


def _check_csr(
    indptr: npt.ArrayLike, indices: npt.ArrayLike, n_rows: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    starts, codes = np.asarray(indptr), np.asarray(indices)
    if starts.shape != (n_rows + 1,) or codes.ndim != 1:
        required = f"`indptr` must have {n_rows + 1} entries (users + 1) and `indices` one dimension"
        remedy = "Pass the relevant items of the same users as `recommended`."
        raise InputError(required, f"shapes {starts.shape} and {codes.shape}", remedy)
    if any(array.size and array.dtype.kind not in "iu" for array in (starts, codes)):
        raise InputError(
            "`indptr` and `indices` must be integers", f"{starts.dtype}, {codes.dtype}", "Pass a CSR pattern."
        )
    if starts[0] != 0 or starts[-1] != len(codes) or (np.diff(starts) < 0).any():
        required = f"`indptr` must rise from 0 to {len(codes)}, the length of `indices`"
        raise InputError(required, f"{starts[0]} to {starts[-1]}", "Slice both arrays to the same rows.")
    if codes.min(initial=0) < 0:
        raise InputError("`indices` must be item codes >= 0", codes.min(), "Pass codes.")
    return starts.astype(np.int64), codes.astype(np.int64)


def _check_ascending(keys: npt.NDArray[np.int64]) -> None:
    if (np.diff(keys) <= 0).any():
        required = "`indices` must ascend within each row, without repeats"
        raise InputError(required, "rows that do not", "Sort each row and merge repeated items.")
