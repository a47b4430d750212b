"""Seconds to a given accuracy on validation: our models, peers, and what the batch size does.

    python benchmarks/convergence.py --data FOLDER

trains on Games and writes down NDCG@20 on validation against the seconds of training. Peers are those that
are installed: implicit's ALS (the best of a small grid, each curve its own run) and BPR, PyG's LightGCN. Test
data is never touched. Writes `results/convergence.json`, `convergence.md` and `convergence.png`.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import time
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import RESULTS, environment, read_domain, statistics, write_text
from training import pyg_module

import graphrec_lm as gl
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.kernels import take_rows, topk
from graphrec_lm.metrics import ranking_metrics
from graphrec_lm.training import BatchSampler, Callback

Curve = list[tuple[float, float]]
COMMON: dict[str, Any] = {
    "layers": 2,
    "dim": 64,
    "tau": 0.15,
    "negatives": 1024,
    "share_negatives": True,
    "sampling": "interaction",
    "epochs": 1000,
    "patience": 1000,
    "valid_every": 1,
    "verbose": False,
}
MLP = {"projection": "mlp", "hidden": 192}
OURS: dict[str, tuple[str, dict[str, Any]]] = {
    "AlphaRec mlp": ("AlphaRec", MLP | {"batch_size": 8192, "learning_rate": 4e-3}),
    "AlphaRec linear": ("AlphaRec", {"projection": "linear", "batch_size": 8192, "learning_rate": 4e-3}),
    "LightGCN InfoNCE": ("LightGCN", {"loss": "infonce", "batch_size": 4096, "learning_rate": 3e-3}),
}
BATCHES = (1024, 4096, 16384, 65536)
TARGETS = (0.03, 0.05, 0.06)
ALS_GRID = tuple(product((1.0, 10.0), (0.01, 1.0)))  # confidence of an interaction, regularization


class StopAfter(Callback):
    """End a training after some seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def on_epoch_end(self, state: Any) -> None:
        """Look at the clock."""
        state.stop = state.stop or state.history[-1]["seconds"] > self.seconds


class Clock:
    """Notes the accuracy of factors against the seconds spent outside of it."""

    def __init__(self, split: Any) -> None:
        train, valid = split.train, split.valid
        self.codes = np.flatnonzero(np.diff(valid.indptr)).astype(np.int32)
        self.seen = take_rows(train.indptr, train.indices, self.codes)
        self.relevant = take_rows(valid.indptr, valid.indices, self.codes)
        self.curve: Curve = []
        self.started, self.aside = time.perf_counter(), 0.0

    @property
    def seconds(self) -> float:
        """Seconds since the start, without those of `note`."""
        return time.perf_counter() - self.started - self.aside

    def note(self, users: Any, items: Any) -> None:
        """Rank by inner products of these factors, and note NDCG@20."""
        seconds, before = self.seconds, time.perf_counter()
        factors = (np.ascontiguousarray(rows, dtype=np.float32) for rows in (users[self.codes], items))
        top = topk(*factors, 20, seen=self.seen)[0]
        value = ranking_metrics(top, *self.relevant, k=20, metrics=("ndcg",))["ndcg@20"].mean()
        self.curve.append((seconds, float(value)))
        self.aside += time.perf_counter() - before


def ours(split: Any, encoder: Any, name: str, params: dict[str, Any], limit: float) -> Curve:
    """Fit one of our models; its own validation gives the curve (its seconds included)."""
    text = {"encoder": encoder} if name == "AlphaRec" else {}
    model = getattr(gl, name)(**COMMON, **params, **text)
    model.fit(split.train, valid=split.valid, callbacks=[StopAfter(limit)])
    return [(record["seconds"], record["valid_ndcg@20"]) for record in model.history_]


def implicit_curves(split: Any, limit: float) -> dict[str, Curve]:
    """implicit's ALS over a small grid, and its BPR."""
    try:
        from implicit.cpu.als import AlternatingLeastSquares
        from implicit.cpu.bpr import BayesianPersonalizedRanking
    except ImportError:
        return {}
    from scipy import sparse

    train = split.train
    ones = np.ones(train.n_interactions, dtype=np.float32)
    pattern = train.indices.copy(), train.indptr.astype(np.int32)
    matrix = sparse.csr_matrix((ones, *pattern), (train.n_users, train.n_items))

    def run(model: Any, every: int) -> Curve:
        clock = Clock(split)

        def callback(iteration: int, *_: Any) -> None:
            if iteration % every == every - 1:
                clock.note(model.user_factors, model.item_factors)
            if clock.seconds > limit:
                raise TimeoutError

        with suppress(TimeoutError):
            model.fit(matrix, show_progress=False, callback=callback)
        return clock.curve

    settings = {"factors": 64, "iterations": 30, "random_state": 0}
    als = [
        run(AlternatingLeastSquares(alpha=alpha, regularization=penalty, **settings), 1)
        for alpha, penalty in ALS_GRID
    ]
    bpr = BayesianPersonalizedRanking(factors=64, iterations=1000, learning_rate=0.05, random_state=0)
    best = max(als, key=lambda curve: max(value for _, value in curve))
    return {"implicit ALS": best, "implicit BPR": run(bpr, 10)}


