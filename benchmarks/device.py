"""The kernels and epochs of training on a CUDA device beside the processor.

    python benchmarks/device.py

makes a power-law graph of Games' size with clustered 384-wide title vectors, measures what the device can
do (copying, matrix products), compares each kernel's result with the processor's and times both, then
epochs of AlphaRec and LightGCN inside `fit`. Writes `results/device.json` and `.md`; without a CUDA device
it says so and writes nothing. `--rehearse` runs all of it on a small graph with torch's "cpu" device in
the GPU's stead, to try the script; it writes nothing either.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import torch
from common import RESULTS, environment, write_text
from powerlaw import PowerLaw, power_law, title_vectors

import graphrec_lm as gl
from graphrec_lm import kernels
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.models.trained import TrainedRecommender
from graphrec_lm.text import PrecomputedEncoder

GAMES = {"interactions": 323_622, "users": 50_546, "items": 16_859}
SMALL = {"interactions": 3_000, "users": 500, "items": 256}
DIM, BATCH, NEGATIVES, TAU, K = 64, 4096, 256, 0.15, 20
EPOCHS, REPEAT = 6, 7

Way = Callable[[], Any]


def wait(device: torch.device) -> None:
    """Until the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(way: Way, device: torch.device, repeat: int) -> float:
    """Median seconds, the first run left out."""
    found = []
    for _ in range(repeat + 1):
        wait(device)
        started = time.perf_counter()
        way()
        wait(device)
        found.append(time.perf_counter() - started)
    return median(found[1:])


def limits(device: torch.device, repeat: int) -> dict[str, float]:
    """GB/s of copying, TFLOP/s of matrix products."""
    size = 4096 if device.type == "cuda" else 256
    block, matrix = torch.zeros(size * size * 16, device=device), torch.randn(size, size, device=device)
    target, half, work = torch.empty_like(block), matrix.bfloat16(), 2 * size**3 / 1e12
    return {
        "copy GB/s": 8 * len(block) / 1e9 / seconds(lambda: target.copy_(block), device, repeat),
        "fp32 TFLOP/s": work / seconds(lambda: matrix @ matrix, device, repeat),
        "bf16 TFLOP/s": work / seconds(lambda: half @ half, device, repeat),
    }


def inputs(graph: BipartiteGraph) -> dict[str, Any]:
    """Arrays that the kernels take."""
    rng, pattern = np.random.default_rng(0), (graph.indptr, graph.indices)
    users, items = (rng.standard_normal((n, DIM)).astype(np.float32) for n in (graph.n_users, graph.n_items))
    codes, positives = kernels.draw_positives(*pattern, BATCH, by="user", seed=0, step=0)
    negatives = kernels.draw_negatives(*pattern, codes, graph.n_items, NEGATIVES, seed=0, step=0)
    return {
        "indptr": graph.indptr,
        "indices": graph.indices,
        "item_indptr": graph.item_indptr,
        "item_indices": graph.item_indices,
        "user_scale": graph.user_scale,
        "item_scale": graph.item_scale,
        "users": users,
        "items": items,
        "codes": codes,
        "positives": positives,
        "negatives": negatives,
        "shared": negatives[0].copy(),
    }


def softmax_gradients(x: dict[str, Any], loss_of: Callable[..., torch.Tensor], **how: Any) -> Any:
    """The gradient by the items of a loss of both tables."""
    tables = (torch.as_tensor(x[name]).detach().requires_grad_() for name in ("users", "items"))
    users, items = tables
    loss_of(users, items, x["codes"], x["positives"], tau=TAU, **how).backward()
    return items.grad


def ways(x: dict[str, Any], n_items: int) -> dict[str, Way]:
    """Each kernel on these inputs, wherever they lie."""
    pattern, by_item = (x["indptr"], x["indices"]), (x["item_indptr"], x["item_indices"])
    to_users = {"row_scale": x["user_scale"], "col_scale": x["item_scale"]}
    to_items = {"row_scale": x["item_scale"], "col_scale": x["user_scale"]}
    own, shared = {"negatives": x["negatives"]}, {"negatives": x["shared"], "seen": pattern}
    draw = {"seed": 0, "step": 1}
    return {
        "spmm, users": lambda: kernels.spmm(*pattern, x["items"], **to_users),
        "spmm, items": lambda: kernels.spmm(*by_item, x["users"], **to_items),
        f"sampled_softmax, {BATCH} × {NEGATIVES}": lambda: softmax_gradients(
            x, kernels.sampled_softmax, **own
        ),
        "sampled_softmax, shared": lambda: softmax_gradients(x, kernels.sampled_softmax, **shared),
        "full_softmax": lambda: softmax_gradients(x, kernels.full_softmax, seen=pattern),
        f"topk of everyone, k = {K}": lambda: kernels.topk(x["users"], x["items"], K, seen=pattern)[1],
        "gram": lambda: kernels.gram(*pattern, n_items),
        "draw_positives": lambda: kernels.draw_positives(*pattern, BATCH, by="user", **draw)[1],
        "draw_negatives": lambda: kernels.draw_negatives(*pattern, x["codes"], n_items, NEGATIVES, **draw),
    }


def bench_kernels(graph: BipartiteGraph, device: torch.device, repeat: int) -> dict[str, dict[str, float]]:
    """Seconds on the processor and on the device, after the results were compared."""
    arrays = inputs(graph)
    moved = {name: torch.tensor(array, device=device) for name, array in arrays.items()}
    there, found = ways(moved, graph.n_items), {}
    for name, here in ways(arrays, graph.n_items).items():
        expected, result = (np.asarray(torch.as_tensor(way()).cpu()) for way in (here, there[name]))
        np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-4, err_msg=name)
        found[name] = {
            "processor": seconds(here, torch.device("cpu"), min(3, repeat)),
            "device": seconds(there[name], device, repeat),
        }
    return found


