"""Kernels against their peers and against what the machine can do, in one run.

    python benchmarks/kernels.py --data FOLDER

measures copy and random-gather bandwidth and matrix products first, then each kernel beside torch's,
scipy's and implicit's way of doing the same, and writes `results/kernels.json` and `results/kernels.md`.
Times are medians of interleaved repetitions; results are compared before they are timed. implicit is
optional (`pip install implicit`).
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as implicit asks for

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from common import RESULTS, environment, peak_memory_mib, read_domain, reset_peak_memory, write_text
from powerlaw import power_law
from scipy import sparse
from torch.nn import functional

from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.kernels import (
    add_row_sums,
    csr_of,
    draw_negatives,
    draw_positives,
    full_softmax,
    gram,
    path_ranks,
    pattern_matrix,
    rows_between,
    sampled_softmax,
    spd_inverse,
    spmm,
    topk,
    topk_scores,
)
from graphrec_lm.products import fast_products

DIM = 64
BATCH, NEGATIVES, TAU = 4096, 256, 0.15


def times(ways: dict[str, Callable[[], Any]], repeat: int) -> dict[str, float]:
    """Median seconds of each way; they take turns, so that the machine's moods meet all alike.

    Each goes twice a turn and the second time counts: in the first, the threads of the one before may
    still be spinning.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeat):
        for name, way in ways.items():
            way()
            started = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - started)
    return {name: median(values) for name, values in seconds.items()}


def limits() -> dict[str, float]:
    """What the machine can do: GB/s of copying and of gathering 256-byte rows, GFLOP/s of products."""
    block = np.zeros(64 << 20, dtype=np.float32)
    target = np.empty_like(block)
    table = torch.zeros(1 << 20, DIM)
    rows = torch.randint(len(table), (1 << 20,))
    gathered = torch.empty(len(rows), DIM)
    matrix = torch.randn(2048, 2048)
    half = matrix.bfloat16()
    seconds = times(
        {
            "copy": lambda: torch.from_numpy(target).copy_(torch.from_numpy(block)),
            "gather": lambda: torch.index_select(table, 0, rows, out=gathered),
            "fp32": lambda: matrix @ matrix,
            "fast fp32": fast_products()(lambda: matrix @ matrix),
            "bf16": lambda: half @ half,
        },
        5,
    )
    product = 2 * len(matrix) ** 3 / 1e9
    return {
        "copy GB/s": 2 * block.nbytes / 1e9 / seconds["copy"],
        "gather GB/s": len(rows) * DIM * 4 / 1e9 / seconds["gather"],
        "fp32 GFLOP/s": product / seconds["fp32"],
        "fp32 GFLOP/s within `fast_products`": product / seconds["fast fp32"],
        "bf16 GFLOP/s": product / seconds["bf16"],
    }


def bench_spmm(graph: BipartiteGraph, repeat: int) -> dict[str, Any]:
    """User side, normalised: ours applies scales in flight, the others store values."""
    x = np.random.default_rng(0).standard_normal((graph.n_items, DIM)).astype(np.float32)
    scales = {"row_scale": graph.user_scale, "col_scale": graph.item_scale}
    rows = np.repeat(np.arange(graph.n_users), np.diff(graph.indptr))
    values = graph.user_scale[rows] * graph.item_scale[graph.indices]
    shape = graph.n_users, graph.n_items
    matrix = sparse.csr_array((values, graph.indices, graph.indptr.astype(np.int32)), shape)
    codes = torch.from_numpy(np.stack([rows, graph.indices.astype(np.int64)]))
    coo = torch.sparse_coo_tensor(codes, torch.from_numpy(values), shape).coalesce()
    pointers = torch.from_numpy(graph.indptr), torch.from_numpy(graph.indices.astype(np.int64))
    csr = torch.sparse_csr_tensor(*pointers, torch.from_numpy(values), shape)
    tensor, out = torch.from_numpy(x), np.empty((graph.n_users, DIM), dtype=np.float32)
    pattern = graph.indptr, graph.indices
    ways: dict[str, Callable[[], Any]] = {
        "graphrec_lm": lambda: spmm(*pattern, x, **scales),
        "graphrec_lm, out=": lambda: spmm(*pattern, x, **scales, out=out),
        "torch COO": lambda: torch.sparse.mm(coo, tensor),
        "torch CSR": lambda: csr @ tensor,
        "scipy CSR": lambda: matrix @ x,
    }
    expected = matrix @ x
    for name, way in ways.items():
        np.testing.assert_allclose(np.asarray(way()), expected, rtol=1e-4, atol=1e-4, err_msg=name)
    seconds = times(ways, repeat)
    moved = 4 * (graph.n_edges * (DIM + 1) + graph.n_users * DIM)
    return {"seconds": seconds, "GB/s": moved / 1e9 / seconds["graphrec_lm, out="], "edges": graph.n_edges}


