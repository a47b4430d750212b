"""Rows a second of training DeepFM: 10 fields, dim 16, deep part 64 × 64, batch 4096.

    python benchmarks/ctr_speed.py [--rows 1000000] [--values 1000 10000] [--recbole]

`--values` of each field, one table row each: a thousand make a table of MovieLens-1M's size, ten thousand one
of which a dense Adam step costs as much as all the rest. Writes `results/ctr_speed.md`. `--recbole` runs
RecBole's DeepFM of the same widths, on the same rows, in the same process, if it is installed: its forward
and backward pass and Adam alone, without its reading and batching. (RecBole 1.2.1 was written for an older
numpy: it runs once `np.float_` and its like are put back, e.g. by `sitecustomize.py`; docs/decisions.md, 64.)
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch
from common import RESULTS, machine, write_text

from graphrec_lm.ctr import DeepFM, Fields
from graphrec_lm.ctr.features import Layout, Rows
from graphrec_lm.ctr.layers import Front
from graphrec_lm.ctr.training import ClickNetwork, RowOptions, train_rows
from graphrec_lm.evaluation import render_table

FIELDS, DIM, BATCH = 10, 16, 4096


def random_rows(n: int, values: int) -> tuple[Rows, np.ndarray, Layout]:
    """Rows of ten fields with `values` values each, in proportion to 1 / rank."""
    rng = np.random.default_rng(0)
    chances = 1 / np.arange(1, values + 1)
    codes = rng.choice(values, (n, FIELDS), p=chances / chances.sum()) + values * np.arange(FIELDS) + 1
    layout = Layout(1 + FIELDS * values, FIELDS, [], ["user"] * FIELDS, 0, [], [])
    labels = (rng.random(n) < 0.4).astype(np.float32)
    return Rows(codes.astype(np.int32), np.zeros((n, 0), np.float32), []), labels, layout


def ours(rows: Rows, labels: np.ndarray, layout: Layout, dropout: float) -> float:
    """Rows a second, the mean of three epochs after a first one."""
    generator = torch.Generator().manual_seed(0)
    front = Front(layout, DIM, generator)
    head = DeepFM(Fields(), dropout=dropout)._head(front.sizes, generator)
    network = ClickNetwork(front, head, generator)
    options = RowOptions(4, BATCH, 1e-3, 0.01 if dropout else 0.0, 1, 1, 0)
    ends = [record["seconds"] for record in train_rows(network, rows, labels, options, verbose=False)]
    return len(rows) / float(np.mean(np.diff(ends)))


def recbole(rows: Rows, labels: np.ndarray, values: int) -> float | None:
    """The same of RecBole's DeepFM, or None without RecBole."""
    try:
        from recbole.config import Config
        from recbole.model.context_aware_recommender.deepfm import DeepFM as Theirs
    except ImportError:
        return None
    from recbole.data.interaction import Interaction
    from recbole.utils import FeatureSource, FeatureType

    names = [f"f{place}" for place in range(FIELDS)]
    settings = {"embedding_size": DIM, "mlp_hidden_size": [64, 64], "dropout_prob": 0.0, "device": "cpu"}

    class Data:
        def __init__(self) -> None:
            self.field2type = dict.fromkeys(names, FeatureType.TOKEN)
            self.field2source = dict.fromkeys(names, FeatureSource.INTERACTION)

        def fields(self, source: Any = None) -> list[str]:
            return names

        def num(self, name: str) -> int:
            return values + 1

        def __getattr__(self, name: str) -> Any:
            return [] if name.endswith("fields") else None

    config = Config(model="DeepFM", dataset="ml-100k", config_dict=settings)
    model = Theirs(config, Data())
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    codes, y = torch.from_numpy(rows.codes).long(), torch.from_numpy(labels)
    order, warm, steps, started = torch.randperm(len(rows)), 5, 40, time.perf_counter()
    for step, at in enumerate(order.split(BATCH)[: warm + steps]):
        if step == warm:
            started = time.perf_counter()
        local = codes[at] - 1 - values * torch.arange(FIELDS)
        batch = Interaction({n: local[:, p] + 1 for p, n in enumerate(names)} | {"label": y[at]})
        optimizer.zero_grad()
        model.calculate_loss(batch).backward()
        optimizer.step()
    return steps * BATCH / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--values", type=int, nargs="+", default=[1000, 10_000], help="of each field")
    parser.add_argument("--recbole", action="store_true")
    options = parser.parse_args()
    table = []
    for values in options.values:
        rows, labels, layout = random_rows(options.rows, values)
        row = {"values of a field": values, "rows/s": round(ours(rows, labels, layout, 0.0))}
        row["with dropout .4 and l2"] = round(ours(rows, labels, layout, 0.4))
        peer = recbole(rows, labels, values) if options.recbole else None
        row |= {} if peer is None else {"RecBole": round(peer), "ratio": row["rows/s"] / peer}
        table.append(row)
        print(row, flush=True)
    text = [
        "# Rows a second of training DeepFM",
        f"Generated by `python benchmarks/ctr_speed.py{' --recbole' * options.recbole}`: "
        f"{options.rows:,} rows, {FIELDS} fields, dim {DIM}, 64 × 64, batch {BATCH}. "
        "RecBole without its reading and batching.",
        render_table(table, style="markdown", formats={"ratio": ".1f"}),
        machine(),
    ]
    write_text(RESULTS / "ctr_speed.md", "\n\n".join(text) + "\n")


if __name__ == "__main__":
    main()
