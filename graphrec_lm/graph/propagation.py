"""Differentiable propagation: Â is symmetric, so each operator is its own backward pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from graphrec_lm.errors import InputError, check_choice, check_number
from graphrec_lm.kernels import add_rows, spmm, take_rows, transpose

if TYPE_CHECKING:
    from graphrec_lm.graph.bipartite import BipartiteGraph

Pair = tuple[torch.Tensor, torch.Tensor]
Float32 = NDArray[np.float32]
Rows = tuple[Float32, Float32]


def propagate(
    graph: BipartiteGraph, users: torch.Tensor, items: torch.Tensor, layers: int, combine: str
) -> Pair:
    """Propagate representations over `layers` hops; see `BipartiteGraph.propagate`."""
    check_number("layers", layers, least=0, integer=True)
    check_choice("combine", combine, ("mean", "last"))
    _check_rows("users", users, graph.n_users)
    _check_rows("items", items, graph.n_items)
    if users.shape[1] != items.shape[1]:
        found = f"{users.shape[1]} and {items.shape[1]}"
        raise InputError("`users` and `items` must have one dim", found, "Project both to the same width.")
    if layers == 0:
        return users, items
    out: Pair = _Propagate.apply(users, items, graph, layers, combine == "mean")
    return out


def propagate_batch(
    graph: BipartiteGraph, users: torch.Tensor, items: torch.Tensor, layers: int, codes: NDArray[np.int32]
) -> Pair:
    """Propagate, for the users of a batch alone; see `BipartiteGraph.propagate_batch`."""
    check_number("layers", layers, least=0, integer=True)
    _check_rows("users", users, graph.n_users)
    _check_rows("items", items, graph.n_items)
    if layers == 0:
        return functional.embedding(torch.from_numpy(codes), users), items
    out: Pair = _PropagateBatch.apply(users, items, graph, layers, codes)
    return out


def history_mean(graph: BipartiteGraph, items: torch.Tensor) -> torch.Tensor:
    """Mean of the item rows in each user's history; see `BipartiteGraph.history_mean`."""
    _check_rows("items", items, graph.n_items)
    out: torch.Tensor = _HistoryMean.apply(items, graph)
    return out


def _check_rows(name: str, rows: torch.Tensor, count: int) -> None:
    """The kernels trust shapes: a row too few would be read from beyond the array."""
    if rows.ndim != 2 or len(rows) != count or rows.dtype != torch.float32:
        found = f"{str(rows.dtype).removeprefix('torch.')} {list(rows.shape)}"
        raise InputError(f"`{name}` must be float32 [{count}, dim]", found, "Give one row a node.")


class _Propagate(torch.autograd.Function):
    """A polynomial of the symmetric Â: the gradient propagates exactly as the values did."""

    @staticmethod
    def forward(
        ctx: Any, users: torch.Tensor, items: torch.Tensor, graph: BipartiteGraph, layers: int, mean: bool
    ) -> Pair:
        ctx.arguments = graph, layers, mean
        return _hops(users, items, graph, layers, mean)

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None, None, None]:
        users, items = _hops(upstream[0], upstream[1], *ctx.arguments)
        return users, items, None, None, None


def _hops(users: torch.Tensor, items: torch.Tensor, graph: BipartiteGraph, layers: int, mean: bool) -> Pair:
    """Mean of Â^0..Â^layers applied to the stacked rows, or Â^layers alone.

    The mean is evaluated as Horner's scheme, y ← x + Â y, so that each hop is one pass.
    """
    first = _numpy(users), _numpy(items)
    rows = first
    for hop in range(layers):
        factor = 1 / (layers + 1) if mean and hop == layers - 1 else 1.0
        rows = one_hop(graph, *rows, add=first if mean else None, factor=factor)
    return torch.from_numpy(rows[0]), torch.from_numpy(rows[1])