def dataset_of(pattern: PowerLaw) -> tuple[Any, PrecomputedEncoder]:
    """A Dataset of the graph, with titles, and an encoder that knows them."""
    users = np.repeat(np.arange(pattern.n_users), np.diff(pattern.indptr))
    titles = [f"item {item}" for item in range(pattern.n_items)]
    rows = pd.DataFrame({"user_id": users, "item_id": pattern.indices})
    items = pd.DataFrame({"item_id": range(pattern.n_items), "title": titles})
    vectors = title_vectors(pattern.n_items).astype(np.float32)
    return gl.Dataset.from_frame(rows, items), PrecomputedEncoder(texts=titles, embeddings=vectors)


def models(encoder: Any) -> dict[str, Any]:
    """The models with their published settings."""
    common = {"layers": 2, "dim": DIM, "batch_size": BATCH, "epochs": EPOCHS, "verbose": False}
    alpharec = {**common, "hidden": 192, "negatives": NEGATIVES, "tau": TAU, "encoder": encoder}
    return {
        "AlphaRec mlp, fp32": gl.AlphaRec(**alpharec, precision="fp32"),
        "AlphaRec mlp, bf16": gl.AlphaRec(**alpharec, precision="bf16"),
        "AlphaRec mlp, fp32, shared negatives": gl.AlphaRec(
            **alpharec, precision="fp32", share_negatives=True
        ),
        "AlphaRec linear, fp32": gl.AlphaRec(**alpharec, precision="fp32", projection="linear"),
        "LightGCN, BPR": gl.LightGCN(**common, sampling="user"),
    }


def epoch(model: Any, dataset: Any, device: torch.device | None) -> tuple[float, float]:
    """Median seconds of an epoch, the first left out; and the loss of the last."""
    usual = TrainedRecommender._device
    TrainedRecommender._device = lambda self: device
    try:
        history = model.fit(dataset).history_
    finally:
        TrainedRecommender._device = usual
    return float(median(np.diff([record["seconds"] for record in history]))), history[-1]["loss"]


def bench_epochs(pattern: PowerLaw, device: torch.device) -> dict[str, dict[str, float]]:
    """Seconds an epoch on both, the last losses, and the device's peak memory."""
    dataset, encoder = dataset_of(pattern)
    found = {}
    for name, model in models(encoder).items():
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        there, there_loss = epoch(model, dataset, device)
        peak = torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else 0.0
        here, here_loss = epoch(model, dataset, None)
        found[name] = {
            "processor": here,
            "device": there,
            "loss, processor": here_loss,
            "loss, device": there_loss,
            "device peak MiB": peak,
        }
    return found


def table(rows: dict[str, dict[str, float]], unit: str) -> list[str]:
    """Rows of a Markdown table, with the ratio of processor to device."""
    names = list(next(iter(rows.values())))
    lines = ["", "| | " + " | ".join(names) + " | ratio |", "|---" * (len(names) + 2) + "|"]
    for name, row in rows.items():
        shown = [f"{row[key]:.4g}{unit if key in ('processor', 'device') else ''}" for key in names]
        lines.append(f"| {name} | " + " | ".join(shown) + f" | {row['processor'] / row['device']:.1f} |")
    return lines


def markdown(results: dict[str, Any]) -> str:
    """Results as tables."""
    sizes = ", ".join(f"{value:,} {name}" for name, value in results["graph"].items())
    lines = ["# A CUDA device beside the processor", "", "Generated by `python benchmarks/device.py`.", ""]
    lines += [f"A power-law graph of {sizes}; dim {DIM}, batch {BATCH}, {NEGATIVES} negatives each."]
    lines += ["Kernels: median seconds, results compared first; losses with their backward passes."]
    lines += table(results["kernels"], " s")
    lines += ["", "An epoch (as many draws as interactions), sampling included:"]
    lines += table(results["epochs"], " s")
    for title in ("limits", "environment"):
        shown = (f"{k} {v:.1f}" if isinstance(v, float) else f"{k} {v}" for k, v in results[title].items())
        lines += ["", f"{title.capitalize()}: " + ", ".join(shown)]
    return "\n".join(lines) + "\n"


def measure(sizes: dict[str, int], device: torch.device, repeat: int) -> dict[str, Any]:
    """Everything."""
    pattern = power_law(**sizes)
    graph = BipartiteGraph(pattern.indptr, pattern.indices, pattern.n_items)
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else "none, a rehearsal"
    return {
        "graph": {"interactions": graph.n_edges, "users": graph.n_users, "items": graph.n_items},
        "limits": limits(device, repeat),
        "kernels": bench_kernels(graph, device, repeat),
        "epochs": bench_epochs(pattern, device),
        "environment": {"device": gpu, "CUDA": torch.version.cuda, **environment()},
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rehearse", action="store_true", help="a small graph on the processor, no files")
    rehearse = parser.parse_args().rehearse
    if not rehearse and not torch.cuda.is_available():
        print("There is no CUDA device: nothing is measured and nothing is written.")
        return
    device = torch.device("cpu") if rehearse else torch.device("cuda", torch.cuda.current_device())
    results = measure(SMALL if rehearse else GAMES, device, 1 if rehearse else REPEAT)
    if not rehearse:
        write_text(RESULTS / "device.json", json.dumps(results, indent=1))
        write_text(RESULTS / "device.md", markdown(results))
    print(markdown(results))


if __name__ == "__main__":
    main()
