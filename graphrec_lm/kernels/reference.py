"""Readable twins of the kernels: dense algebra and plain loops, for tests and for reading."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

Float32 = NDArray[np.float32]
Int = NDArray[np.integer]


def dense(indptr: Int, indices: Int, n_columns: int) -> Float32:
    """The [rows, n_columns] 0/1 matrix of a CSR pattern.

    >>> dense(np.array([0, 1]), np.array([1]), 2)
    array([[0., 1.]], dtype=float32)
    """
    out: Float32 = np.zeros((len(indptr) - 1, n_columns), dtype=np.float32)
    for row in range(len(indptr) - 1):
        out[row, indices[indptr[row] : indptr[row + 1]]] = 1
    return out


def spmm(indptr: Int, indices: Int, x: Float32, row_scale: Float32, col_scale: Float32) -> Float32:
    """diag(row_scale) · A · diag(col_scale) · x."""
    return np.asarray((row_scale[:, None] * dense(indptr, indices, len(x)) * col_scale) @ x, dtype=np.float32)


def add_row_sums(sums: Float32, weights: Float32, matrix: Float32) -> Float32:
    """See `kernels.add_row_sums`; both matrices dense."""
    found: Float32 = sums + weights @ matrix
    return found


def gram(matrix: Float32, row_weight: Float32 | None = None, least: float | None = None) -> Float32:
    """Xᵀ diag(row_weight) X of a dense matrix, what is below `least` set to zero."""
    weighted = matrix if row_weight is None else row_weight[:, None] * matrix
    product = matrix.T @ weighted
    kept = product if least is None else np.where(product >= least, product, 0)
    return kept.astype(np.float32)


def co_occurring(matrix: Float32, k: int, shrink: float) -> Float32:
    """Co-occurrence counts of each column with its k nearest, by a stable full sort of each row."""
    counts = gram(matrix)
    scale = ((np.diag(counts) + shrink) ** -0.5).astype(np.float32)
    out = np.zeros_like(counts)
    for column, row in enumerate(counts):
        near = np.where((row > 0) & (np.arange(len(row)) != column), row * scale, -np.inf)
        best = [i for i in np.argsort(-near, kind="stable")[:k] if near[i] > 0]
        out[column, best] = row[best]
    return out


def keep_largest(matrix: Float32, count: int) -> Float32:
    """See `kernels.keep_largest`; all entries, zeros too."""
    kept = np.zeros_like(matrix)
    for row, own in zip(matrix, kept, strict=True):
        largest = np.argsort(-row, kind="stable")[:count]
        own[largest] = np.maximum(row[largest], 0)
    return kept


def local_ridge(support: NDArray[np.bool_], off: Float32, diagonal: Float32, sides: Float32) -> Float32:
    """Solve each small system by numpy; `sides` and the result are aligned with the entries of `support`."""
    matrix, out = off + np.diag(diagonal), np.empty_like(sides)
    ends = np.cumsum(support.sum(1))
    for row, end in zip(support, ends, strict=True):
        at, mine = np.flatnonzero(row), slice(end - row.sum(), end)
        out[:, mine] = np.linalg.solve(matrix[np.ix_(at, at)], sides[:, mine].T).T
    return out


def standardised(rows: Float32) -> Float32:
    """Rows of mean 0 and deviation 1; rows without variation become zero."""
    centred = rows - rows.mean(axis=1, keepdims=True, dtype=np.float64)
    deviation = centred.std(axis=1, keepdims=True)
    return np.where(deviation > 0, centred / np.where(deviation > 0, deviation, 1), 0).astype(np.float32)


def elastic_net(gram: Float32, column: int, l1: float, l2: float, nonnegative: bool = True) -> Float32:
    """Coordinate descent over all weights in turn, until none moves by more than 1e-7."""
    exact, weights = gram.astype(np.float64), np.zeros(len(gram))
    free, moved = [item for item in range(len(gram)) if item != column and gram[item, item] > 0], 1.0
    while moved > 1e-7:
        before = weights.copy()
        for item in free:
            pull = exact[item, column] - exact[item] @ weights + exact[item, item] * weights[item]
            sign = 1.0 if nonnegative else np.sign(pull)
            weights[item] = sign * max(0.0, sign * pull - l1) / (exact[item, item] + l2)
        moved = np.abs(weights - before).max()
    return weights.astype(np.float32)


def topk(scores: Float32, k: int, hidden: NDArray[np.bool_]) -> tuple[Int, Float32]:
    """The k best unhidden columns of each row, by a stable full sort; -1 and -inf where too few."""
    masked = np.where(hidden, -np.inf, scores).astype(np.float32)
    order = np.argsort(-masked, axis=1, kind="stable")[:, :k]
    best = np.take_along_axis(masked, order, axis=1)
    short = k - order.shape[1]
    order = np.pad(np.where(np.isneginf(best), -1, order), ((0, 0), (0, short)), constant_values=-1)
    return order.astype(np.int32), np.pad(best, ((0, 0), (0, short)), constant_values=-np.inf)


def path_ranks(
    constant: Float32,
    slope: Float32,
    strengths: list[float],
    hidden: NDArray[np.bool_],
    asked: list[list[int]],
) -> list[list[int]]:
    """See `kernels.path_ranks`; for each κ the ranks of all asked items, 0 for those that are hidden."""
    found = []
    for strength in strengths:
        scores = constant + np.float32(strength) * slope
        order = topk(scores, scores.shape[1], hidden)[0]
        found.append(
            [
                1 + int(np.flatnonzero(order[row] == item)[0]) if not hidden[row, item] else 0
                for row, items in enumerate(asked)
                for item in items
            ]
        )
    return found


def sampled_softmax(
    users: torch.Tensor,
    items: torch.Tensor,
    user_codes: Int,
    candidates: Int,
    tau: float,
    hidden: NDArray[np.bool_] | None = None,
) -> torch.Tensor:
    """InfoNCE by gathering: candidates int [batch, 1 + n], column 0 the positive."""
    unit_users, unit_items = functional.normalize(users, dim=1), functional.normalize(items, dim=1)
    gathered = unit_items[torch.from_numpy(candidates).long()]
    logits = torch.einsum("bd,bnd->bn", unit_users[torch.from_numpy(user_codes).long()], gathered) / tau
    if hidden is not None:
        logits = logits.masked_fill(torch.from_numpy(hidden), -torch.inf)
    return functional.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long))


def full_softmax(
    users: torch.Tensor,
    items: torch.Tensor,
    user_codes: Int,
    positive_codes: Int,
    tau: float,
    seen: Float32 | None = None,
) -> torch.Tensor:
    """Cross entropy of the positive among all items; seen: dense 0/1 [n_users, n_items]."""
    unit_users, unit_items = functional.normalize(users, dim=1), functional.normalize(items, dim=1)
    logits = unit_users[torch.from_numpy(user_codes).long()] @ unit_items.T / tau
    targets = torch.from_numpy(positive_codes).long()
    if seen is not None:
        hidden = torch.from_numpy(seen[user_codes] > 0)
        hidden[torch.arange(len(targets)), targets] = False
        logits = logits.masked_fill(hidden, -torch.inf)
    return functional.cross_entropy(logits, targets)


def random_bits(key: int, counter: int) -> int:
    """Number `counter` of the SplitMix64 stream that starts at `key` (Steele et al., OOPSLA 2014).

    >>> hex(random_bits(0, 0))
    '0xe220a8397b1dcdaf'
    """
    mask = (1 << 64) - 1
    z = key + (counter + 1) * 0x9E3779B97F4A7C15 & mask
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & mask
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & mask
    return z ^ (z >> 31)


def below(key: int, counter: int, bound: int) -> int:
    """A number in [0, bound): the upper half of the random bits times `bound`, over 2³²."""
    return (random_bits(key, counter) >> 32) * bound >> 32


def draw_positives(histories: list[list[int]], n: int, by: str, key: int) -> list[tuple[int, int]]:
    """Pairs (user, item): a user who has a history and then an item, or any interaction."""
    pairs = [(user, item) for user, history in enumerate(histories) for item in history]
    if by == "interaction":
        return [pairs[below(key, 2 * i, len(pairs))] for i in range(n)]
    active = [user for user, history in enumerate(histories) if history]
    users = [active[below(key, 2 * i, len(active))] for i in range(n)]
    return [(u, histories[u][below(key, 2 * i + 1, len(histories[u]))]) for i, u in enumerate(users)]


def draw_several(histories: list[list[int]], n: int, key: int) -> list[list[int]]:
    """For the history of each user of a batch, `n` of its items, none again before all have come."""
    rows = []
    for b, history in enumerate(histories):
        left, repeated = list(history), n - n % len(history)
        rows.append(history * (n // len(history)))
        rows[-1] += [left.pop(below(key, b * n + j, len(left))) for j in range(repeated, n)]
    return rows


def draw_negatives(
    histories: list[list[int]], n_items: int, n: int, key: int, first: int = 0
) -> list[list[int]]:
    """For the history of each pair of a batch, uniform items outside it (any item, if it holds all)."""
    rows = []
    for b, history in enumerate(histories):
        free = [item for item in range(n_items) if item not in history] or list(range(n_items))
        rows.append([free[below(key, (first + b) * n + j, len(free))] for j in range(n)])
    return rows


def gather_fields(table: Float32, codes: Int, starts: Int) -> tuple[Float32, Float32]:
    """Twin of `field_rows.gather_fields`."""
    means = []
    for start, stop in pairwise(starts):
        known = (codes[:, start:stop] > 0)[:, :, None]
        rows = np.where(known | (stop - start == 1), table[codes[:, start:stop]], 0)
        means.append(rows.sum(axis=1) / np.maximum(known.sum(axis=1), 1))
    joint = np.stack(means, axis=1)
    return joint[:, :, :-1], joint[:, :, -1].sum(axis=1)


def scatter_fields(gradient: Float32, codes: Int, starts: Int, fields: Float32, first: Float32) -> None:
    """Twin of `field_rows.scatter_fields`."""
    for field, (start, stop) in enumerate(pairwise(starts)):
        known = codes[:, start:stop] > 0
        upstream = np.concatenate([fields[:, field], first[:, None]], axis=1)
        events, columns = np.nonzero(known)
        share = 1 / known.sum(axis=1)[events]
        np.add.at(gradient, codes[:, start:stop][events, columns], upstream[events] * share[:, None])


def pair_sums(fields: Float32) -> tuple[Float32, Float32]:
    """Twin of `field_rows.pair_sums`."""
    sums = fields.sum(axis=1)
    return (sums**2 - (fields**2).sum(axis=1)) / 2, sums


def pair_gradient(upstream: Float32, fields: Float32, sums: Float32) -> Float32:
    """Twin of `field_rows.pair_gradient`."""
    gradient: Float32 = upstream[:, None] * (sums[:, None] - fields)
    return gradient