def one_hop(
    graph: BipartiteGraph, users: Float32, items: Float32, *, add: Rows | None = None, factor: float = 1.0
) -> Rows:
    """Â applied once: users become the scaled sums of their items' rows, and the reverse.

    Parameters
    ----------
    graph : BipartiteGraph
    users, items : float32 arrays [n_users, dim], [n_items, dim]
    add : pair of such arrays, optional
        Added to the result.
    factor : float
        Multiplies the result, after the addition.

    Returns
    -------
    users, items : float32 arrays of the same shapes
    """
    to_users, to_items = add if add is not None else (None, None)
    new_users = _to_users(graph, items, add=to_users, factor=factor)
    return new_users, _to_items(graph, users, add=to_items, factor=factor)


def _to_users(
    graph: BipartiteGraph, items: Float32, *, add: Float32 | None = None, factor: float = 1.0
) -> Float32:
    scales = {"row_scale": graph.user_scale, "col_scale": graph.item_scale}
    return spmm(graph.indptr, graph.indices, items, **scales, add=add, factor=factor)


def _to_items(
    graph: BipartiteGraph, users: Float32, *, add: Float32 | None = None, factor: float = 1.0
) -> Float32:
    scales = {"row_scale": graph.item_scale, "col_scale": graph.user_scale}
    return spmm(graph.item_indptr, graph.item_indices, users, **scales, add=add, factor=factor)


class _PropagateBatch(torch.autograd.Function):
    """The mean over layers, with the users' side of the last hop for a batch of them alone.

    Backward, the same: the first hop starts from the batch's gradients.
    """

    @staticmethod
    def forward(
        ctx: Any,
        users: torch.Tensor,
        items: torch.Tensor,
        graph: BipartiteGraph,
        layers: int,
        codes: NDArray[np.int32],
    ) -> Pair:
        first = rows = _numpy(users), _numpy(items)
        for _ in range(layers - 1):
            rows = one_hop(graph, *rows, add=first)
        mean = 1 / (layers + 1)
        indptr, indices = batch = take_rows(graph.indptr, graph.indices, codes)
        scale, add = graph.user_scale[codes], first[0][codes]
        own = spmm(
            indptr, indices, rows[1], row_scale=scale, col_scale=graph.item_scale, add=add, factor=mean
        )
        everything = _to_items(graph, rows[0], add=first[1], factor=mean)
        ctx.arguments = graph, layers, codes, batch
        return torch.from_numpy(own), torch.from_numpy(everything)

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        graph, layers, codes, batch = ctx.arguments
        own, items = (_numpy(rows) for rows in upstream)
        factor = 1.0 if layers > 1 else 0.5
        indptr, indices = transpose(batch[0], batch[1], graph.n_items)
        scale = graph.user_scale[codes]
        new_items = spmm(
            indptr, indices, own, row_scale=graph.item_scale, col_scale=scale, add=items, factor=factor
        )
        rows = add_rows(_to_users(graph, items, factor=factor), codes, own, factor), new_items
        for hop in range(1, layers):
            factor = 1 / (layers + 1) if hop == layers - 1 else 1.0
            new_users = add_rows(_to_users(graph, rows[1], factor=factor), codes, own, factor)
            rows = new_users, _to_items(graph, rows[0], add=items, factor=factor)
        return torch.from_numpy(rows[0]), torch.from_numpy(rows[1]), None, None, None


class _HistoryMean(torch.autograd.Function):
    """D_u⁻¹ R forward, Rᵀ D_u⁻¹ backward."""

    @staticmethod
    def forward(ctx: Any, items: torch.Tensor, graph: BipartiteGraph) -> torch.Tensor:
        ctx.graph = graph
        inverse = graph.user_scale**2
        return torch.from_numpy(spmm(graph.indptr, graph.indices, _numpy(items), row_scale=inverse))

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor, None]:
        graph = ctx.graph
        inverse = graph.user_scale**2
        rows = spmm(graph.item_indptr, graph.item_indices, _numpy(upstream[0]), col_scale=inverse)
        return torch.from_numpy(rows), None


def _numpy(rows: torch.Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = rows.detach().contiguous().numpy()
    return array
