"""The bipartite graph of interactions, and propagation on it."""

from graphrec_lm.graph.bipartite import BipartiteGraph

__all__ = ["BipartiteGraph"]
