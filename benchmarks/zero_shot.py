"""Models carried to a domain that they have not seen, beside what is fitted or trained there.

    python benchmarks/zero_shot.py --data FOLDER

Three kinds, never to be compared as if they were one: (a) nothing is fitted on the target: weights come
from the source; titles and training interactions of the target are its graph and histories; (b) a closed
form is fitted on the target; (c) a model is trained there. Whatever is chosen in (a), is chosen on the
source's validation; the target's test part is looked at once. MovieLens 100K shares titles with `movies`:
the two are never source and target of each other.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from common import RESULTS, append_log, environment, pairs, read_domain, statistics, write_text

import graphrec_lm as gl
from graphrec_lm.evaluation import render_table

FOLDERS = {"movies": "ml-latest-small", "Games": "amazon-games", "ml-100k": "ml-100k"}
DIRECTIONS = [
    ("movies", "Games"),
    ("Games", "movies"),
    ("Games", "ml-100k"),
    ("Games A", "Games B"),
    ("Games B", "Games A"),
]
SHARED: dict[str, Any] = {"learning_rate": 5e-3, "negatives": 512, "share_negatives": True}
SHARED |= {"sampling": "interaction", "valid_every": 2, "patience": 5, "verbose": False}
NOTES = {
    "a": "nothing fitted on the target",
    "b": "closed form fitted on the target",
    "c": "trained on the target",
}


def domains(folder: Path, lm: str) -> dict[str, Any]:
    """(split, encoder) by name; Games also in halves that share neither users nor first words of titles."""
    found = {name: read_domain(folder / place, lm) for name, place in FOLDERS.items()}
    split, encoder = found["Games"]
    words = [title.lower().split()[0] for title in split.train.titles]
    order = {word: place for place, word in enumerate(sorted(set(words)))}
    draw = np.random.default_rng(0).integers(0, 2, len(order))
    side = np.array([draw[order[word]] for word in words])
    people = np.random.default_rng(1).integers(0, 2, split.train.n_users)
    for name, half in (("Games A", 0), ("Games B", 1)):
        parts = [_half(part, people == half, side == half) for part in split[:3]]
        found[name] = (split._replace(train=parts[0], valid=parts[1], test=parts[2]), encoder)
    return found


def _half(part: gl.Dataset, users: Any, items: Any) -> gl.Dataset:
    """Interactions of these users with these items; the item table has these items alone."""
    rows = np.flatnonzero(users[part.edges.users] & items[part.indices])
    table = part.item_table.filter(items)
    people = {"user_id": part.users.ids[users]}
    return gl.Dataset.from_frame(pairs(part, rows), table, pd.DataFrame(people))


def carried(source: Any) -> Iterator[tuple[str, Any]]:
    """Models of kind (a), fitted on the source."""
    split, encoder = source
    yield "TitleCosine", gl.TitleCosine(encoder=encoder).fit(split.train)
    yield "TextGCN", _best_text_gcn(split, encoder)
    yield "WhiteGCN", gl.WhiteGCN(encoder=encoder).fit(split.train, valid=split.valid)
    size = 1024 if split.train.n_interactions < 100_000 else 8192
    for projection in ("linear", "mlp"):
        model = gl.AlphaRec(
            encoder=encoder, projection=projection, hidden=192, batch_size=size, epochs=20, **SHARED
        )
        yield f"AlphaRec, {projection}", model.fit(split.train, valid=split.valid)


def _best_text_gcn(split: Any, encoder: Any) -> Any:
    """TextGCN with the hops, and their combination, that are best on the source's validation."""
    kinds = [(layers, combine) for combine in ("mean", "last") for layers in range(1, 6)]
    made = [gl.TextGCN(*kind, encoder=encoder) for kind in kinds]
    models = [model.fit(split.train, valid=split.valid) for model in made]
    return max(models, key=lambda model: model.evaluate(split.valid, metrics=("ndcg",))["ndcg@20"])


def fitted(target: Any) -> Iterator[tuple[str, str, Any]]:
    """Models of kinds (b) and (c)."""
    split, encoder = target
    train, valid = split.train, split.valid
    yield (
        "b",
        "TextRidge",
        gl.TextRidge(encoder=encoder, verbose=False).fit(train, valid=valid),
    )
    size = 1024 if train.n_interactions < 100_000 else 4096
    model = gl.LightGCN(loss="infonce", batch_size=size, epochs=80, **SHARED | {"learning_rate": 3e-3})
    yield "c", "LightGCN (InfoNCE)", model.fit(train, valid=valid)


def measure(model: Any, split: Any) -> dict[str, float]:
    """Recall, NDCG and hit rate at 20 on test."""
    return dict(model.evaluate(split.test, k=20))


def run(folder: Path, lm: str, only: str) -> list[dict[str, Any]]:
    """All directions; what is fitted on a target is fitted once."""
    known, rows, here = domains(folder, lm), [], {}
    for source, target in DIRECTIONS:
        if only and only != f"{source}>{target}":
            continue
        split = known[target][0]
        for name, model in carried(known[source]):
            started = time.perf_counter()
            moved = model.adapt(split.train, valid=split.valid, encoder=known[target][1])
            seconds = time.perf_counter() - started
            rows.append({"source": source, "target": target, "kind": "a", "model": name, "seconds": seconds})
            rows[-1] |= measure(moved, split)
            print(rows[-1], flush=True)
        if target not in here:
            here[target] = []
            for kind, name, model in fitted(known[target]):
                here[target].append({"kind": kind, "model": name} | measure(model, split))
                print(target, here[target][-1], flush=True)
        rows += [{"source": source, "target": target} | row for row in here[target]]
    for row in rows:
        append_log(RESULTS / "test_log.jsonl", {"benchmark": "zero_shot", "lm": lm, **row})
    facts = {name: statistics(part[0]) for name, part in known.items()}
    return [{"rows": rows, "lm": lm, "statistics": facts, "environment": environment()}]


def report(result: dict[str, Any]) -> str:
    """The Markdown page."""
    text = ["# Zero-shot: a domain that the model has not seen", ""]
    command = "python benchmarks/zero_shot.py --data FOLDER"
    text += [f"Generated by `{command}`. Titles by {result['lm']}. {__doc__.split('FOLDER')[1].strip()}", ""]
    for source, target in dict.fromkeys((row["source"], row["target"]) for row in result["rows"]):
        mine = [row for row in result["rows"] if (row["source"], row["target"]) == (source, target)]
        bar = next(row["ndcg@20"] for row in mine if row["model"] == "TextGCN")
        table = [
            {
                "kind": row["kind"],
                "model": row["model"],
                "Recall@20": row["recall@20"],
                "NDCG@20": row["ndcg@20"],
                "of TextGCN": round(row["ndcg@20"] / bar, 3),
            }
            for row in mine
        ]
        text += [f"## {source} → {target}", "", render_table(table, style="markdown"), ""]
    text += [f"- ({kind}) {what}" for kind, what in NOTES.items()]
    text += ["", "Data:", ""]
    text += [f"- {name}: {json.dumps(facts)}" for name, facts in result["statistics"].items()]
    text += ["", f"Seed 0. Machine: {json.dumps(result['environment'])}", ""]
    return "\n".join(text)


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description="Zero-shot transfer between domains.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--lm", default="minilm")
    parser.add_argument("--only", default="", help="SOURCE>TARGET")
    options = parser.parse_args()
    (result,) = run(options.data, options.lm, options.only)
    if not options.only:
        write_text(RESULTS / "zero_shot.json", json.dumps(result, indent=1))
        write_text(RESULTS / "zero_shot.md", report(result))


if __name__ == "__main__":
    main()
