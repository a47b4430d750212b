"""Users and items as a bipartite graph: the pattern in both directions and two degree scales."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec_lm.errors import InputError, check_number
from graphrec_lm.graph.on_device import DeviceGraph
from graphrec_lm.graph.propagation import history_mean, propagate, propagate_batch
from graphrec_lm.kernels import transpose

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

    from graphrec_lm.data import Dataset


class BipartiteGraph:
    """The interaction pattern R [n_users, n_items] and its transpose.

    The square adjacency is never built and normalised values are never stored:
    Â = D_u^{-½} R D_i^{-½} is the pattern with two scale vectors. People and items without an edge
    have scale 0.

    Parameters
    ----------
    indptr : int array [n_users + 1]
    indices : int array [edges]
        Item codes, ascending and distinct within a user.
    n_items : int

    Raises
    ------
    InputError
        If the pattern is malformed.

    Examples
    --------
    >>> graph = BipartiteGraph(np.array([0, 2, 3]), np.array([0, 1, 1]), n_items=2)
    >>> graph.n_users, graph.n_items, graph.n_edges
    (2, 2, 3)
    """

    def __init__(self, indptr: NDArray[np.integer], indices: NDArray[np.integer], n_items: int) -> None:
        if len(indptr) == 0 or indptr[0] != 0 or indptr[-1] != len(indices) or np.any(np.diff(indptr) < 0):
            found = f"{len(indptr)} entries for {len(indices)} edges"
            raise InputError(
                "`indptr` must rise from 0 to the number of edges", found, "Build it with scipy."
            )
        for name, codes in (("indptr", indptr), ("indices", indices)):
            if len(codes) and not np.issubdtype(np.asarray(codes).dtype, np.integer):
                raise InputError(f"`{name}` must be integers", np.asarray(codes).dtype, "Convert them.")
        check_number("n_items", n_items, least=0, most=np.iinfo(np.int32).max, integer=True)
        if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < n_items:
            found = f"codes from {indices.min()} to {indices.max()}"
            raise InputError(f"`indices` must lie in [0, {n_items})", found, "Check `n_items`.")
        _check_ascending(indptr, indices)
        self.indptr = np.ascontiguousarray(indptr, dtype=np.int64)
        self.indices = np.ascontiguousarray(indices, dtype=np.int32)
        self.item_indptr, self.item_indices = transpose(self.indptr, self.indices, n_items)
        self.user_scale = _inverse_sqrt(np.diff(self.indptr))
        self.item_scale = _inverse_sqrt(np.diff(self.item_indptr))
        self._on: dict[torch.device, DeviceGraph] = {}

    @classmethod
    def from_dataset(cls, dataset: Dataset) -> BipartiteGraph:
        """The graph of a Dataset's positive interactions (weights do not enter)."""
        return cls(dataset.indptr, dataset.indices, dataset.n_items)

    @property
    def n_users(self) -> int:
        """Number of users."""
        return len(self.indptr) - 1

    @property
    def n_items(self) -> int:
        """Number of items."""
        return len(self.item_indptr) - 1

    @property
    def n_edges(self) -> int:
        """Number of interactions."""
        return len(self.indices)

    def on(self, device: torch.device) -> DeviceGraph:
        """The graph as tensors on `device`, copied at the first call; it lives as long as this one."""
        if device not in self._on:
            self._on[device] = DeviceGraph(self, device)
        return self._on[device]

    def propagate(
        self, users: torch.Tensor, items: torch.Tensor, layers: int, combine: str = "mean"
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Propagate over `layers` hops of Â, differentiably (LightGCN, arXiv 2002.02126, eq. 3-4).

        Parameters
        ----------
        users, items : float32 tensors [n_users, dim], [n_items, dim]
        layers : int
            >= 0; 0 gives back the inputs.
        combine : {"mean", "last"}
            The mean of layers 0..layers, or the last alone.

        Returns
        -------
        users, items : float32 tensors of the same shapes

        Examples
        --------
        >>> graph = BipartiteGraph(np.array([0, 1]), np.array([0]), n_items=1)
        >>> users, items = graph.propagate(torch.ones(1, 2), torch.zeros(1, 2), layers=1)
        >>> users, items
        (tensor([[0.5000, 0.5000]]), tensor([[0.5000, 0.5000]]))
        """
        return propagate(self, users, items, layers, combine)

    def propagate_batch(
        self, users: torch.Tensor, items: torch.Tensor, layers: int, codes: NDArray[np.int32]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """As `propagate` and then `users[codes]`, differentiably; rows nobody asks for are left out.

        Parameters
        ----------
        users, items : float32 tensors [n_users, dim], [n_items, dim]
        layers : int
            >= 0.
        codes : int32 array [batch]
            Users; may repeat.

        Returns
        -------
        users, items : float32 tensors [batch, dim], [n_items, dim]

        Examples
        --------
        >>> graph = BipartiteGraph(np.array([0, 1]), np.array([0]), n_items=1)
        >>> twice = np.zeros(2, dtype=np.int32)
        >>> graph.propagate_batch(torch.ones(1, 2), torch.zeros(1, 2), 1, twice)[0]
        tensor([[0.5000, 0.5000],
                [0.5000, 0.5000]])
        """
        return propagate_batch(self, users, items, layers, codes)

    def history_mean(self, items: torch.Tensor) -> torch.Tensor:
        """Mean of the item rows in each user's history, D_u⁻¹ R · items, differentiably.

        Parameters
        ----------
        items : float32 tensor [n_items, dim]

        Returns
        -------
        float32 tensor [n_users, dim]
            Zero rows for users without history.
        """
        return history_mean(self, items)

    def to_pyg(self) -> HeteroData:
        """As a PyG HeteroData: node types `user`, `item`; edge type `(user, interacts, item)`.

        Examples
        --------
        >>> graph = BipartiteGraph(np.array([0, 1]), np.array([0]), n_items=1)
        >>> BipartiteGraph.from_pyg(graph.to_pyg()).n_edges
        1
        """
        from torch_geometric.data import HeteroData

        data = HeteroData()
        data["user"].num_nodes, data["item"].num_nodes = self.n_users, self.n_items
        rows = np.repeat(np.arange(self.n_users), np.diff(self.indptr))
        edges = np.stack([rows, self.indices.astype(np.int64)])
        data["user", "interacts", "item"].edge_index = torch.from_numpy(edges)
        return data

    @classmethod
    def from_pyg(cls, data: HeteroData) -> BipartiteGraph:
        """The graph of a HeteroData with edge type `(user, interacts, item)`; equal edges merge.

        Raises
        ------
        InputError
            If that edge type is missing, or an edge names a node that does not exist.
        """
        kind = ("user", "interacts", "item")
        if kind not in data.edge_types:
            remedy = "Rename the edge type."
            raise InputError(f"the HeteroData must have edge type {kind}", data.edge_types, remedy)
        n_users, n_items = int(data["user"].num_nodes), int(data["item"].num_nodes)
        rows, columns = data[kind].edge_index.cpu().numpy()
        if len(rows) and not 0 <= rows.min() <= rows.max() < n_users:
            found = f"codes from {rows.min()} to {rows.max()}"
            raise InputError(f"user nodes must lie in [0, {n_users})", found, "Set `num_nodes`.")
        if len(columns) and not 0 <= columns.min() <= columns.max() < n_items:
            found = f"codes from {columns.min()} to {columns.max()}"
            raise InputError(f"item nodes must lie in [0, {n_items})", found, "Set `num_nodes`.")
        keys = np.unique(rows * n_items + columns)
        indptr = np.searchsorted(keys, np.arange(n_users + 1) * n_items)
        return cls(indptr, (keys % n_items).astype(np.int32), n_items)


def _check_ascending(indptr: NDArray[np.integer], indices: NDArray[np.integer]) -> None:
    """Negative sampling finds the items outside a history by bisection: they must be sorted, each once."""
    falls = np.flatnonzero(indices[1:] <= indices[:-1]) + 1
    inside = falls[indptr[np.searchsorted(indptr, falls)] != falls]
    if len(inside):
        row = int(np.searchsorted(indptr, inside[0], side="right")) - 1
        required, found = "`indices` must ascend within a row", f"a repeated or smaller code in row {row}"
        raise InputError(required, found, "Sort each row and merge equal edges.")


def _inverse_sqrt(degrees: NDArray[np.integer]) -> NDArray[np.float32]:
    """degree^{-½}, 0 for degree 0."""
    scale = np.zeros(len(degrees), dtype=np.float32)
    np.divide(1.0, np.sqrt(degrees), out=scale, where=degrees > 0, casting="unsafe")
    return scale
