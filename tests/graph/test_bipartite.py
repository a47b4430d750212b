"""The graph's pattern, scales and PyG round trip, and what malformed graphs get."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch_geometric.data import HeteroData

from graphrec_lm.errors import InputError
from graphrec_lm.graph import BipartiteGraph
from tests.data.messages import check
from tests.support import patterns, random_csr


@given(pattern=patterns())
def test_holds_the_pattern_both_ways_and_the_scales(pattern):
    graph = BipartiteGraph(*pattern)
    shape = pattern.n_rows, pattern.n_columns, len(pattern.indices)
    assert (graph.n_users, graph.n_items, graph.n_edges) == shape
    for axis, scale in ((1, graph.user_scale), (0, graph.item_scale)):
        degrees = pattern.dense.sum(axis)
        expected = np.where(degrees > 0, np.maximum(degrees, 1) ** -0.5, 0)
        np.testing.assert_allclose(scale, expected, rtol=1e-6)


@settings(max_examples=30)
@given(pattern=patterns())
def test_pyg_round_trip(pattern):
    graph = BipartiteGraph(*pattern)
    back = BipartiteGraph.from_pyg(graph.to_pyg())
    for name in ("indptr", "indices", "item_indptr", "item_indices", "user_scale", "item_scale"):
        ours, theirs = getattr(graph, name), getattr(back, name)
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)


def hetero(edges, n_users=2, n_items=3, kind=("user", "interacts", "item")):
    data = HeteroData()
    data["user"].num_nodes, data["item"].num_nodes = n_users, n_items
    data[kind].edge_index = torch.tensor(edges)
    return data


def test_to_pyg_is_valid_and_from_pyg_merges_and_sorts():
    assert random_graph().to_pyg().validate()
    graph = BipartiteGraph.from_pyg(hetero([[1, 0, 1, 1], [2, 1, 0, 2]]))
    assert graph.indptr.tolist() == [0, 1, 3] and graph.indices.tolist() == [1, 0, 2]


def random_graph():
    return BipartiteGraph(*random_csr(4, 5, 0.5, seed=0))


def build(indptr, indices, n_items=3):
    return BipartiteGraph(np.array(indptr, np.int64), np.array(indices, np.int32), n_items)


def propagate(users=(4, 2), items=(5, 2), layers=1, combine="mean", dtype=torch.float32):
    rows = torch.zeros(users, dtype=dtype), torch.zeros(items, dtype=dtype)
    return random_graph().propagate(*rows, layers, combine)


CASES = {
    "no indptr": (lambda: build([], []), "`indptr` must rise from 0", "0 entries for 0 edges", "scipy"),
    "indptr starts late": (lambda: build([1, 2], [0, 1]), "`indptr` must rise", "2 entries", "scipy"),
    "indptr ends early": (lambda: build([0, 1], [0, 1]), "`indptr` must rise", "2 edges", "scipy"),
    "indptr falls": (lambda: build([0, 2, 1, 2], [0, 1]), "`indptr` must rise", "4 entries", "scipy"),
    "half an item": (
        lambda: BipartiteGraph(np.array([0, 2]), np.array([0.5, 1.9]), 3),
        "`indices` must be integers",
        "float64",
        "Convert",
    ),
    "half a bound": (
        lambda: BipartiteGraph(np.array([0, 0.6, 2]), np.array([0, 1]), 3),
        "`indptr` must be integers",
        "float64",
        "Convert",
    ),
    "more items than int32 counts": (
        lambda: BipartiteGraph(np.array([0, 1]), np.array([2**31 + 5]), 2**31 + 10),
        "`n_items` must be an integer >= 0 and <= 2147483647",
        "2147483658",
        "range",
    ),
    "an item too many": (lambda: build([0, 2], [0, 3]), "must lie in [0, 3)", "from 0 to 3", "n_items"),
    "a negative item": (lambda: build([0, 2], [-1, 2]), "must lie in [0, 3)", "from -1 to 2", "n_items"),
    "items in disorder": (lambda: build([0, 1, 3], [0, 2, 1]), "must ascend", "in row 1", "Sort"),
    "an item twice": (lambda: build([0, 2], [1, 1]), "must ascend", "in row 0", "merge"),
    "negative layers": (lambda: propagate(layers=-1), "`layers` must be an integer >= 0", "-1", "range"),
    "half a layer": (lambda: propagate(layers=1.5), "`layers` must be an integer >= 0", "1.5", "range"),
    "another mean": (lambda: propagate(combine="maen"), "`combine` must be one of", "'maen'", "'mean'"),
    "users too few": (lambda: propagate(users=(3, 2)), "`users` must be float32 [4, dim]", "[3, 2]", "row"),
    "items too few": (lambda: propagate(items=(4, 2)), "`items` must be float32 [5, dim]", "[4, 2]", "row"),
    "two widths": (lambda: propagate(items=(5, 3)), "must have one dim", "2 and 3", "same"),
    "a vector": (lambda: propagate(users=(4,)), "`users` must be float32 [4, dim]", "[4]", "row"),
    "doubles": (lambda: propagate(dtype=torch.double), "must be float32", "float64", "row"),
    "a history of too few items": (
        lambda: random_graph().history_mean(torch.zeros(4, 2)),
        "`items` must be float32 [5, dim]",
        "[4, 2]",
        "row",
    ),
    "another edge type": (
        lambda: BipartiteGraph.from_pyg(hetero([[0], [0]], kind=("user", "buys", "item"))),
        "must have edge type ('user', 'interacts', 'item')",
        "buys",
        "Rename",
    ),
    "a user that is no node": (
        lambda: BipartiteGraph.from_pyg(hetero([[0, 2], [0, 0]])),
        "user nodes must lie in [0, 2)",
        "from 0 to 2",
        "num_nodes",
    ),
    "an item that is no node": (
        lambda: BipartiteGraph.from_pyg(hetero([[0, 0], [-1, 0]])),
        "item nodes must lie in [0, 3)",
        "from -1 to 0",
        "num_nodes",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input(name):
    call, *words = CASES[name]
    with pytest.raises(InputError) as error:
        call()
    check(error, words)
