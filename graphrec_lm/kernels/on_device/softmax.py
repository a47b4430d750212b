"""InfoNCE over sampled negatives: no tensor of [batch, negatives, dim] beyond a micro-batch."""

from __future__ import annotations

import torch

from graphrec_lm.errors import check_number
from graphrec_lm.kernels.on_device.bisection import in_history
from graphrec_lm.kernels.on_device.patterns import by_code
from graphrec_lm.kernels.on_device.sampling import draw_negatives
from graphrec_lm.kernels.on_device.segments import segment_sum
from graphrec_lm.kernels.on_device.units import known_gradients, table_gradient, through_units, unit_rows

Tensor = torch.Tensor
Pattern = tuple[Tensor, Tensor]
Draws = tuple[int, int, int]
Found = tuple[Tensor, Tensor, Tensor]

_BYTES = 256 << 20  # of a micro-batch's gathered rows, or of its logits


def sampled_softmax(
    users: Tensor,
    items: Tensor,
    user_codes: Tensor,
    positive_codes: Tensor,
    *,
    negatives: Tensor | Draws,
    tau: float,
    seen: Pattern | None = None,
) -> Tensor:
    """Mean InfoNCE loss of a batch; see `kernels.sampled_softmax`.

    Parameters
    ----------
    users, items : float32 tensors [n_users, dim], [n_items, dim]
    user_codes, positive_codes : int32 tensors [batch]
    negatives : int32 tensor [batch, n] or [n], or (n, seed, step)
    tau : float
    seen : (indptr, indices), optional
        Item codes ascending within a user.

    Returns
    -------
    float32 tensor, scalar

    Examples
    --------
    >>> users, items = torch.eye(2), torch.eye(2)
    >>> one, two = torch.tensor([0]), torch.tensor([[1]])
    >>> sampled_softmax(users, items, one, one, negatives=two, tau=1.0)
    tensor(0.3133)
    """
    check_number("tau", tau, above=0)
    batch = user_codes, positive_codes

    def gradients(user_rows: Tensor, item_rows: Tensor) -> Found:
        if not isinstance(negatives, tuple) and negatives.ndim == 1:
            return _shared(user_rows, item_rows, *batch, negatives, tau, seen)
        return _own(user_rows, item_rows, *batch, negatives, tau, seen)

    return known_gradients(users, items, gradients)


def _own(
    users: Tensor,
    items: Tensor,
    codes: Tensor,
    positives: Tensor,
    negatives: Tensor | Draws,
    tau: float,
    seen: Pattern | None,
) -> Found:
    """Each pair's own negatives; the items' gradient is a fused sum over their places in the batch."""
    (own, own_factors), (units, factors) = unit_rows(users.index_select(0, codes)), unit_rows(items)
    own_grad, units_grad = torch.empty_like(own), torch.zeros_like(units)
    losses, width = own.new_empty(len(own)), 1 + _count(negatives)
    size = max(1, _BYTES // (4 * width * max(1, own.shape[1])))
    for start in range(0, len(own), size):
        part = slice(start, start + size)
        others = _negatives_of(negatives, start, codes[part], len(items), seen)
        candidates = torch.cat([positives[part, None], others], dim=1)
        flat, queries = candidates.reshape(-1), own[part]
        gathered = units.index_select(0, flat).view(*candidates.shape, -1)
        logits = torch.bmm(gathered, queries[:, :, None]).squeeze(2) / tau
        slopes, losses[part] = _slopes(logits, 1 / (len(own) * tau))
        own_grad[part] = torch.bmm(slopes[:, None, :], gathered).squeeze(1)
        order, starts = by_code(flat, len(items))
        units_grad += segment_sum(queries, order // width, starts, slopes.reshape(-1)[order])
    user_grad = table_gradient(codes, own_grad, own, own_factors, users.shape)
    return losses.mean(dtype=torch.float64), user_grad, through_units(units_grad, units, factors)


def _shared(
    users: Tensor,
    items: Tensor,
    codes: Tensor,
    positives: Tensor,
    negatives: Tensor,
    tau: float,
    seen: Pattern | None,
) -> Found:
    """Negatives in common: three matrix products."""
    picked_codes = torch.cat([positives, negatives])
    own, own_factors = unit_rows(users.index_select(0, codes))
    picked, picked_factors = unit_rows(items.index_select(0, picked_codes))
    targets, others = picked.split([len(positives), len(negatives)])
    own_grad, targets_grad, others_grad = (torch.zeros_like(rows) for rows in (own, targets, others))
    losses, size = own.new_empty(len(own)), max(1, _BYTES // (4 * (1 + len(negatives))))
    for start in range(0, len(own), size):
        part = slice(start, start + size)
        queries = own[part]
        first = (queries * targets[part]).sum(1, keepdim=True)
        logits = torch.cat([first, queries @ others.T], dim=1) / tau
        if seen is not None:
            hidden = in_history(*seen, codes[part], negatives.expand(len(queries), -1), len(items))
            logits[:, 1:].masked_fill_(hidden, -torch.inf)
        slopes, losses[part] = _slopes(logits, 1 / (len(own) * tau))
        own_grad[part] = slopes[:, :1] * targets[part] + slopes[:, 1:] @ others
        targets_grad[part] = slopes[:, :1] * queries
        others_grad.addmm_(slopes[:, 1:].T, queries)
    user_grad = table_gradient(codes, own_grad, own, own_factors, users.shape)
    picked_grad = torch.cat([targets_grad, others_grad])
    item_grad = table_gradient(picked_codes, picked_grad, picked, picked_factors, items.shape)
    return losses.mean(dtype=torch.float64), user_grad, item_grad


def _slopes(logits: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Slopes of the mean loss by each cosine, column 0 the positive's; and each pair's loss."""
    whole = logits.logsumexp(1, keepdim=True)
    losses = (whole - logits[:, :1]).squeeze(1)
    slopes = (logits - whole).exp_().mul_(scale)
    slopes[:, 0] -= scale
    return slopes, losses


def _count(negatives: Tensor | Draws) -> int:
    return negatives[0] if isinstance(negatives, tuple) else negatives.shape[1]


def _negatives_of(
    negatives: Tensor | Draws, start: int, users: Tensor, n_items: int, seen: Pattern | None
) -> Tensor:
    """Rows of the given negatives, or the same rows drawn now."""
    if not isinstance(negatives, tuple):
        return negatives[start : start + len(users)]
    n, seed, step = negatives
    if seen is None:
        seen, users = (users.new_zeros(2, dtype=torch.int64), users[:0]), users * 0
    return draw_negatives(*seen, users, n_items, n, seed=seed, step=step, first=start)