def pyg_curve(split: Any, limit: float) -> Curve:
    """PyG's LightGCN with its own BPR loss."""
    graph = BipartiteGraph.from_dataset(split.train)
    module, loss, edges = pyg_module(graph)
    sampler = BatchSampler(graph, "interaction", 1, False, 0)
    optimizer = torch.optim.Adam(module.parameters(), lr=5e-3)
    clock, step = Clock(split), 0
    while clock.seconds < limit:
        for _ in range(20):
            optimizer.zero_grad()
            loss(sampler.draw(step, 4096)).backward()
            optimizer.step()
            step += 1
        with torch.no_grad():
            rows = module.get_embedding(edges).numpy()
        clock.note(rows[: graph.n_users], rows[graph.n_users :])
    return clock.curve


def reached(curve: Curve, target: float) -> float | None:
    """Seconds until a curve first was at the target."""
    return next((seconds for seconds, value in curve if value >= target), None)


def table(curves: dict[str, Curve], first: str) -> list[str]:
    """Seconds to each target, and the best value."""
    heads = [f"s to {target}" for target in TARGETS]
    lines = [f"| {first} | {' | '.join(heads)} | best | after s |", "|---" * (len(heads) + 3) + "|"]
    for name, curve in curves.items():
        seconds = [reached(curve, target) for target in TARGETS]
        shown = ["never" if value is None else f"{value:.1f}" for value in seconds]
        when, best = max(curve, key=lambda point: point[1])
        lines.append(f"| {name} | {' | '.join(shown)} | {best:.4f} | {when:.0f} |")
    return lines


def markdown(results: dict[str, Any]) -> str:
    """Results as tables."""
    limit = results["limit seconds"]
    lines = ["# Convergence", "", "Generated by `python benchmarks/convergence.py --data FOLDER`.", ""]
    lines += [f"Games, MiniLM titles, NDCG@20 on validation against seconds of training, at most {limit:.0f}"]
    lines += ["(longer trainings go further: see `quality.md`). One seed, 2 layers, dim 64; ALS is the best"]
    lines += [f"of {len(ALS_GRID)} settings. Our seconds include a validation an epoch, peers' don't.", ""]
    lines += [*table(results["models"], "model"), ""]
    lines += ["AlphaRec (MLP) by batch size, the learning rate growing with its square root:", ""]
    lines += [*table(results["batches"], "batch"), "", "![curves](convergence.png)"]
    for title in ("statistics", "environment"):
        lines += ["", f"{title.capitalize()}: " + ", ".join(f"{k} {v}" for k, v in results[title].items())]
    return "\n".join(lines) + "\n"


def plot(results: dict[str, Any], path: Path) -> None:
    """Accuracy against seconds, models left and batch sizes right."""
    from matplotlib.figure import Figure

    from graphrec_lm.evaluation.plots import COLORS

    figure = Figure(figsize=(11, 4), layout="constrained")
    for place, (key, title) in enumerate({"models": "models", "batches": "AlphaRec by batch size"}.items()):
        axes = figure.add_subplot(1, 2, place + 1)
        for color, (name, curve) in zip(COLORS, results[key].items(), strict=False):
            axes.plot(*zip(*curve, strict=True), color=color, label=name)
        axes.set(xscale="log", xlabel="training time [s]", ylabel="validation NDCG@20", title=title)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=160)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with amazon-games/")
    parser.add_argument("--limit", type=float, default=200, help="seconds of each training")
    options = parser.parse_args()
    split, encoder = read_domain(options.data / "amazon-games")
    for name, params in OURS.values():
        ours(split, encoder, name, params, 0)  # compile
    models = {label: ours(split, encoder, *case, options.limit) for label, case in OURS.items()}
    models |= implicit_curves(split, options.limit) | {"PyG LightGCN": pyg_curve(split, options.limit)}
    batches = {}
    for size in BATCHES:
        params = MLP | {"batch_size": size, "learning_rate": 4e-3 * (size / 8192) ** 0.5}
        batches[str(size)] = ours(split, encoder, "AlphaRec", params, options.limit)
    results = {
        "limit seconds": options.limit,
        "models": models,
        "batches": batches,
        "statistics": statistics(split),
        "environment": environment(),
    }
    write_text(RESULTS / "convergence.json", json.dumps(results))
    write_text(RESULTS / "convergence.md", markdown(results))
    plot(results, RESULTS / "convergence.png")
    print(markdown(results))


if __name__ == "__main__":
    main()
