"""Rows a second of training DeepFM: 10 fields, dim 16, deep part 64 × 64, batch 4096.

    python benchmarks/ctr_speed.py [--rows 1000000] [--values 1000 10000] [--recbole]

`--values` of each field, one table row each: a thousand make a table of MovieLens-1M's size, ten thousand one
of which a dense Adam step costs as much as all the rest. Writes `results/ctr_speed.md`. `--recbole` runs
RecBole's DeepFM of the same widths on the same rows in the same process, if it is installed, an epoch in turn
with ours: its trainer, reading not counted, as ours is timed; and its network alone on batches that are made
for it. (RecBole 1.2.1 was written for an older numpy, whose names are put back here; docs/decisions.md, 64.)
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import tempfile
import time
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from common import RESULTS, machine, write_text

from graphrec_lm.ctr import DeepFM, Fields
from graphrec_lm.ctr.features import Layout, Rows
from graphrec_lm.ctr.layers import Front
from graphrec_lm.ctr.training import ClickNetwork, RowOptions, train_rows
from graphrec_lm.evaluation import render_table

FIELDS, DIM, BATCH = 10, 16, 4096
DROPPED = "with dropout .4 and l2"


def random_rows(n: int, values: int) -> tuple[Rows, np.ndarray, Layout]:
    """Rows of ten fields with `values` values each, in proportion to 1 / rank."""
    rng = np.random.default_rng(0)
    chances = 1 / np.arange(1, values + 1)
    codes = rng.choice(values, (n, FIELDS), p=chances / chances.sum()) + values * np.arange(FIELDS) + 1
    layout = Layout(1 + FIELDS * values, FIELDS, [], ["user"] * FIELDS, 0, [], [])
    labels = (rng.random(n) < 0.4).astype(np.float32)
    return Rows(codes.astype(np.int32), np.zeros((n, 0), np.float32), []), labels, layout


def ours(rows: Rows, labels: np.ndarray, layout: Layout, dropout: float) -> Callable[[], float]:
    """What trains one more epoch and returns its seconds."""
    generator = torch.Generator().manual_seed(0)
    front = Front(layout, DIM, generator)
    head = DeepFM(Fields(), dropout=dropout)._head(front.sizes, generator)
    network = ClickNetwork(front, head, generator)
    options = RowOptions(1, BATCH, 1e-3, 0.01 if dropout else 0.0, 1, 1, 0)
    return lambda: train_rows(network, rows, labels, options, verbose=False)[-1]["seconds"]


def put_back_old_names() -> None:
    """Give numpy the names that RecBole knows it by."""
    for name, kind in {"float_": np.float64, "complex_": np.complex128, "unicode_": np.str_}.items():
        if not hasattr(np, name):
            setattr(np, name, kind)


def recbole(rows: Rows, labels: np.ndarray, values: int) -> tuple[Callable[[], float], Callable[[], float]]:
    """What trains one more epoch by RecBole's trainer, and by its network alone on batches made for it."""
    put_back_old_names()
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.data.interaction import Interaction
    from recbole.model.context_aware_recommender.deepfm import DeepFM as Theirs
    from recbole.trainer import Trainer

    names = [f"f{place}" for place in range(FIELDS)]
    local = rows.codes - values * np.arange(FIELDS)  # 1 to `values`
    settings = {
        "USER_ID_FIELD": names[0],
        "ITEM_ID_FIELD": names[1],
        "load_col": {"inter": [*names, "label"]},
        "eval_args": {
            "split": {"RS": [1.0, 0.0, 0.0]},
            "mode": "labeled",
            "order": "RO",
            "group_by": "none",
        },
        "metrics": ["AUC"],
        "valid_metric": "AUC",
        "train_neg_sample_args": None,
        "train_batch_size": BATCH,
        "embedding_size": DIM,
        "mlp_hidden_size": [64, 64],
        "dropout_prob": 0.0,
        "learning_rate": 1e-3,
        "device": "cpu",
        "show_progress": False,
        "state": "ERROR",
    }
    with tempfile.TemporaryDirectory() as folder, chdir(folder):  # it logs into the working folder
        (Path(folder) / "rows").mkdir()
        frame = pd.DataFrame({f"{name}:token": local[:, n] for n, name in enumerate(names)})
        frame["label:float"] = labels
        frame.to_csv(Path(folder) / "rows" / "rows.inter", sep="\t", index=False)
        places = {"data_path": folder, "checkpoint_dir": folder}
        config = Config(model="DeepFM", dataset="rows", config_dict=settings | places)
        data, _, _ = data_preparation(config, create_dataset(config))
        model = Theirs(config, data.dataset).train()
        trainer = Trainer(config, model)
    epochs = itertools.count()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    codes, y = torch.from_numpy(local).long(), torch.from_numpy(labels)

    def by_trainer() -> float:
        started = time.perf_counter()
        trainer._train_epoch(data, next(epochs))
        return time.perf_counter() - started

    def by_network() -> float:
        started = time.perf_counter()
        for at in torch.randperm(len(rows)).split(BATCH):
            batch = Interaction({name: codes[at, n] for n, name in enumerate(names)} | {"label": y[at]})
            optimizer.zero_grad()
            model.calculate_loss(batch).backward()
            optimizer.step()
        return time.perf_counter() - started

    return by_trainer, by_network


def medians(runs: dict[str, Callable[[], float]], n_rows: int, epochs: int) -> dict[str, float]:
    """Median rows a second of each, and of the first one's ratio to each: an epoch each in turn.

    The machine's speed changes within minutes, so what is compared runs next to each other; a first epoch
    of each is not counted.
    """
    for run in runs.values():
        run()
    seconds = {name: [] for name in runs}
    for _ in range(epochs):
        for name, run in runs.items():
            seconds[name].append(run())
    first, *others = seconds
    row: dict[str, float] = {name: round(n_rows / float(np.median(spent))) for name, spent in seconds.items()}
    for name in others:
        ratios = np.array(seconds[name]) / np.array(seconds[first])
        row[f"ratio to {name}"] = float(np.median(ratios))
    return row


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--values", type=int, nargs="+", default=[1000, 10_000], help="of each field")
    parser.add_argument("--epochs", type=int, default=9, help="of each, in turn, after a first one")
    parser.add_argument("--recbole", action="store_true")
    options = parser.parse_args()
    table, with_recbole = [], options.recbole and importlib.util.find_spec("recbole") is not None
    for values in options.values:
        rows, labels, layout = random_rows(options.rows, values)
        runs = {"rows/s": ours(rows, labels, layout, 0.0)}
        if with_recbole:
            runs["RecBole"], runs["its network alone"] = recbole(rows, labels, values)
        row = {"values of a field": values} | medians(runs, len(rows), options.epochs)
        dropped = medians({DROPPED: ours(rows, labels, layout, 0.4)}, len(rows), options.epochs)
        table.append(row | dropped)
        print(table[-1], flush=True)
    ratios = [name for name in table[0] if name.startswith("ratio")]
    text = [
        "# Rows a second of training DeepFM",
        f"Generated by `python benchmarks/ctr_speed.py{' --recbole' * options.recbole}`: "
        f"{options.rows:,} rows, {FIELDS} fields, dim {DIM}, 64 × 64, batch {BATCH}. "
        f"Medians of {options.epochs} epochs of each, in turn, after a first one; reading is not counted.",
        render_table(table, style="markdown", formats=dict.fromkeys(ratios, ".1f")),
        machine(),
    ]
    write_text(RESULTS / "ctr_speed.md", "\n\n".join(text) + "\n")


if __name__ == "__main__":
    main()
