"""The k best items of every query, block by block."""

from __future__ import annotations

import torch

from graphrec_lm.kernels.on_device.patterns import owners

Tensor = torch.Tensor
Pattern = tuple[Tensor, Tensor]

_BYTES = 128 << 20  # of a block's sort keys
_MOST_ROWS = 4096
_LOW = (1 << 31) - 1


def topk(
    queries: Tensor,
    items: Tensor,
    k: int,
    *,
    seen: Pattern | None = None,
    candidates: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Rank items for queries by inner product; see `kernels.topk`.

    A score and its item make one integer that sorts as both do, so that equal scores come by ascending
    code. A block's shape depends on the number of items alone: one query gets what it gets among many.

    Parameters
    ----------
    queries, items : float32 tensors [n, dim], [m, dim]
    k : int
    seen : (indptr, indices), optional
    candidates : int tensor, optional

    Returns
    -------
    indices : int32 tensor [n, k]
    scores : float32 tensor [n, k]

    Examples
    --------
    >>> topk(torch.eye(3)[:1], torch.eye(3), 2)
    (tensor([[0, 1]], dtype=torch.int32), tensor([[1., 0.]]))
    """
    indices = torch.full((len(queries), k), -1, dtype=torch.int32, device=queries.device)
    scores = torch.full((len(queries), k), -torch.inf, device=queries.device)
    if not len(items) or not k:
        return indices, scores
    hidden = _outside(candidates, items)
    rows = max(1, min(_MOST_ROWS, _BYTES // (8 * len(items))))
    edges = None if seen is None else [*seen[0][::rows].tolist(), int(seen[0][-1])]
    padded = queries.new_zeros(rows, queries.shape[1])
    for number, start in enumerate(range(0, len(queries), rows)):
        stop = min(start + rows, len(queries))
        padded[: stop - start] = queries[start:stop]
        block = (padded @ items.T)[: stop - start]
        if seen is not None and edges is not None:
            bounds, part = seen[0][start : stop + 1], seen[1][edges[number] : edges[number + 1]]
            block[owners(bounds, len(part)), part.long()] = -torch.inf
        if hidden is not None:
            block.masked_fill_(hidden, -torch.inf)
        found = _best(block, min(k, len(items)))
        indices[start:stop, : found[0].shape[1]], scores[start:stop, : found[1].shape[1]] = found
    return indices, scores


def _outside(candidates: Tensor | None, items: Tensor) -> Tensor | None:
    """Which items are no candidates."""
    if candidates is None:
        return None
    hidden = torch.ones(len(items), dtype=torch.bool, device=items.device)
    hidden[candidates.long()] = False
    return hidden


def _best(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Codes and scores of the k best of each row; -1 for -inf."""
    scores = torch.where(scores > -torch.inf, scores, -torch.inf) + 0.0  # no NaN, no -0
    codes = torch.arange(scores.shape[1], device=scores.device)
    keys = (_ordered(scores.view(torch.int32)).long() << 32) + (_LOW - codes)
    best = torch.topk(keys, k, dim=1).values
    values = _ordered((best >> 32).int()).view(torch.float32)
    found = (_LOW - (best & 0xFFFFFFFF)).int()
    return torch.where(values > -torch.inf, found, -1), values


def _ordered(bits: Tensor) -> Tensor:
    """Integers that sort as the float32 numbers of these bits do, and back."""
    return bits ^ ((bits >> 31) & _LOW)
