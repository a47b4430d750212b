"""KAR's hybrid-expert adaptor: from LM space to the space of ID embeddings."""

from __future__ import annotations

import math

import torch

from graphrec_lm.graph import BipartiteGraph


class HybridExpertAdaptor(torch.nn.Module):
    """Mixtures of experts for two kinds of knowledge, some experts shared (KAR, arXiv 2306.10933).

    An expert is Linear - ReLU - Linear. Knowledge r of one kind becomes Σ α_e E_e(r) over the shared experts
    and those of its kind, with gates α = softmax(r G + g).

    The first layers are linear: for users whose knowledge is the mean over a history they are applied to
    the items, and the mean is taken of what comes out. The gates scale the hidden layer, so that one matrix
    product serves all second layers.

    Parameters
    ----------
    width, hidden, dim : int
        d_LM, width of an expert's inner layer, dimension of the result.
    shared, dedicated : int
        Experts for both kinds, >= 0, and for each kind alone, >= 1.
    generator : torch.Generator
        Initial weights: U(±1/√fan_in).

    Examples
    --------
    >>> adaptor = HybridExpertAdaptor(8, 4, 2, 1, 2, torch.Generator().manual_seed(0))
    >>> first = adaptor.first_layer(torch.ones(5, 8), "items")
    >>> bool(torch.isclose(adaptor.gates(first, "items").sum(1), torch.ones(5)).all())
    True
    >>> adaptor(torch.ones(5, 8), "items").shape
    torch.Size([5, 2])
    """

    def __init__(
        self, width: int, hidden: int, dim: int, shared: int, dedicated: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.experts = shared + dedicated

        def weights(fan_in: int, *shape: int) -> torch.nn.Parameter:
            return torch.nn.Parameter((torch.rand(shape, generator=generator) * 2 - 1) / math.sqrt(fan_in))

        for kind, count in (("shared", shared), ("users", dedicated), ("items", dedicated)):
            self.register_parameter(f"{kind}_w1", weights(width, width, count * hidden))
            self.register_parameter(f"{kind}_b1", weights(width, count * hidden))
            self.register_parameter(f"{kind}_w2", weights(hidden, count * hidden, dim))
            self.register_parameter(f"{kind}_b2", weights(hidden, count, dim))
        for kind in ("users", "items"):
            self.register_parameter(f"{kind}_gate_w", weights(width, width, self.experts))
            self.register_parameter(f"{kind}_gate_b", weights(width, self.experts))

    def forward(self, vectors: torch.Tensor, kind: str) -> torch.Tensor:
        """Adapt knowledge of one kind, "users" or "items": [n, d_LM] -> [n, dim]."""
        return self.mix(self.first_layer(vectors, kind), kind)

    def of_histories(self, titles: torch.Tensor, graph: BipartiteGraph) -> torch.Tensor:
        """Adapt the mean title of every user's history, never stored: -> [n_users, dim]."""
        return self.mix(graph.history_mean(self.first_layer(titles, "users")), "users")

    def first_layer(self, vectors: torch.Tensor, kind: str) -> torch.Tensor:
        """All that is linear in the knowledge: inner layers of the experts, then scores of the gates."""
        return vectors @ torch.cat([self._both("w1", kind, 1), self.get_parameter(f"{kind}_gate_w")], 1)

    def gates(self, first: torch.Tensor, kind: str) -> torch.Tensor:
        """α, [n, experts]: rows sum to one."""
        return torch.softmax(first[:, -self.experts :] + self.get_parameter(f"{kind}_gate_b"), 1)

    def mix(self, first: torch.Tensor, kind: str) -> torch.Tensor:
        """The rest of the experts and their gated sum, from `first_layer`: [n, dim]."""
        gates = self.gates(first, kind)
        hidden = torch.relu(first[:, : -self.experts] + self._both("b1", kind, 0))
        gated = hidden.unflatten(1, (self.experts, -1)) * gates[:, :, None]
        return gated.flatten(1) @ self._both("w2", kind, 0) + gates @ self._both("b2", kind, 0)

    def _both(self, name: str, kind: str, axis: int) -> torch.Tensor:
        """Weights of the shared experts, then of those of this kind."""
        return torch.cat([self.get_parameter(f"shared_{name}"), self.get_parameter(f"{kind}_{name}")], axis)
