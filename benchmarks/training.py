"""Seconds a training step and an epoch, beside the same equations in plain torch and beside peers.

    python benchmarks/training.py --data FOLDER

takes AlphaRec (MLP and linear) and LightGCN (BPR) on Games with the published settings. With
identical weights and draws, loss and gradients of the plain step (`plain.py`) are first compared
with ours. Then an epoch of ours is timed inside `fit`, some steps of the plain one in the same run,
and peers that are installed: PyG's LightGCN, implicit's ALS and BPR. Writes `results/training.json`
and `.md`.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from common import RESULTS, environment, peak_memory_mib, read_domain, statistics, write_text
from plain import PlainAlphaRec, PlainLightGCN

import graphrec_lm as gl
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.training import BatchSampler

BATCH, LAYERS, DIM, HIDDEN, NEGATIVES, TAU, PENALTY = 4096, 2, 64, 192, 256, 0.15, 1e-4
COMMON: dict[str, Any] = {
    "layers": LAYERS,
    "dim": DIM,
    "batch_size": BATCH,
    "verbose": False,
}
EPOCHS = 4
MODELS = "AlphaRec mlp", "AlphaRec linear", "LightGCN"


def ours(name: str, encoder: Any) -> Any:
    """A model with the published settings."""
    if name == "LightGCN":
        return gl.LightGCN(**COMMON, loss="bpr", regularization=PENALTY, sampling="user")
    own = {"hidden": HIDDEN, "negatives": NEGATIVES, "tau": TAU, "sampling": "user", "encoder": encoder}
    return gl.AlphaRec(**COMMON, **own, projection=name.split()[1])


def plain_twin(name: str, learner: Any, graph: BipartiteGraph) -> Any:
    """The plain model with the weights of our learner."""
    if name == "LightGCN":
        twin: Any = PlainLightGCN(graph, DIM, LAYERS)
        own = [torch.cat([learner.users, learner.items])]
    else:
        twin = PlainAlphaRec(graph, learner.titles, HIDDEN if name.endswith("mlp") else None, DIM, LAYERS)
        own = list(learner.projection.parameters())
    with torch.no_grad():
        for theirs, weight in zip(twin.parameters(), own, strict=True):
            theirs.copy_(weight.T if name != "LightGCN" and weight.ndim == 2 else weight)
    return twin


def gradients(name: str, learner: Any, twin: Any) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Pairs of our gradients and the twin's."""
    theirs = [weight.grad for weight in twin.parameters()]
    if name == "LightGCN":
        return [(torch.cat([learner.users.grad, learner.items.grad]), theirs[0])]
    own = [weight.grad.T if weight.ndim == 2 else weight.grad for weight in learner.projection.parameters()]
    return list(zip(own, theirs, strict=True))


def compare(name: str, learner: Any, twin: Any, sampler: BatchSampler) -> dict[str, float]:
    """Relative differences of loss and gradients on one batch; more than 1e-4 is an error."""
    batch = sampler.draw(0, BATCH)
    extra = PENALTY if name == "LightGCN" else TAU
    losses = learner.loss(batch), twin.loss(batch, extra)
    for loss in losses:
        loss.backward()
    worst = max(float((one - other).norm() / other.norm()) for one, other in gradients(name, learner, twin))
    found = {"loss": abs(float(losses[0].detach() / losses[1].detach()) - 1), "gradients": worst}
    if max(found.values()) > 1e-4:
        raise SystemExit(f"{name}: the plain step and ours differ: {found}")
    learner.zero_grad()
    twin.zero_grad()
    return found


def step_of(module: Any, loss: Callable[[Any], torch.Tensor], sampler: BatchSampler) -> Callable[[int], None]:
    """One optimizer step, sampling included."""
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3, fused=True)

    def step(number: int) -> None:
        value = loss(sampler.draw(number, BATCH))
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step


def seconds_a_step(step: Callable[[int], None], steps: int) -> float:
    """Median over `steps` steps, after one to warm up."""
    found = []
    for number in range(steps + 1):
        started = time.perf_counter()
        step(number)
        found.append(time.perf_counter() - started)
    return median(found[1:])


def epoch_seconds(model: Any, train: Any) -> float:
    """Median seconds of an epoch inside `fit`, the first left out (compilation)."""
    model.set_params(epochs=EPOCHS).fit(train)
    ends = [record["seconds"] for record in model.history_]
    return float(median(np.diff(ends)))


def bench(name: str, train: Any, encoder: Any, steps: int) -> dict[str, Any]:
    """Our epoch, our step, the plain step."""
    graph, model = BipartiteGraph.from_dataset(train), ours(name, encoder)
    learner, _ = model._learner(train, graph)
    sampler = BatchSampler(graph, "user", 1 if name == "LightGCN" else NEGATIVES, False, 0)
    twin = plain_twin(name, learner, graph)
    agreement = compare(name, learner, twin, sampler)
    extra = PENALTY if name == "LightGCN" else TAU
    plain = seconds_a_step(step_of(twin, lambda batch: twin.loss(batch, extra), sampler), steps)
    epoch = epoch_seconds(model, train)
    count = math.ceil(graph.n_edges / BATCH)
    return {
        "difference": agreement,
        "steps": count,
        "seconds an epoch": {"graphrec_lm": epoch, "plain torch": plain * count},
        "ratio": plain * count / epoch,
    }


