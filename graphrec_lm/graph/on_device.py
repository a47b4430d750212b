"""The bipartite graph as tensors on a device, and propagation there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from graphrec_lm.kernels.on_device import multiply, rows_of, spmm

if TYPE_CHECKING:
    from graphrec_lm.graph.bipartite import BipartiteGraph

Tensor = torch.Tensor
Pair = tuple[Tensor, Tensor]


class DeviceGraph:
    """What training asks of a `BipartiteGraph`, by `kernels.on_device`; see `BipartiteGraph.on`.

    Parameters
    ----------
    graph : BipartiteGraph
        Its arrays are copied once.
    device : torch.device

    Examples
    --------
    >>> import numpy as np
    >>> from graphrec_lm.graph import BipartiteGraph
    >>> graph = BipartiteGraph(np.array([0, 1]), np.array([0]), n_items=1).on(torch.device("cpu"))
    >>> graph.propagate(torch.ones(1, 2), torch.zeros(1, 2), layers=1)
    (tensor([[0.5000, 0.5000]]), tensor([[0.5000, 0.5000]]))
    """

    def __init__(self, graph: BipartiteGraph, device: torch.device) -> None:
        self.n_users, self.n_items, self.n_edges = graph.n_users, graph.n_items, graph.n_edges
        self.indptr, self.indices, self.item_indptr, self.item_indices, self.user_scale, self.item_scale = (
            torch.tensor(array, device=device)
            for array in (
                graph.indptr,
                graph.indices,
                graph.item_indptr,
                graph.item_indices,
                graph.user_scale,
                graph.item_scale,
            )
        )

    def propagate(self, users: Tensor, items: Tensor, layers: int, combine: str = "mean") -> Pair:
        """As `BipartiteGraph.propagate`."""
        if layers == 0:
            return users, items
        out: Pair = _Propagate.apply(users, items, self, layers, combine == "mean")
        return out

    def propagate_batch(self, users: Tensor, items: Tensor, layers: int, codes: Tensor) -> Pair:
        """As `BipartiteGraph.propagate_batch`; all users go along, since the host needn't wait for that."""
        users, items = self.propagate(users, items, layers)
        return rows_of(users, codes), items

    def history_mean(self, items: Tensor) -> Tensor:
        """As `BipartiteGraph.history_mean`."""
        to_users, to_items = (self.indptr, self.indices), (self.item_indptr, self.item_indices)
        return multiply(to_users, to_items, items, row_scale=self.user_scale**2)


class _Propagate(torch.autograd.Function):
    """A polynomial of the symmetric Â: the gradient propagates exactly as the values did."""

    @staticmethod
    def forward(ctx: Any, users: Tensor, items: Tensor, graph: DeviceGraph, layers: int, mean: bool) -> Pair:
        ctx.arguments = graph, layers, mean
        return _hops(users, items, graph, layers, mean)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        users, items = _hops(upstream[0], upstream[1], *ctx.arguments)
        return users, items, None, None, None


def _hops(users: Tensor, items: Tensor, graph: DeviceGraph, layers: int, mean: bool) -> Pair:
    """Mean of Â^0..Â^layers applied to the stacked rows by Horner's scheme, or Â^layers alone."""
    to_users, to_items = (graph.indptr, graph.indices), (graph.item_indptr, graph.item_indices)
    for_users = {"row_scale": graph.user_scale, "col_scale": graph.item_scale}
    for_items = {"row_scale": graph.item_scale, "col_scale": graph.user_scale}
    first = users, items
    for hop in range(layers):
        factor = 1 / (layers + 1) if mean and hop == layers - 1 else 1.0
        add = first if mean else (None, None)
        users, items = (
            spmm(*to_users, items, **for_users, add=add[0], factor=factor),
            spmm(*to_items, users, **for_items, add=add[1], factor=factor),
        )
    return users, items
