"""What could stand beside the ridge in a blend: each idea alone and blended, on validation.

    python benchmarks/members.py --data FOLDER [--only movies] [--seeds 0 1 2] [--ideas "two LightGCN"]

A member is worth what the blend gains by it: the blend's weights are chosen on one half of the people who
validate and measured on the other, and the other way round. An idea is kept in `Blend` only if it helps on
every domain, and on both halves of the Games users: what has lost on one is not tried on the next. Test is
never looked at. Finished rows are kept in `results/members.json`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from common import LMS, RESULTS, environment, read_tables, read_vectors, write_text
from member_ideas import (
    HOW,
    AllItems,
    AlphaMissed,
    FromSpectrum,
    Given,
    Idea,
    ItemsAlone,
    ItemsAloneWithTitles,
    LightMissed,
    Missed,
    WithTitles,
    ridge_scores,
)

import graphrec_lm as gl
from graphrec_lm.kernels import take_rows, unit_rows
from graphrec_lm.models import Recommender
from graphrec_lm.models.embeddings import EmbeddingLearner
from graphrec_lm.models.fusion import Fusion
from graphrec_lm.models.held_out import validating
from graphrec_lm.models.people import People
from graphrec_lm.models.text import title_vectors
from graphrec_lm.text import PrecomputedEncoder

DOMAINS = {"movies": "ml-latest-small", "ml-100k": "ml-100k", "Games, half A": "amazon-games"}
DOMAINS["Games, half B"] = "amazon-games"
PEOPLE = 5000

Members = list[Recommender]
ALPHA = {"batch_size": 2048, "learning_rate": 2e-3}


class World(NamedTuple):
    """A domain, its encoders, its fitted ridge and what ideas may read."""

    train: gl.Dataset
    valid: gl.Dataset
    encoders: list[Any]
    ridge: gl.TextRidge
    given: Given


def read(data: Path, name: str) -> World:
    """A domain, or a half of its users, with the ridge fitted on it."""
    folder = data / DOMAINS[name]
    rows, items, ranked = read_tables(folder, lambda rows: rows[rows["user_id"].isin(_people(rows, name))])
    dataset = gl.Dataset.from_frame(rows, items[ranked])
    split = dataset.split("from_column")
    train, valid = split.train, split.valid
    encoders = [
        PrecomputedEncoder(texts=dataset.titles, embeddings=read_vectors(folder, lm, ranked), model=LMS[lm])
        for lm in LMS
        if (folder / f"titles.{lm}.f16.npy").exists()
    ]
    ridge = gl.TextRidge(near_strength=0.0, encoder=encoders, verbose=False).fit(train, valid=valid)
    titles = np.hstack([unit_rows(title_vectors(train, encoder)[0]) for encoder in encoders])
    return World(train, valid, encoders, ridge, Given(torch.from_numpy(titles), ridge_scores(ridge, train)))


def _people(rows: pd.DataFrame, name: str) -> Any:
    """Everyone, or those of a half."""
    users = np.sort(rows["user_id"].unique())
    if "half" not in name:
        return users
    return np.array_split(np.random.default_rng(0).permutation(users), 2)["AB".index(name[-1])]


def lightgcn(**changes: Any) -> Callable[[World, int], Members]:
    """LightGCN with other parameters than those of the usual blend."""
    return lambda world, seed: [gl.LightGCN(**HOW | {"seed": seed} | changes)]


def changed(learner: type[EmbeddingLearner], share: float = 1.0, **changes: Any) -> Callable[..., Members]:
    """LightGCN with a learner of `member_ideas`."""
    kind = LightMissed if learner is Missed else Idea

    def made(world: World, seed: int) -> Members:
        model = kind(**HOW | {"seed": seed} | changes)
        model.learner, model.given, model.share = learner, world.given, share
        return [model]

    return made


def alpha_missed(world: World, seed: int) -> Members:
    """AlphaRec on what the ridge misses."""
    model = AlphaMissed(**HOW | ALPHA | {"projection": "mlp", "seed": seed, "encoder": world.encoders})
    model.given = world.given
    return [model]


def several(count: int) -> Callable[[World, int], Members]:
    """Several LightGCN that differ by their seeds."""
    return lambda world, seed: [gl.LightGCN(**HOW | {"seed": 100 * n + seed}) for n in range(count)]


def other(kind: type[Any], **changes: Any) -> Callable[[World, int], Members]:
    """Another model of the library."""

    def made(world: World, seed: int) -> Members:
        how = {"encoder": world.encoders} if kind.uses_text else {}
        return [kind(**{"verbose": False, "seed": seed} | how | changes)]

    return made


NO_LAYERS = {key: value for key, value in HOW.items() if key != "layers"}
IDEAS: dict[str, Callable[[World, int], Members]] = {
    "LightGCN, as in `Blend()`": lightgcn(),
    "LightGCN, dim 128": lightgcn(dim=128),
    "LightGCN, τ .1": lightgcn(tau=0.1),
    "LightGCN, τ .2": lightgcn(tau=0.2),
    "LightGCN, three layers": lightgcn(layers=3),
    "two LightGCN": several(2),
    "LightGCN, all items as negatives": changed(AllItems, negatives=1),
    "LightGCN, begun with singular vectors": changed(FromSpectrum),
    "LightGCN, items with titles": changed(WithTitles),
    "LightGCN, users without embeddings": changed(ItemsAlone),
    "LightGCN, users without embeddings, items with titles": changed(ItemsAloneWithTitles),
    "LightGCN on what the ridge misses": changed(Missed),
    "LightGCN on half of what the ridge misses": changed(Missed, share=0.5),
    "AlphaRec on what the ridge misses": alpha_missed,
    "AlphaRec": other(gl.AlphaRec, **NO_LAYERS | ALPHA | {"projection": "mlp", "loss": "infonce"}),
    "MF, InfoNCE": other(gl.MF, **NO_LAYERS),
    "XSimGCL": other(gl.XSimGCL, **HOW),
    "MultVAE": other(gl.MultVAE, epochs=300, learning_rate=1e-3, valid_every=5, patience=4),
}


def measure(world: World, members: Members) -> dict[str, Any]:
    """The members fitted; NDCG@20 of the first alone, and of the blend by two halves of the people."""
    started = time.perf_counter()
    for model in members:
        model.fit(world.train, valid=world.valid)
    seconds = time.perf_counter() - started
    people = np.random.default_rng(0).permutation(validating(world.valid, PEOPLE, 0))
    halves = [fusion(world, [world.ridge, *members], np.sort(half)) for half in np.array_split(people, 2)]
    weights = [half.best()[0] for half in halves]
    alone = np.eye(1 + len(members), dtype=np.float32)
    row = {"seconds": seconds, "weights": np.round(np.float64(weights), 3).tolist()}
    row |= {"ridge": float(np.mean([half.ndcg(alone[0]) for half in halves]))}
    row |= {"alone": float(np.mean([half.ndcg(alone[1]) for half in halves]))}
    return row | {
        "blend": float(np.mean([half.ndcg(w) for half, w in zip(halves, weights[::-1], strict=True)]))
    }


def fusion(world: World, models: Members, people: Any) -> Fusion:
    """The models' candidates for some people."""
    some = People.fitted(world.train, people)

    def scores(start: int, stop: int) -> Any:
        return [model._scores(some.part(start, stop)) for model in models]

    held_out = take_rows(world.valid.indptr, world.valid.indices, people)
    return Fusion(scores, world.train.n_items, (some.indptr, some.indices), held_out)


