"""Differentiable propagation: Â is symmetric, so each operator is its own backward pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec_lm.errors import check_choice, check_number
from graphrec_lm.kernels import spmm

if TYPE_CHECKING:
    from graphrec_lm.graph.bipartite import BipartiteGraph

Pair = tuple[torch.Tensor, torch.Tensor]


def propagate(
    graph: BipartiteGraph, users: torch.Tensor, items: torch.Tensor, layers: int, combine: str
) -> Pair:
    """Propagate representations over `layers` hops; see `BipartiteGraph.propagate`."""
    check_number("layers", layers, least=0, integer=True)
    check_choice("combine", combine, ("mean", "last"))
    if layers == 0:
        return users, items
    out: Pair = _Propagate.apply(users, items, graph, layers, combine == "mean")
    return out


def history_mean(graph: BipartiteGraph, items: torch.Tensor) -> torch.Tensor:
    """Mean of the item rows in each user's history; see `BipartiteGraph.history_mean`."""
    out: torch.Tensor = _HistoryMean.apply(items, graph)
    return out


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
    """Mean of Â^0..Â^layers applied to the stacked rows, or Â^layers alone."""
    user_rows, item_rows = _numpy(users), _numpy(items)
    user_sum, item_sum = users.detach().clone(), items.detach().clone()
    for _ in range(layers):
        user_rows, item_rows = one_hop(graph, user_rows, item_rows)
        user_sum += torch.from_numpy(user_rows)
        item_sum += torch.from_numpy(item_rows)
    if mean:
        return user_sum.div_(layers + 1), item_sum.div_(layers + 1)
    return torch.from_numpy(user_rows), torch.from_numpy(item_rows)


def one_hop(
    graph: BipartiteGraph, users: NDArray[np.float32], items: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Â applied once: users become the scaled sums of their items' rows, and the reverse.

    Parameters
    ----------
    graph : BipartiteGraph
    users, items : float32 arrays [n_users, dim], [n_items, dim]

    Returns
    -------
    users, items : float32 arrays of the same shapes
    """
    scales = graph.user_scale, graph.item_scale
    new_users = spmm(graph.indptr, graph.indices, items, row_scale=scales[0], col_scale=scales[1])
    new_items = spmm(graph.item_indptr, graph.item_indices, users, row_scale=scales[1], col_scale=scales[0])
    return new_users, new_items


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