def pyg_module(graph: BipartiteGraph) -> tuple[Any, Callable[[Any], torch.Tensor], torch.Tensor]:
    """PyG's LightGCN, its own loss of a batch, and the edges it propagates over."""
    from torch_geometric.nn.models import LightGCN

    rows = np.repeat(np.arange(graph.n_users), np.diff(graph.indptr))
    columns = graph.indices.astype(np.int64) + graph.n_users
    edges = torch.from_numpy(np.stack([np.concatenate([rows, columns]), np.concatenate([columns, rows])]))
    module = LightGCN(graph.n_users + graph.n_items, DIM, LAYERS)

    def loss(batch: Any) -> torch.Tensor:
        users = torch.from_numpy(batch.users).long()
        items = [torch.from_numpy(codes).long() for codes in (batch.positives, batch.negatives.reshape(-1))]
        pairs = [torch.stack([users, codes + graph.n_users]) for codes in items]
        scores = module(edges, torch.cat(pairs, dim=1))
        found: torch.Tensor = module.recommendation_loss(*scores.chunk(2), lambda_reg=PENALTY)
        return found

    return module, loss, edges


def pyg_lightgcn(graph: BipartiteGraph, steps: int) -> float:
    """Seconds an epoch of PyG's LightGCN, the same batches as ours."""
    module, loss, _ = pyg_module(graph)
    step = step_of(module, loss, BatchSampler(graph, "user", 1, False, 0))
    return seconds_a_step(step, steps) * math.ceil(graph.n_edges / BATCH)


def peers(graph: BipartiteGraph, steps: int) -> dict[str, float]:
    """Seconds an epoch (an iteration over all interactions) of what is installed."""
    found = {"PyG LightGCN, batch 4096": pyg_lightgcn(graph, steps)}
    try:
        from implicit.cpu.als import AlternatingLeastSquares
        from implicit.cpu.bpr import BayesianPersonalizedRanking
    except ImportError:
        return found
    from scipy import sparse

    ones = np.ones(graph.n_edges, dtype=np.float32)
    pattern = graph.indices.copy(), graph.indptr.astype(np.int32)  # writable, as implicit asks
    matrix = sparse.csr_matrix((ones, *pattern), (graph.n_users, graph.n_items))
    for label, model in {
        "implicit ALS, 64 factors": AlternatingLeastSquares(factors=64, iterations=10),
        "implicit BPR, 64 factors": BayesianPersonalizedRanking(factors=64, iterations=10),
    }.items():
        started = time.perf_counter()
        model.fit(matrix, show_progress=False)
        found[label] = (time.perf_counter() - started) / 10
    return found


def markdown(results: dict[str, Any]) -> str:
    """Results as a table."""
    lines = ["# Training", "", "Generated by `python benchmarks/training.py --data FOLDER`.", ""]
    lines += [f"Games, MiniLM titles, batch {BATCH}, {LAYERS} layers, dim {DIM}; AlphaRec: hidden {HIDDEN},"]
    lines += [
        f"{NEGATIVES} negatives each, user sampling. An epoch is as many draws as there are interactions,"
    ]
    lines += ["sampling included. Plain torch: the same equations with a COO adjacency and gathers"]
    lines += ["(`plain.py`) and our sampler; some steps of it are timed.", ""]
    lines += ["| model | graphrec_lm, s an epoch | plain torch | ratio | loss differs | gradients differ |"]
    lines += ["|---|---|---|---|---|---|"]
    for name, result in results["models"].items():
        own, plain = result["seconds an epoch"].values()
        differences = " | ".join(f"{value:.1e}" for value in result["difference"].values())
        lines.append(f"| {name} | {own:.2f} | {plain:.1f} | {result['ratio']:.1f} | {differences} |")
    lines += ["", "| peer | s an epoch |", "|---|---|"]
    lines += [f"| {name} | {seconds:.2f} |" for name, seconds in results["peers"].items()]
    for title in ("statistics", "environment"):
        lines += ["", f"{title.capitalize()}: " + ", ".join(f"{k} {v}" for k, v in results[title].items())]
    lines += ["", f"Peak memory of the whole run: {results['peak MiB']:.0f} MiB."]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with amazon-games/")
    parser.add_argument("--steps", type=int, default=5, help="steps of the plain models that are timed")
    options = parser.parse_args()
    split, encoder = read_domain(options.data / "amazon-games")
    models = {name: bench(name, split.train, encoder, options.steps) for name in MODELS}
    results = {
        "models": models,
        "peers": peers(BipartiteGraph.from_dataset(split.train), options.steps),
        "statistics": statistics(split),
        "environment": environment(),
        "peak MiB": peak_memory_mib(),
    }
    write_text(RESULTS / "training.json", json.dumps(results, indent=1))
    write_text(RESULTS / "training.md", markdown(results))
    print(markdown(results))


if __name__ == "__main__":
    main()