def softmax_case(graph: BipartiteGraph) -> tuple[Any, ...]:
    """Tables and a batch of the sampled softmax."""
    generator = torch.Generator().manual_seed(0)
    users = torch.randn(graph.n_users, DIM, generator=generator).requires_grad_()
    items = torch.randn(graph.n_items, DIM, generator=generator).requires_grad_()
    pattern = graph.indptr, graph.indices
    codes, positives = draw_positives(*pattern, BATCH, by="user", seed=0, step=0)
    negatives = draw_negatives(*pattern, codes, graph.n_items, NEGATIVES, seed=0, step=0)
    return users, items, codes, positives, negatives


def fused_softmax(users: Any, items: Any, codes: Any, positives: Any, negatives: Any) -> torch.Tensor:
    """Ours."""
    return sampled_softmax(users, items, codes, positives, negatives=negatives, tau=TAU)


def gathered_softmax(users: Any, items: Any, codes: Any, positives: Any, negatives: Any) -> torch.Tensor:
    """The usual way in plain torch: gather [batch, 1 + negatives, dim] and take products."""
    candidates = torch.from_numpy(np.concatenate([positives[:, None], negatives], axis=1)).long()
    rows = functional.normalize(items[candidates], dim=-1)
    own = functional.normalize(users[torch.from_numpy(codes).long()], dim=-1)
    logits = torch.einsum("bd,bnd->bn", own, rows) / TAU
    return functional.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long))


SOFTMAXES = {"graphrec_lm": fused_softmax, "torch gather": gathered_softmax}


def softmax_gradients(way: Callable[..., torch.Tensor], case: tuple[Any, ...]) -> list[torch.Tensor]:
    """One forward and backward pass."""
    users, items = case[:2]
    users.grad = items.grad = None
    way(*case).backward()  # type: ignore[no-untyped-call]
    return [users.grad, items.grad]


def bench_softmax(data: Path, graph: BipartiteGraph, repeat: int) -> dict[str, Any]:
    """Forward and backward; peak memory of each way above its inputs, in a process of its own."""
    case = softmax_case(graph)
    ours, theirs = (softmax_gradients(way, case) for way in SOFTMAXES.values())
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-6)
    ways = {name: (lambda way=way: softmax_gradients(way, case)) for name, way in SOFTMAXES.items()}
    return {
        "seconds": times(ways, repeat),
        "peak MiB": {name: peak(data, f"softmax/{name}") for name in ways},
    }


def bench_full_softmax(graph: BipartiteGraph, repeat: int) -> dict[str, Any]:
    """The exact loss over all items: streamed, and with the whole [batch, items] array."""
    users, items, codes, positives, _ = softmax_case(graph)

    def dense(users: Any, items: Any) -> torch.Tensor:
        own = functional.normalize(users[torch.from_numpy(codes).long()], dim=-1)
        logits = own @ functional.normalize(items, dim=-1).T / TAU
        return functional.cross_entropy(logits, torch.from_numpy(positives).long())

    def ours(users: Any, items: Any) -> torch.Tensor:
        return full_softmax(users, items, codes, positives, tau=TAU)

    case = users, items
    timed: dict[str, Callable[[], Any]] = {
        "graphrec_lm": fast_products()(partial(softmax_gradients, ours, case)),  # as within a fit
        "torch dense": partial(softmax_gradients, dense, case),
        "torch dense, fast products": fast_products()(partial(softmax_gradients, dense, case)),
    }
    first, *others = (way() for way in timed.values())
    for other in others:
        for one, two in zip(first, other, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-6)
    return {"seconds": times(timed, repeat)}


def bench_inverse(repeat: int, size: int = 8000) -> dict[str, Any]:
    """Of a ridge's Gram matrix [8000, 8000]; both are given a copy."""
    matrix = torch.from_numpy(gram(*power_law(500_000, 20_000, size)))
    matrix.diagonal().add_(100.0)
    ways = {
        "graphrec_lm": lambda: spd_inverse(matrix.clone()),
        "torch (LAPACK)": lambda: torch.cholesky_inverse(torch.linalg.cholesky(matrix.clone())),
    }
    ours, theirs = (way() for way in ways.values())
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-6)
    return {"seconds": times(ways, repeat)}