def markdown(results: dict[str, Any], machine: dict[str, Any]) -> str:
    """The table of blends, each relative to that of LightGCN."""
    first = next(iter(IDEAS))
    domains = [name for name in DOMAINS if results.get(name, {}).get(first)]
    lines = ["# Second members of a blend", "", "Generated by `python benchmarks/members.py --data FOLDER`."]
    lines += ["NDCG@20 on validation of the ridge and the member, weights from the other half of the people;"]
    lines += ["in brackets relative to the first row, then the member alone. Means of the seeds."]
    lines += ["What has lost on one domain was not tried on the next.", ""]
    lines += [f"| beside `TextRidge` | {' | '.join(domains)} | helps everywhere |"]
    lines += ["|---" * (len(domains) + 2) + "|"]
    lines.append(f"| nothing | {' | '.join(_mean(results[d][first], 'ridge') for d in domains)} | |")
    for name in IDEAS:
        cells, gains = [], []
        for domain in domains:
            rows = results[domain].get(name)
            if not rows:
                cells.append("")
                continue
            gains.append(_value(rows, "blend") / _value(results[domain][first], "blend") - 1)
            cells.append(f"{_mean(rows, 'blend')} ({gains[-1]:+.1%}), {_mean(rows, 'alone')}")
        helps = len(gains) == len(DOMAINS) and min(gains) > 0
        lines.append(f"| {name} | {' | '.join(cells)} | {'yes' if helps else ''} |")
    seeds = {d: sorted(map(int, results[d][first])) for d in domains}
    lines += ["", f"Seeds: {'; '.join(f'{d} {s}' for d, s in seeds.items())}.", ""]
    lines.append("Machine: " + ", ".join(f"{k} {v}" for k, v in machine.items()))
    return "\n".join(lines) + "\n"


def _value(rows: dict[str, Any], key: str) -> float:
    return float(np.mean([row[key] for row in rows.values()]))


def _mean(rows: dict[str, Any], key: str) -> str:
    return f"{_value(rows, key):.4f}".removeprefix("0")


def _has_lost(results: dict[str, Any], name: str, domain: str) -> bool:
    """Whether the blend with a member is below the usual one on another domain."""
    first = next(iter(IDEAS))
    others = [
        rows for other, rows in results.items() if other != domain and rows.get(name) and rows.get(first)
    ]
    return any(_value(rows[name], "blend") < _value(rows[first], "blend") for rows in others)


def main() -> None:
    """Run the rows that are missing and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the domains")
    parser.add_argument("--only", nargs="+", default=list(DOMAINS), choices=list(DOMAINS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--ideas", nargs="+", default=list(IDEAS), choices=list(IDEAS))
    options = parser.parse_args()
    store = RESULTS / "members.json"
    results = json.loads(store.read_text())["results"] if store.exists() else {}
    for domain in options.only:
        world = None
        for seed in options.seeds:
            for name in options.ideas:
                rows = results.setdefault(domain, {}).setdefault(name, {})
                if str(seed) in rows or _has_lost(results, name, domain):
                    continue
                world = world or read(options.data, domain)
                rows[str(seed)] = measure(world, IDEAS[name](world, seed))
                print(domain, name, seed, rows[str(seed)], flush=True)
                write_text(store, json.dumps({"results": results, "environment": environment()}, indent=1))
                write_text(RESULTS / "members.md", markdown(results, environment()))


if __name__ == "__main__":
    main()
