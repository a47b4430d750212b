"""Rows a second of training DeepFM: 10 fields, dim 16, deep part 64 × 64, batch 4096.

    python benchmarks/ctr_speed.py [--rows 1000000] [--values 1000 10000] [--recbole]

`--values` of each field, one table row each: a thousand make a table of MovieLens-1M's size, ten thousand one
of which a dense Adam step costs as much as all the rest. Writes `results/ctr_speed.md`. `--recbole` runs
RecBole's DeepFM of the same widths on the same rows in the same process, if it is installed: its trainer,
reading not counted, as ours is timed; and its network alone on batches that are made for it. (RecBole 1.2.1
was written for an older numpy, whose names are put back here; docs/decisions.md, 64.)
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
import time
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


def put_back_old_names() -> None:
    """Give numpy the names that RecBole knows it by."""
    for name, kind in {"float_": np.float64, "complex_": np.complex128, "unicode_": np.str_}.items():
        if not hasattr(np, name):
            setattr(np, name, kind)


def recbole(rows: Rows, labels: np.ndarray, values: int) -> dict[str, float]:
    """Rows a second of RecBole's trainer, in an epoch after a first one, and of its network alone."""
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
        for epoch in range(2):
            started = time.perf_counter()
            trainer._train_epoch(data, epoch)
            seconds = time.perf_counter() - started
    found = {"RecBole": len(data.dataset) / seconds}
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    codes, y = torch.from_numpy(local).long(), torch.from_numpy(labels)
    warm, batches = 5, torch.randperm(len(rows)).split(BATCH)[:45]
    for step, at in enumerate(batches):
        if step == warm:
            started = time.perf_counter()
        batch = Interaction({name: codes[at, n] for n, name in enumerate(names)} | {"label": y[at]})
        optimizer.zero_grad()
        model.calculate_loss(batch).backward()
        optimizer.step()
    return found | {"its network alone": (len(batches) - warm) * BATCH / (time.perf_counter() - started)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--values", type=int, nargs="+", default=[1000, 10_000], help="of each field")
    parser.add_argument("--recbole", action="store_true")
    options = parser.parse_args()
    table, with_recbole = [], options.recbole and importlib.util.find_spec("recbole") is not None
    for values in options.values:
        rows, labels, layout = random_rows(options.rows, values)
        row = {"values of a field": values, "rows/s": round(ours(rows, labels, layout, 0.0))}
        row["with dropout .4 and l2"] = round(ours(rows, labels, layout, 0.4))
        for name, rate in (recbole(rows, labels, values) if with_recbole else {}).items():
            row |= {name: round(rate), f"ratio to {name}": row["rows/s"] / rate}
        table.append(row)
        print(row, flush=True)
    ratios = [name for name in table[0] if name.startswith("ratio")]
    text = [
        "# Rows a second of training DeepFM",
        f"Generated by `python benchmarks/ctr_speed.py{' --recbole' * options.recbole}`: "
        f"{options.rows:,} rows, {FIELDS} fields, dim {DIM}, 64 × 64, batch {BATCH}. "
        "Reading is not counted.",
        render_table(table, style="markdown", formats=dict.fromkeys(ratios, ".1f")),
        machine(),
    ]
    write_text(RESULTS / "ctr_speed.md", "\n\n".join(text) + "\n")


if __name__ == "__main__":
    main()
