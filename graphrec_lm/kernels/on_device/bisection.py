"""Bisection of many sorted histories at once."""

from __future__ import annotations

from collections.abc import Callable

import torch

Tensor = torch.Tensor


def first_place(low: Tensor, high: Tensor, longest: int, is_reached: Callable[[Tensor], Tensor]) -> Tensor:
    """The first place in [low, high) where a rising condition holds; `high` where it never does.

    Parameters
    ----------
    low, high : int64 tensors
        Bounds, one search each.
    longest : int
        No range is longer: it sets the number of rounds, so that the host waits for nothing.
    is_reached : callable (places) -> bool tensor
        Must bear places up to the largest `high`; what it says of them is not used.

    Examples
    --------
    >>> values = torch.tensor([1, 5, 9, 9])
    >>> first_place(torch.tensor([0]), torch.tensor([3]), 3, lambda places: values[places] >= 5)
    tensor([1])
    """
    for _ in range(longest.bit_length()):
        middle = (low + high) // 2
        is_open, reached = low < high, is_reached(middle)
        low = torch.where(is_open & ~reached, middle + 1, low)
        high = torch.where(is_open & reached, middle, high)
    return low


def in_history(indptr: Tensor, indices: Tensor, users: Tensor, items: Tensor, n_items: int) -> Tensor:
    """Whether each of the items [batch, n] is in the (ascending) history of its row's user."""
    if not len(indices):
        return torch.zeros_like(items, dtype=torch.bool)
    low, high = bounds_of(indptr, users, items.shape)
    last = len(indices) - 1

    def is_reached(places: Tensor) -> Tensor:
        return indices[places.clamp(max=last)] >= items

    place = first_place(low, high, n_items, is_reached)
    return (place < high) & (indices[place.clamp(max=last)] == items)


def bounds_of(indptr: Tensor, users: Tensor, shape: torch.Size) -> tuple[Tensor, Tensor]:
    """Where each user's history begins and ends, of the shape [batch, n]."""
    low, high = (indptr.index_select(0, codes).long() for codes in (users, users + 1))
    return low[:, None].expand(shape), high[:, None].expand(shape)
