"""Do language-model features help click models? Models × features × splits, paired, with bootstrap intervals.

    python benchmarks/ctr.py --data FOLDER [--models DeepFM FM] [--features raw minilm] [--seeds 0 1 2 3 4]
                             [--split random time] [--ablation] [--mpnet FOLDER] [--minutes 30] [--table]

FOLDER holds `interactions.csv.gz`, `items.csv.gz` (and `users.csv.gz`). With a column `rating`, a rating of 4
and more is positive; without one, every row is, and gets one uniform negative. Rows are split 8:1:1, by a
random permutation of the seed or by time. A cell that `ctr.rows.jsonl` holds already is not run again, so
several may run at a time, each with `--models` of its own; `ctr.NAME.md`, with FOLDER's name, is the report
(`--table` only writes it); predictions of the test rows, which the paired intervals need, lie in
`--scratch`. All is selected on validation; each look at test is a line of the file.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from common import LMS, RESULTS, append_log, peak_memory_mib, write_text
from ctr_report import FEATURES, key, report

import graphrec_lm as gl
from graphrec_lm.ctr import MODELS, Field, Fields, GraphFeatures, TextFeatures, lm_cost
from graphrec_lm.errors import InputError
from graphrec_lm.metrics import row_log_loss
from graphrec_lm.text import PrecomputedEncoder

ENCODERS = LMS | {"tfidf": "tfidf:64"}
STEM = "ctr"
_graphs: dict[tuple[str, int], GraphFeatures] = {}

FILM = "{title} is a {genres|split: |join} film[ from {release_year}]."
GENRES = "A film of the genres {genres|split: |join}."
PERSON = "A {age}-year-old {gender} who works as {occupation} and lives in zip region {zip_region}."


def read_rows(folder: Path) -> tuple[pd.DataFrame, Fields, dict[str, Any]]:
    """The joined rows, their fields, and the options of the label."""
    rows = pd.read_csv(folder / "interactions.csv.gz").drop(columns="split", errors="ignore")
    items = pd.read_csv(folder / "items.csv.gz")
    if "rating" not in rows:
        return with_negatives(rows, items), Fields(item=["title"]), {"label": "label"}
    users = pd.read_csv(folder / "users.csv.gz", dtype={"zip_code": str})
    users["zip_region"] = users["zip_code"].str[0]
    users["gender"] = users["gender"].map({"M": "man", "F": "woman"})
    rows = rows.merge(users, on="user_id").merge(items.rename(columns={"class": "genres"}), on="item_id")
    fields = Fields(
        user=["age", "gender", "occupation", "zip_region"],
        item=["title", Field("release_year", "category"), Field("genres", "list", " ")],
        context=["timestamp"],
    )
    return rows, fields, {"label": "rating", "label_threshold": 4}


def with_negatives(rows: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    """One uniform item a positive, outside the user's own."""
    rng, own = np.random.default_rng(0), set(zip(rows["user_id"], rows["item_id"], strict=True))
    users, catalogue = rows["user_id"].to_numpy(), items["item_id"].to_numpy()
    drawn = rng.choice(catalogue, len(rows))
    while wrong := [i for i, pair in enumerate(zip(users, drawn, strict=True)) if pair in own]:
        drawn[wrong] = rng.choice(catalogue, len(wrong))
    negative = rows.assign(item_id=drawn, label=0)
    joined = pd.concat([rows.assign(label=1), negative], ignore_index=True)
    return joined.merge(items[["item_id", "title"]], on="item_id")


