"""The exact softmax loss over all items, streamed in blocks of items."""

from __future__ import annotations

import torch

from graphrec_lm.errors import check_number
from graphrec_lm.kernels.on_device.patterns import owners, take_rows
from graphrec_lm.kernels.on_device.units import known_gradients, table_gradient, through_units, unit_rows

Tensor = torch.Tensor
Pattern = tuple[Tensor, Tensor]
Found = tuple[Tensor, Tensor, Tensor]

_BYTES = 256 << 20  # of a block's logits


def full_softmax(
    users: Tensor,
    items: Tensor,
    user_codes: Tensor,
    positive_codes: Tensor,
    *,
    tau: float,
    seen: Pattern | None = None,
) -> Tensor:
    """Mean cross entropy of each positive among all items; see `kernels.full_softmax`.

    Parameters
    ----------
    users, items : float32 tensors [n_users, dim], [n_items, dim]
    user_codes, positive_codes : int32 tensors [batch]
    tau : float
    seen : (indptr, indices), optional

    Examples
    --------
    >>> one = torch.tensor([0])
    >>> full_softmax(torch.eye(2), torch.eye(2), one, one, tau=1.0)
    tensor(0.3133)
    """
    check_number("tau", tau, above=0)
    hidden = None if seen is None else _pairs(*take_rows(*seen, user_codes))

    def gradients(user_rows: Tensor, item_rows: Tensor) -> Found:
        return _full(user_rows, item_rows, user_codes, positive_codes.long(), tau, hidden)

    return known_gradients(users, items, gradients)


def _pairs(indptr: Tensor, indices: Tensor) -> Pattern:
    return owners(indptr, len(indices)), indices.long()


def _full(
    users: Tensor, items: Tensor, codes: Tensor, positives: Tensor, tau: float, hidden: Pattern | None
) -> Found:
    """Two passes over blocks of items: the sum of exponentials, then the slopes."""
    (own, own_factors), (units, factors) = unit_rows(users.index_select(0, codes)), unit_rows(items)
    own_grad, units_grad = torch.zeros_like(own), torch.empty_like(units)
    whole, scale = own.new_full((len(own),), -torch.inf), 1 / (len(own) * tau)
    width = max(1, _BYTES // (4 * max(1, len(own))))
    blocks = [(start, units[start : start + width]) for start in range(0, len(units), width)]
    for start, block in blocks:
        logits = _hide(own @ block.T / tau, positives - start, start, hidden)
        whole = torch.logaddexp(whole, logits.logsumexp(1))
    for start, block in blocks:
        logits = _hide(own @ block.T / tau, positives - start, start, hidden)
        slopes = logits.sub_(whole[:, None]).exp_().mul_(scale)
        at, is_inside = _clamped(positives - start, len(block))
        slopes.scatter_add_(1, at[:, None], -scale * is_inside[:, None].float())
        own_grad.addmm_(slopes, block)
        torch.mm(slopes.T, own, out=units_grad[start : start + len(block)])
    targets = (own * units.index_select(0, positives)).sum(1) / tau
    user_grad = table_gradient(codes, own_grad, own, own_factors, users.shape)
    loss = (whole - targets).mean(dtype=torch.float64)
    return loss, user_grad, through_units(units_grad, units, factors)


def _hide(logits: Tensor, positives: Tensor, start: int, hidden: Pattern | None) -> Tensor:
    """Hide a block's seen items, except the positive; what is in other blocks goes to a spare column."""
    if hidden is None:
        return logits
    width = logits.shape[1]
    mask = torch.zeros(len(logits), width + 1, dtype=torch.bool, device=logits.device)
    for value, rows, columns in (
        (True, hidden[0], hidden[1] - start),
        (False, torch.arange(len(logits), device=logits.device), positives),
    ):
        at, is_inside = _clamped(columns, width)
        mask[rows, torch.where(is_inside, at, width)] = value
    return logits.masked_fill_(mask[:, :width], -torch.inf)


def _clamped(columns: Tensor, width: int) -> Pattern:
    """Columns moved into [0, width), and which were there."""
    return columns.clamp(0, width - 1), (columns >= 0) & (columns < width)
