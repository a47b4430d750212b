"""The draws of `kernels.sampling`, bit for bit, in torch's integer operations.

torch has no arithmetic on unsigned integers: here they are int64 that wrap around, and shifts to the
right clear the copies of the sign.
"""

from __future__ import annotations

import torch

from graphrec_lm.errors import InputError, check_choice
from graphrec_lm.kernels import sampling as on_arrays
from graphrec_lm.kernels.on_device.bisection import bounds_of, first_place, in_history

Tensor = torch.Tensor
AliasTable = tuple[Tensor, Tensor]

_MOST = 1 << 22  # numbers drawn at once


def draw_positives(
    indptr: Tensor, indices: Tensor, n: int, *, by: str, seed: int, step: int
) -> tuple[Tensor, Tensor]:
    """Draw `n` (user, item) pairs; see `kernels.draw_positives`.

    >>> draw_positives(torch.tensor([0, 0, 1]), torch.tensor([3]), 2, by="user", seed=0, step=0)
    (tensor([1, 1], dtype=torch.int32), tensor([3, 3], dtype=torch.int32))
    """
    check_choice("by", by, ("user", "interaction"))
    if n and not len(indices):
        raise InputError("there must be interactions to draw from", 0, "Draw nothing, or give another graph.")
    key = _signed(int(on_arrays._key(seed, step, on_arrays._POSITIVE_STREAM)))
    counter = 2 * torch.arange(n, device=indices.device)
    if by == "interaction":
        edges = _below(key, counter, len(indices))
        users = torch.searchsorted(indptr.long(), edges, right=True) - 1
    else:
        active = (indptr.diff() > 0).cumsum(0)
        users = torch.searchsorted(active, _below(key, counter, active[-1]), right=True)
        first = indptr[users].long()
        edges = first + _below(key, counter + 1, indptr[users + 1] - first)
    return users.int(), indices[edges].int()


def draw_negatives(
    indptr: Tensor,
    indices: Tensor,
    users: Tensor,
    n_items: int,
    n: int,
    *,
    seed: int,
    step: int,
    first: int = 0,
    table: AliasTable | None = None,
) -> Tensor:
    """Draw `n` items for each user outside the user's history; see `kernels.draw_negatives`.

    With a `table` the host waits for each attempt, to draw again only what hit a history.

    >>> indptr, indices = torch.tensor([0, 2]), torch.tensor([0, 2])
    >>> draw_negatives(indptr, indices, torch.zeros(1, dtype=torch.int32), 3, 4, seed=0, step=0)
    tensor([[1, 1, 1, 1]], dtype=torch.int32)
    """
    key = _signed(int(on_arrays._key(seed, step, on_arrays._NEGATIVE_STREAM)))
    out = torch.empty(len(users), n, dtype=torch.int32, device=users.device)
    size = max(1, _MOST // max(1, n))
    for start in range(0, len(users), size):
        part = users[start : start + size]
        counter = (first + start) * n + torch.arange(len(part) * n, device=users.device).view(-1, n)
        if table is None:
            out[start : start + size] = _outside(indptr, indices, part, n_items, key, counter)
        else:
            out[start : start + size] = _by_table(indptr, indices, part, n_items, key, counter, table)
    return out


def hash_uniform(rows: Tensor, n_columns: int, *, seed: int) -> Tensor:
    """Numbers in [0, 1) of (seed, row, column); see `kernels.hash_uniform`."""
    key = _random(_signed(int(on_arrays._key(seed, 0, 0))), rows.long())[:, None]
    return _right(_random(key, torch.arange(n_columns, device=rows.device)), 40).float() * 2.0**-24


def move_table(table: on_arrays.AliasTable, device: torch.device) -> AliasTable:
    """A table of `alias_table` on a device."""
    thresholds, aliases = torch.from_numpy(table[0].astype("int64")), torch.from_numpy(table[1])
    return thresholds.to(device), aliases.to(device)


def _signed(number: int) -> int:
    """The int64 of the same 64 bits."""
    return (number + 2**63) % 2**64 - 2**63


def _right(bits: Tensor, by: int) -> Tensor:
    return (bits >> by) & ((1 << 64 - by) - 1)


def _random(key: Tensor | int, counter: Tensor) -> Tensor:
    """SplitMix64: draws number `counter` of the streams `key`."""
    z = (counter + 1) * _signed(0x9E3779B97F4A7C15) + key
    z = (z ^ _right(z, 30)) * _signed(0xBF58476D1CE4E5B9)
    z = (z ^ _right(z, 27)) * _signed(0x94D049BB133111EB)
    return z ^ _right(z, 31)


def _below(key: Tensor | int, counter: Tensor, bound: Tensor | int) -> Tensor:
    """Numbers in [0, bound): 32 random bits times `bound`, which is below 2³¹, over 2³²."""
    return _right(_random(key, counter), 32) * bound >> 32


def _outside(
    indptr: Tensor, indices: Tensor, users: Tensor, n_items: int, key: int, counter: Tensor
) -> Tensor:
    """Uniform items outside the histories; any item where a history holds all."""
    start, stop = bounds_of(indptr, users, counter.shape)
    start = torch.where(stop - start >= n_items, stop, start)
    rank = _below(key, counter, n_items - (stop - start))
    if not len(indices):
        return rank
    last = len(indices) - 1

    def is_reached(places: Tensor) -> Tensor:
        return indices[places.clamp(max=last)] - (places - start) > rank

    return rank + first_place(start, stop, n_items, is_reached) - start


def _by_table(
    indptr: Tensor, indices: Tensor, users: Tensor, n_items: int, key: int, counter: Tensor, table: AliasTable
) -> Tensor:
    """Draws in proportion to the table's weights, again where they hit the history; uniform at last."""
    thresholds, aliases = table
    out = _outside(indptr, indices, users, n_items, key, counter).reshape(-1)
    left = torch.arange(len(out), device=out.device)
    keys = _random(key, counter.reshape(-1))
    owners = torch.repeat_interleave(users, counter.shape[1], output_size=len(out))
    for attempt in range(on_arrays._ATTEMPTS):
        code = _below(keys[left], _number(2 * attempt, left), n_items)
        is_kept = _right(_random(keys[left], _number(2 * attempt + 1, left)), 32) < thresholds[code]
        code = torch.where(is_kept, code, aliases[code].long())
        is_bad = in_history(indptr, indices, owners[left], code[:, None], n_items)[:, 0]
        out[left[~is_bad]] = code[~is_bad]
        left = left[is_bad]
        if not len(left):
            break
    return out.view(counter.shape)


def _number(value: int, like: Tensor) -> Tensor:
    return torch.full_like(like, value)
