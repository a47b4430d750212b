"""The bipartite graph of interactions, and propagation on it."""

from graphrec_lm.graph.bipartite import BipartiteGraph
from graphrec_lm.graph.on_device import DeviceGraph

__all__ = ["BipartiteGraph", "DeviceGraph"]