def topk_case(graph: BipartiteGraph) -> tuple[Any, Any]:
    """Factors with the popularity structure that trained ones have."""
    generator = np.random.default_rng(0)
    users = generator.standard_normal((graph.n_users, DIM)).astype(np.float32)
    return users, generator.standard_normal((graph.n_items, DIM)).astype(np.float32)


def bench_topk(data: Path, graph: BipartiteGraph, repeat: int) -> dict[str, Any]:
    """All users, k = 20, seen items masked; beside implicit and the bare matrix product."""
    users, items = topk_case(graph)
    tensors = torch.from_numpy(users), torch.from_numpy(items).T
    block = torch.empty(128, graph.n_items)
    whole = graph.n_users // 128 * 128
    seen = graph.indptr, graph.indices

    def products() -> None:
        for start in range(0, whole, 128):
            torch.mm(tensors[0][start : start + 128], tensors[1], out=block)

    ways: dict[str, Callable[[], Any]] = {
        "graphrec_lm": lambda: topk(users, items, 20, seen=seen),
        "bare GEMM": fast_products()(products),
    }
    try:
        from implicit.cpu.als import AlternatingLeastSquares
    except ImportError:
        print("implicit is not installed: topk has no peer")
    else:
        model = AlternatingLeastSquares(factors=DIM)
        model.user_factors, model.item_factors = users, items
        ones = np.ones(graph.n_edges, dtype=np.float32)
        matrix = sparse.csr_matrix((ones, graph.indices, graph.indptr), (graph.n_users, graph.n_items))
        everyone = np.arange(graph.n_users)
        ways["implicit"] = lambda: model.recommend(everyone, matrix, N=20)
        np.testing.assert_allclose(ways["implicit"]()[1], ways["graphrec_lm"]()[1], rtol=1e-4, atol=1e-4)
    return {"seconds": times(ways, repeat), "peak MiB": {"graphrec_lm": peak(data, "topk")}}


def bench_rest(graph: BipartiteGraph, repeat: int) -> dict[str, Any]:
    """Sampling and Gram matrix."""
    pattern = graph.indptr, graph.indices
    matrix = pattern_matrix(*pattern, graph.n_items)
    users = draw_positives(*pattern, BATCH, by="user", seed=0, step=0)[0]
    np.testing.assert_array_equal(gram(*pattern, graph.n_items), (matrix.T @ matrix).toarray())
    ways: dict[str, Callable[[], Any]] = {
        "draw 4096 positives": lambda: draw_positives(*pattern, BATCH, by="user", seed=0, step=0),
        "draw 4096 x 256 negatives": lambda: draw_negatives(
            *pattern, users, graph.n_items, NEGATIVES, seed=0, step=0
        ),
        "gram, dense": lambda: gram(*pattern, graph.n_items),
        "gram, >= 2, sparse": lambda: gram(*pattern, graph.n_items, least=2),
        "scipy RᵀR, sparse": lambda: matrix.T @ matrix,
    }
    return {"seconds": times(ways, repeat)}


def bench_row_sums(graph: BipartiteGraph, repeat: int, people: int = 2000, kept: int = 500) -> dict[str, Any]:
    """Scores of histories by item weights of which `kept` an item are not zero."""
    generator = np.random.default_rng(0)
    drawn = generator.integers(graph.n_items, size=(graph.n_items, kept), dtype=np.int32)
    values = generator.random(drawn.size, dtype=np.float32)
    weights = csr_of(
        values, np.sort(drawn).ravel(), kept * np.arange(graph.n_items + 1), (graph.n_items,) * 2
    )
    histories = rows_between((graph.indptr, graph.indices), 0, people)
    matrix = pattern_matrix(*histories, graph.n_items)
    ways = {
        "graphrec_lm": lambda: add_row_sums(
            np.zeros((people, graph.n_items), dtype=np.float32), *histories, weights
        ),
        "scipy, then dense": lambda: (matrix @ weights).toarray(),
    }
    np.testing.assert_allclose(ways["graphrec_lm"](), ways["scipy, then dense"](), rtol=1e-4, atol=1e-4)
    return {"seconds": times(ways, repeat)}


