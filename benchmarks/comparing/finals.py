"""A final row: one configuration, one seed, one look at test."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from common import append_log, environment, pairs, peak_memory_mib, statistics

from comparing import domains
from comparing.domains import Domain
from comparing.fitting import Fit, fit
from graphrec_lm.evaluation import by_history, by_popularity
from graphrec_lm.files import atomic_file
from graphrec_lm.metrics import coverage, gini, macro_average, mean_popularity, ranking_metrics


def final_row(task: Mapping[str, Any], domain: Domain) -> dict[str, Any]:
    """Fit, recommend to everyone once, and measure these lists in every way."""
    sources = {name: domains.read(**place, label=f"{name}: ") for name, place in task["sources"].items()}
    encoder = None
    if task["encoder"] is not None and sources:
        encoder = domains.joint_encoder([*sources.values(), domain], task["encoder"])
    elif task["encoder"] is not None:
        encoder = domain.encoder(task["encoder"])
    how = task["params"], encoder, task["seed"], task["final_seconds"], list(sources.values())
    made = fit(domain, task["model"], *how)
    lists, seconds = ranked_lists(made, domain, task["k"])
    row = {name: task[name] for name in ("data", "entry", "seed", "key", "encoder", "params")}
    row |= {"uses_text": made.model.uses_text, "trained": made.trained, "valid_ndcg@20": made.valid}
    row |= measure(lists, domain, task["k"], Path(task["per_user"]))
    best = max(made.history, key=lambda record: record["valid_ndcg@20"], default={})
    row |= {"fit_seconds": made.seconds, "recommend_seconds": seconds, "peak_mib": peak_memory_mib()}
    row |= {"weights": made.weights, "epochs": made.epochs, "best_epoch": best.get("epoch")}
    row |= {"limited": made.limited, "chosen_by_itself": getattr(made.model, "chosen_", None)}
    row |= {"statistics": statistics(domain.split), "environment": environment()}
    if sources:
        row["sources"] = {name: statistics(source.split) for name, source in sources.items()}
    log = {name: value for name, value in row.items() if name != "environment"}
    append_log(Path(task["log"]), {"benchmark": "compare", **log})
    history = [{name: round(value, 5) for name, value in record.items()} for record in made.history]
    return row | {"history": history}


def ranked_lists(made: Fit, domain: Domain, k: int) -> tuple[Any, float]:
    """Item codes of everyone's first k, -1 where a list is shorter, and the seconds it took.

    Training and validation items are hidden: the lists are those that `evaluate` measures.
    """
    train, valid = domain.split.train, domain.split.valid
    exclude = pairs(valid) if valid.n_interactions else None
    made.model.recommend([train.users.ids[0]], k=k)  # what is done but once, is not timed
    started = time.perf_counter()
    frame = made.model.recommend(k=k, exclude=exclude)
    seconds = time.perf_counter() - started
    lists = np.full((train.n_users, k), -1, dtype=np.int32)
    rows = train.users.codes(frame["user_id"])
    lists[rows, frame["rank"].to_numpy() - 1] = train.items.codes(frame["item_id"])
    return lists, seconds


def measure(lists: Any, domain: Domain, k: int, per_user: Path) -> dict[str, Any]:
    """Accuracy, strata and beyond; the per-user values go to a file of their own."""
    train, test = domain.split.train, domain.split.test
    tested = np.flatnonzero(test.user_counts)
    relevant = test.indptr, test.indices
    values = {name: column[tested] for name, column in ranking_metrics(lists, *relevant, k=k).items()}
    strata = by_popularity(lists, *relevant, train.item_counts, k=k)
    strata |= by_history(values, train.user_counts[tested])
    known = lists[train.user_counts > 0]
    found: dict[str, Any] = {"users": len(tested), **macro_average(values)}
    found["strata"] = {name: stratum for name, columns in strata.items() if (stratum := _stratum(columns))}
    found["coverage"] = coverage(known, train.n_items)
    found["gini"] = gini(known, train.n_items)
    found["mean_popularity"] = float(np.nanmean(mean_popularity(known, train.item_counts)))
    _keep(per_user, tested, values)
    return found


def _stratum(columns: Mapping[str, Any]) -> dict[str, float]:
    """Means and the number of users that count; nothing, if none does."""
    users = int(np.isfinite(next(iter(columns.values()))).sum())
    return {"users": users, **macro_average(columns)} if users else {}


def _keep(path: Path, users: Any, values: Mapping[str, Any]) -> None:
    """Write per-user values, whole or not at all."""
    arrays = {name: column.astype(np.float32) for name, column in values.items()}
    with atomic_file(path) as temporary, temporary.open("wb") as file:
        np.savez(file, users=users.astype(np.int32), **arrays)