def parts(rows: pd.DataFrame, split: str, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """8:1:1 by row: a permutation of the seed, or the order of time."""
    if split == "random":
        order = np.random.default_rng(seed).permutation(len(rows))
    elif "timestamp" in rows:
        order = np.argsort(rows["timestamp"].to_numpy(), kind="stable")
    else:
        sys.exit("a split by time needs a column `timestamp`: a position in each history is no time")
    first, second = int(0.8 * len(rows)), int(0.9 * len(rows))
    train, valid, test = (rows.iloc[o] for o in np.split(order, [first, second]))
    return train, valid, test


def sentences(folder: Path, rows: pd.DataFrame, which: str) -> TextFeatures:
    """The sentences of the main table; titles alone where an encoder is there as vectors of titles only."""
    stored = folder / f"titles.{which}.f16.npy"
    if ENCODERS[which] == LMS["mpnet"] and stored.exists():
        titles = pd.read_csv(folder / "items.csv.gz")["title"].tolist()
        encoder = PrecomputedEncoder(texts=titles, embeddings=np.load(stored).astype(np.float32))
        return TextFeatures(encoder, user=[], item="{title}", context=[])
    if "rating" not in rows:
        return TextFeatures(ENCODERS[which], user=[], item="{title}", context=[])
    return TextFeatures(ENCODERS[which], user=PERSON, item=[FILM, GENRES], context=[])


def graph_features(train: pd.DataFrame, options: dict[str, Any], split: str, seed: int) -> GraphFeatures:
    """AlphaRec on the training positives, fitted once a split."""
    if (split, seed) in _graphs:
        return _graphs[split, seed]
    positive = train[train[options["label"]] >= options.get("label_threshold", 1)]
    titles = train[["item_id", "title"]].drop_duplicates("item_id")
    dataset = gl.Dataset.from_frame(positive[["user_id", "item_id"]], titles)
    size = {"batch_size": 1024, "learning_rate": 2e-3}
    if dataset.n_interactions > 100_000:
        size = {"batch_size": 8192, "learning_rate": 4e-3}
    model = gl.AlphaRec(
        epochs=30, share_negatives=True, sampling="interaction", seed=seed, verbose=False, **size
    )
    _graphs[split, seed] = GraphFeatures(model.fit(dataset))
    return _graphs[split, seed]


def ablations(text: TextFeatures) -> dict[str, TextFeatures]:
    """Richness of the sentence, two controls, and pooling."""
    default = replace(text, item=None, user=None)
    source = "sentence-transformers/all-MiniLM-L6-v2"
    return {
        **{f"style={style}": replace(default, style=style) for style in ("bare", "labelled", "sentence")},
        "shuffle=words": replace(text, shuffle="words"),
        "shuffle=sentences": replace(text, shuffle="sentences"),
        "tastes=False": replace(text, tastes=False),
        "whiten": replace(text, whiten=True),
        "components=8": replace(text, components=8),
        "components=64": replace(text, components=64),
        "projection=16": replace(text, components=None, projection=16),
        **{f"pooling={p}": replace(text, encoder=f"transformer:{p}:{source}") for p in ("mean", "cls")},
        "together": replace(default, apart=False),  # a sentence for nearly each row: minutes
    }


def run(cell: dict[str, Any], folder: Path, data: Any, scratch: Path) -> dict[str, Any]:
    """Fit and test one cell."""
    rows, fields, options = data
    train, valid, test = parts(rows, cell["split"], cell["seed"])
    chosen, how = cell["features"], {}
    if "=" in chosen or chosen in ("together", "whiten"):
        how["text"] = ablations(sentences(folder, rows, "minilm"))[chosen]
    elif chosen not in ("raw", "graph", "plain"):
        which = chosen.replace("lm_only", "minilm").removeprefix("plain+").split("+")[0]
        how["text"] = sentences(folder, rows, which)
    if "graph" in chosen:
        how["graph"] = graph_features(train, options, cell["split"], cell["seed"])
    if chosen.startswith("plain"):  # without statistics of the label
        how["statistics"] = False
    if chosen == "lm_only":
        how |= {"raw": False, "statistics": False}
    started = time.perf_counter()
    model = MODELS[cell["model"]](fields, seed=cell["seed"], verbose=False, **options, **how)
    model.fit(train, valid=valid)
    seconds = time.perf_counter() - started
    figures = model.evaluate(test)
    kept = {"labels": figures.labels, "probabilities": figures.probabilities, "users": figures.users}
    losses = row_log_loss(figures.labels, figures.probabilities)
    np.savez(scratch / f"{key(cell)}.npz", losses=losses.astype(np.float32), **kept)
    record = {**cell, **figures, "valid": model.evaluate(valid)["log_loss"], "fit_seconds": seconds}
    record |= {"rows": len(test), "peak_mib": peak_memory_mib(), "positive": figures.rule}
    if cell["model"] == "DeepFM" and cell["seed"] == 0 and chosen in ("minilm", "tfidf"):
        record["cost"] = lm_cost(model, test)
    return record


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--features", nargs="+", default=list(FEATURES), choices=FEATURES)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--split", nargs="+", default=["random", "time"], choices=("random", "time"))
    parser.add_argument(
        "--ablation", action="store_true", help="templates and pooling, DeepFM, instead of the table"
    )
    parser.add_argument("--mpnet", help="a folder that holds all-mpnet-base-v2, where no hub is at hand")
    parser.add_argument("--minutes", type=float, default=1e9, help="start no cell after so many")
    parser.add_argument("--scratch", type=Path, default=Path.home() / ".cache" / "graphrec_lm_ctr")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="write the table and stop")
    options = parser.parse_args()
    options.scratch.mkdir(parents=True, exist_ok=True)
    ENCODERS["mpnet"] = options.mpnet or ENCODERS["mpnet"]
    path = options.results / f"{STEM}.rows.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    done, started, data = {key(record) for record in records}, time.perf_counter(), read_rows(options.data)
    features, models = options.features, options.models
    if options.ablation:
        features, models = list(ablations(TextFeatures())), ["DeepFM"]
    cells = [
        {"data": options.data.name, "split": split, "seed": seed, "model": model, "features": chosen}
        for split in options.split
        for seed in (options.seeds if split == "random" else options.seeds[:1])
        for chosen in features
        for model in models
    ]
    for cell in [] if options.table else cells:
        if key(cell) in done or time.perf_counter() - started > 60 * options.minutes:
            continue
        try:
            record = run(cell, options.data, data, options.scratch)
        except InputError as error:  # AFM of one field
            print(key(cell), error, flush=True)
            continue
        append_log(path, record)
        records.append(record)
        print(key(cell), f"LogLoss {record['log_loss']:.4f} AUC {record['auc']:.4f}", flush=True)
    mine = [record for record in records if record["data"] == options.data.name]
    write_text(
        options.results / f"{STEM}.{options.data.name}.md", report(mine, options.scratch, options.results)
    )


if __name__ == "__main__":
    main()