def bench_path_ranks(graph: BipartiteGraph, repeat: int, people: int = 1000) -> dict[str, Any]:
    """Which relevant items are among the first 20, for eleven strengths; the relevant ones are drawn."""
    generator, strengths = np.random.default_rng(0), [float(n) for n in range(11)]
    constant, slope = generator.standard_normal((2, people, graph.n_items), dtype=np.float32)
    popular = np.log1p(np.bincount(graph.indices, minlength=graph.n_items)).astype(np.float32)
    constant += popular
    seen = rows_between((graph.indptr, graph.indices), 0, people)
    best = topk_scores(constant, 100, seen=seen)[0]
    asked = np.arange(people + 1), best[np.arange(people), generator.integers(100, size=people)]

    def ranked() -> Any:
        return path_ranks(constant, slope, strengths, seen, asked, most=20)

    def listed() -> Any:
        found = []
        for strength in strengths:
            top = topk_scores(constant + np.float32(strength) * slope, 20, seen=seen)[0]
            hits = top == asked[1][:, None]
            found.append(np.where(hits.any(axis=1), hits.argmax(axis=1) + 1, 21))
        return np.array(found)

    np.testing.assert_array_equal(ranked(), listed())
    return {"seconds": times({"graphrec_lm": ranked, "topk for each": listed}, repeat)}


def measure_peak(data: Path, what: str) -> float:
    """MiB that one call needs above its inputs, in this process; a small call warms up first."""
    graph = games(data)
    if what == "topk":
        users, items = topk_case(graph)
        topk(users[:1], items[:30], 20)
        reset_peak_memory()
        before = peak_memory_mib()
        topk(users, items, 20, seen=(graph.indptr, graph.indices))
        return peak_memory_mib() - before
    case = softmax_case(graph)
    small = [part[:8] for part in case[2:]]
    way = SOFTMAXES[what.split("/")[1]]
    softmax_gradients(way, (*case[:2], *small))
    reset_peak_memory()
    before = peak_memory_mib()
    softmax_gradients(way, case)
    return peak_memory_mib() - before


def peak(data: Path, what: str) -> float:
    """`measure_peak` in a process of its own."""
    command = [sys.executable, __file__, "--data", str(data), "--peak", what]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1])


def games(data: Path) -> BipartiteGraph:
    """The train graph of Games."""
    return BipartiteGraph.from_dataset(read_domain(data / "amazon-games")[0].train)


def markdown(results: dict[str, Any]) -> str:
    """Results as tables."""
    lines = ["# Kernels", "", "Generated by `python benchmarks/kernels.py --data FOLDER`. Median seconds;"]
    lines += ["a ratio says how many times longer than `graphrec_lm` the other takes, in the same run.", ""]
    lines += ["## The machine", ""]
    lines += [f"- {name}: {value:.0f}" for name, value in results["limits"].items()]
    lines += ["", ", ".join(f"{k} {v}" for k, v in results["environment"].items())]
    for name, result in results["kernels"].items():
        own = result["seconds"].get("graphrec_lm")
        lines += ["", f"## {name}", "", "| way | ms | ratio |", "|---|---|---|"]
        for way, seconds in result["seconds"].items():
            ratio = f"{seconds / own:.2f}" if own else ""
            lines.append(f"| {way} | {1e3 * seconds:.2f} | {ratio} |")
        if "GB/s" in result:
            share = result["GB/s"] / results["limits"]["copy GB/s"]
            lines += ["", f"{result['edges']} edges; {result['GB/s']:.1f} GB/s read and written by `out=`,"]
            lines += [f"{share:.2f} of the copy bandwidth."]
        if "peak MiB" in result:
            peaks = ", ".join(f"{way} {value:.0f}" for way, value in result["peak MiB"].items())
            lines += ["", f"Peak memory above the inputs, MiB: {peaks}."]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with amazon-games/")
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--peak", help="print the peak memory of one case")
    options = parser.parse_args()
    if options.peak:
        print(measure_peak(options.data, options.peak))
        return
    graph, few = games(options.data), max(3, options.repeat // 5)
    large = BipartiteGraph(*power_law(10_000_000, 500_000, 50_000))
    kernels = {
        "spmm, Games, user side, dim 64": bench_spmm(graph, 3 * options.repeat),
        "spmm, power-law graph of 10 M interactions, dim 64": bench_spmm(large, few),
        "sampled_softmax, 4096 x 256, forward and backward": bench_softmax(options.data, graph, few),
        "full_softmax, 4096 x 16,859, forward and backward": bench_full_softmax(graph, few),
        "inverse, 8,000 items": bench_inverse(few),
        "topk, 50,546 users, k = 20": bench_topk(options.data, graph, few),
        "sampling and Gram matrix": bench_rest(graph, few),
        "row sums of sparse weights, 2,000 histories, 500 weights an item": bench_row_sums(graph, few),
        "ranks on a path of 11 strengths, 1,000 people": bench_path_ranks(graph, few),
    }
    results = {"limits": limits(), "kernels": kernels, "environment": environment()}
    write_text(RESULTS / "kernels.json", json.dumps(results, indent=1))
    write_text(RESULTS / "kernels.md", markdown(results))
    print(markdown(results))


if __name__ == "__main__":
    main()
