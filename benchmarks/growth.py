"""How time and memory grow with the data: 1 M, 10 M and 100 M interactions.

    python benchmarks/growth.py --folder SCRATCH

makes power-law graphs with clustered 384-d float16 title vectors (`powerlaw.py`), writes the interactions
in random order as Parquet into SCRATCH (1.6 GB at the largest), and for each size, in a process of its own:
reads the file into a Dataset; does full-graph steps of AlphaRec (MLP); fits AlphaRec (linear) for an epoch;
recommends to 10,000 people from all items. Batches are `batch_size="auto"`. Finished sizes are kept in
`results/growth.rows.jsonl`. Writes `results/growth.json`, `growth.md` and `growth.png`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from common import RESULTS, environment, peak_memory_mib, reset_peak_memory, write_text
from powerlaw import power_law, title_vectors

import graphrec_lm as gl
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.text import PrecomputedEncoder

SIZES = {1_000_000: (50_000, 5_000), 10_000_000: (500_000, 50_000), 100_000_000: (5_000_000, 500_000)}
ROW_GROUP = 1 << 20
COMMON: dict[str, Any] = {"epochs": 1, "batch_size": "auto", "share_negatives": True, "negatives": 1024}
PEOPLE, K = 10_000, 20
LIMITS = {"read seconds": 60, "read peak / result": 3, "peak GiB": 20}
FACTOR = 1.5  # by which a cost may grow from the first size whose item table is larger than the cache
CACHE_MIB = 4


def write_parquet(path: Path, interactions: int, seed: int) -> None:
    """The interactions of a power-law graph in random order: `user_id`, `item_id`, int64."""
    graph = power_law(interactions, *SIZES[interactions], seed=seed)
    users = np.repeat(np.arange(graph.n_users), np.diff(graph.indptr))
    order = np.random.default_rng(seed).permutation(len(users))
    schema = pa.schema([("user_id", pa.int64()), ("item_id", pa.int64())])
    temporary = path.with_suffix(".tmp")
    with pq.ParquetWriter(temporary, schema) as writer:
        for start in range(0, len(order), ROW_GROUP):
            part = order[start : start + ROW_GROUP]
            writer.write_table(pa.table([users[part], graph.indices[part].astype(np.int64)], schema=schema))
    temporary.replace(path)


@contextmanager
def measured(row: dict[str, Any], name: str) -> Iterator[None]:
    """Record the seconds of a block and the largest memory meanwhile."""
    reset_peak_memory()
    started = time.perf_counter()
    yield
    row[f"{name} seconds"] = time.perf_counter() - started
    row[f"{name} peak GiB"] = peak_memory_mib() / 1024
    print(f"{name}: {row[f'{name} seconds']:.1f} s, {row[f'{name} peak GiB']:.1f} GiB", file=sys.stderr)


def dataset_bytes(dataset: gl.Dataset) -> int:
    """What a Dataset holds."""
    rows = dataset.interactions
    arrays = dataset.indptr, dataset.indices, rows.user_codes, rows.item_codes, rows.positive
    tables = rows.columns, dataset.item_table
    ids = dataset.users.ids, dataset.items.ids
    return sum(part.nbytes for part in (*arrays, *tables, *ids))


def best_seconds(step: Callable[[], None], repeat: int = 2) -> float:
    """The fastest of some runs."""
    found = []
    for _ in range(repeat):
        started = time.perf_counter()
        step()
        found.append(time.perf_counter() - started)
    return min(found)


def full_graph_step(dataset: gl.Dataset, encoder: Any, row: dict[str, Any]) -> None:
    """Seconds of one step of AlphaRec (MLP) with the graph in it, sampling included."""
    model = gl.AlphaRec("mlp", hidden=192, encoder=encoder, verbose=False, **COMMON)
    graph = BipartiteGraph.from_dataset(dataset)
    learner, _ = model._learner(dataset, graph)
    sampler, size = model._sampler(graph), model._options().pairs(graph.n_edges)
    optimizer = torch.optim.Adam(learner.parameters(), lr=1e-3, fused=True)

    def step() -> None:
        loss = learner.loss(sampler.draw(0, size))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    row["batch"] = size
    row["step seconds"] = best_seconds(step)


def run_size(path: Path, interactions: int) -> dict[str, Any]:
    """All measurements of one size."""
    row: dict[str, Any] = {"size": interactions}
    warm_up()
    before = peak_memory_mib() / 1024
    with measured(row, "read"):
        plain = gl.data.read_parquet(path)
    row["dataset GiB"] = dataset_bytes(plain) / 2**30
    row["read peak / result"] = (row["read peak GiB"] - before) / row["dataset GiB"]
    n_items = plain.n_items
    titles = [f"title {code}" for code in range(n_items)]
    table = pa.table({"item_id": plain.items.ids, "title": titles})
    edges = plain.edges
    dataset = gl.Dataset.from_codes(plain.users, plain.items, edges.users, edges.indices, item_table=table)
    del plain, edges
    encoder = PrecomputedEncoder(texts=titles, embeddings=title_vectors(n_items))
    row |= {"users": dataset.n_users, "items": n_items, "interactions": dataset.n_interactions}
    with measured(row, "full graph"):
        full_graph_step(dataset, encoder, row)
    model = gl.AlphaRec("linear", encoder=encoder, verbose=False, **COMMON)
    with measured(row, "linear fit"):
        model.fit(dataset)
    row["linear epoch seconds"] = model.history_[0]["seconds"]
    people = np.random.default_rng(0).choice(dataset.users.ids, PEOPLE, replace=False)
    with measured(row, "recommend"):
        model.recommend(people, k=K)
    return row | {"environment": environment()}


def warm_up() -> None:
    """Compile what is measured."""
    small = power_law(2_000, 200, 128)
    users = np.repeat(np.arange(small.n_users), np.diff(small.indptr))
    ids = gl.data.IdMap(np.arange(200)), gl.data.IdMap(np.arange(128))
    titles = [f"title {code}" for code in range(128)]
    table = pa.table({"item_id": np.arange(128), "title": titles})
    dataset = gl.Dataset.from_codes(*ids, users, small.indices, item_table=table)
    encoder = PrecomputedEncoder(texts=titles, embeddings=title_vectors(128))
    for projection in ("mlp", "linear"):
        gl.AlphaRec(projection, encoder=encoder, verbose=False, **COMMON).fit(dataset).recommend(k=K)


def costs(row: dict[str, Any]) -> dict[str, float]:
    """What should not grow: costs per interaction and per score, in ns, and bytes per interaction."""
    edges = row["interactions"]
    peak = max(value for key, value in row.items() if key.endswith("peak GiB"))
    return {
        "full-graph step, ns an interaction": row["step seconds"] / edges * 1e9,
        "linear epoch, ns an interaction": row["linear epoch seconds"] / edges * 1e9,
        "recommend, ns a score": row["recommend seconds"] / (PEOPLE * row["items"]) * 1e9,
        "peak bytes an interaction": peak * 2**30 / edges,
    }


def markdown(rows: list[dict[str, Any]]) -> str:
    """Rows as tables."""
    lines = ["# Growth", "", "Generated by `python benchmarks/growth.py --folder SCRATCH`.", ""]
    lines += ["Power-law graphs, titles of 384 dimensions in float16, AlphaRec of 2 layers, dim 64, 1024"]
    lines += [
        "shared negatives, MLP of 192. Limits: reading takes at most 60 s and 3 times the Dataset; 20 GiB"
    ]
    lines += ["in all; a cost may grow to 1.5 times over the two decades once the item table has left the"]
    lines += ["cache. The largest size takes half an hour: later changes only repeated its reading.", ""]
    names = [f"{row['size'] // 10**6} M" for row in rows]
    lines += [f"| | {' | '.join(names)} |", "|---" * (len(rows) + 1) + "|"]
    for key in ("users", "items", "interactions", "batch"):
        lines.append(f"| {key} | {' | '.join(f'{row[key]:,}' for row in rows)} |")
    tables = [f"{row['items'] * 256 / 2**20:.1f}" for row in rows]
    lines.append(f"| item table at dim 64, MiB | {' | '.join(tables)} |")
    for key in (
        "read seconds",
        "dataset GiB",
        "read peak / result",
        "step seconds",
        "linear fit seconds",
        "linear epoch seconds",
        "recommend seconds",
        "full graph peak GiB",
        "linear fit peak GiB",
        "recommend peak GiB",
    ):
        limit = f" (limit {LIMITS[key]})" if key in LIMITS else ""
        lines.append(f"| {key}{limit} | {' | '.join(f'{row[key]:.2f}' for row in rows)} |")
    table = [costs(row) for row in rows]
    for key in table[0]:
        lines.append(f"| **{key}** | {' | '.join(f'{entry[key]:.2f}' for entry in table)} |")
    lines += ["", "Limits:", "", *verdicts(rows)]
    lines += ["", "Environment: " + ", ".join(f"{k} {v}" for k, v in rows[-1]["environment"].items())]
    return "\n".join(lines) + "\n"


def verdicts(rows: list[dict[str, Any]]) -> list[str]:
    """Each limit, met or not, with the sizes at which it is not."""
    lines = []
    for name, limit in LIMITS.items():
        worst = {row["size"]: max(row[key] for key in row if key.endswith(name)) for row in rows}
        over = [f"{value:.2f} at {size // 10**6} M" for size, value in worst.items() if value > limit]
        lines.append(f"- {name}, at most {limit}: {'not met: ' + ', '.join(over) if over else 'met'}.")
    large = [row for row in rows if row["items"] * 256 / 2**20 > CACHE_MIB]
    sizes = f"{large[0]['size'] // 10**6} M to {large[-1]['size'] // 10**6} M"
    before, after = costs(large[0]), costs(large[-1])
    for name in before:
        grown = after[name] / before[name]
        lines.append(
            f"- {name}, × {grown:.2f} from {sizes}, at most × {FACTOR}: {'not ' * (grown > FACTOR)}met."
        )
    return lines


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """The four costs against the size."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 3.4), layout="constrained")
    sizes, table = [row["interactions"] for row in rows], [costs(row) for row in rows]
    for place, key in enumerate(table[0]):
        axes = figure.add_subplot(1, 4, place + 1)
        values = [entry[key] for entry in table]
        axes.plot(sizes, values, "o-", color="#0072B2")
        for size, value in zip(sizes, values, strict=True):
            shown = f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
            axes.annotate(shown, (size, value), (0, 7), textcoords="offset points", ha="center")
        axes.set(xscale="log", ylim=(0, 1.25 * max(values)), title=key, xlabel="interactions")
        axes.title.set_fontsize(10)
        axes.margins(x=0.15)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=160)


def main() -> None:
    """Measure what is missing and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True, help="where the Parquet files are put")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--only", type=int, help="one size, printed as JSON")
    options = parser.parse_args()
    if options.only:
        print(json.dumps(run_size(options.folder / f"{options.only}.parquet", options.only)))
        return
    store = RESULTS / "growth.rows.jsonl"
    rows = [json.loads(line) for line in store.read_text().splitlines()] if store.exists() else []
    for size in options.sizes:
        if size in [row["size"] for row in rows]:
            continue
        path = options.folder / f"{size}.parquet"
        if not path.exists():
            write_parquet(path, size, seed=0)
        command = [sys.executable, __file__, "--folder", str(options.folder), "--only", str(size)]
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        rows.append(json.loads(out.splitlines()[-1]))
        write_text(store, "".join(json.dumps(row) + "\n" for row in rows))
    rows.sort(key=lambda row: row["size"])
    write_text(RESULTS / "growth.json", json.dumps([row | costs(row) for row in rows], indent=1))
    write_text(RESULTS / "growth.md", markdown(rows))
    plot(rows, RESULTS / "growth.png")
    print(markdown(rows))


if __name__ == "__main__":
    main()
