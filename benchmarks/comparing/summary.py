"""From rows to what a table shows: means over seeds, who differs from whom, how soon a level is reached."""

from __future__ import annotations

import json
from collections.abc import Sequence
from statistics import mean, stdev
from typing import Any

import numpy as np

from comparing.entries import Entry
from comparing.fitting import VALID
from comparing.plan import Plan
from comparing.running import Comparison
from graphrec_lm.evaluation import Difference, holm, paired_bootstrap

METRICS = ("recall", "ndcg", "hit_rate")
_COSTS = ("fit_seconds", "recommend_seconds", "peak_mib", "weights", "epochs", "best_epoch", VALID)
_BEYOND = ("coverage", "gini", "mean_popularity")

Line = dict[str, Any]


def lines_of(comparison: Comparison) -> list[Line]:
    """One line an entry that has a row, in the order of the plan."""
    last, found = _last_report(comparison), []
    for entry in comparison.entries:
        rows = comparison.finished(entry)
        if rows:
            found.append(_line(comparison, entry, rows) | {"tested": _tested(comparison, entry, last)})
    return found


def _line(comparison: Comparison, entry: Entry, rows: Sequence[dict[str, Any]]) -> Line:
    trials, first, k = comparison.trials_of(entry), rows[0], comparison.plan.k
    line: Line = {"data": entry.data, "entry": entry.name, "beside": entry.beside, "note": entry.note}
    line |= {"published": dict(entry.published)}
    line |= {
        name: first[name] for name in ("encoder", "uses_text", "trained", "users", "params", "statistics")
    }
    line |= {"group": group(first), "seeds": [row["seed"] for row in rows], "wanted": len(entry.seeds)}
    line |= {f"{metric}@{k}": _spread([row[f"{metric}@{k}"] for row in rows]) for metric in METRICS}
    line |= {name: _mean([row[name] for row in rows]) for name in (*_COSTS, *_BEYOND)}
    line["strata"] = {
        name: {key: _mean([row["strata"][name][key] for row in rows]) for key in first["strata"][name]}
        for name in first["strata"]
    }
    line |= {"trials": len(trials), "failed_trials": sum(trial["state"] != "done" for trial in trials)}
    line |= {"tuning_seconds": sum(trial["seconds"] for trial in trials)}
    line |= {"limited": sum(row["limited"] for row in rows), "chosen_by_itself": first["chosen_by_itself"]}
    return line | {"histories": [row["history"] for row in rows], "key": first["key"]}


def group(row: dict[str, Any]) -> str:
    """What kind of method a row's is."""
    kind = "trained by gradient" if row["trained"] else "no gradient training"
    return f"{kind}, {'with' if row['uses_text'] else 'without'} titles"


def ndcg(line: Line, k: int) -> float:
    """The mean by which everything is ranked."""
    return line[f"ndcg@{k}"][0]


def on(lines: Sequence[Line], data: str, *, variants: bool = False) -> list[Line]:
    """Lines of a dataset: of the main table, or the controls and ablations."""
    return [line for line in lines if line["data"] == data and bool(line["beside"]) == variants]


def differences(
    comparison: Comparison, names: Sequence[str], data: str, family: str = "differences"
) -> list[Difference]:
    """All pairs of entries on a dataset, each the mean of its seeds for each user.

    Where the scratch folder lacks an entry's per-user values, its pairs are those of the same `family` in the
    last report, if its rows are the same or have more seeds since (see a line's `tested`). All are corrected
    together, and pairs without a test count, too. Enough resamples are drawn for `least_p_value` to be below
    a fifth of the level.
    """
    plan = comparison.plan
    values = {
        entry.name: _per_user(comparison, entry)
        for entry in comparison.entries
        if entry.data == data and entry.name in names and comparison.finished(entry)
    }
    there = {name: column for name, column in values.items() if column is not None}
    old = _reported(comparison, set(values), data, family) if len(there) < len(values) else []
    old = [pair for pair in old if not {pair.first, pair.second} <= set(there)]
    wanted = _pairs_of(len(values))
    new = []
    if len(there) > 1:
        resamples = _resamples(plan, wanted)
        new = paired_bootstrap(there, n_resamples=resamples, level=1 - plan.level, seed=plan.seed)
    tested = old + new
    adjusted = holm([*(pair.p_value for pair in tested), *[1.0] * (wanted - len(tested))])
    return [pair._replace(adjusted=float(p)) for pair, p in zip(tested, adjusted, strict=False)]


def least_p_value(plan: Plan, entries: int) -> float:
    """The smallest corrected p-value that the pairs of so many entries can have."""
    pairs = _pairs_of(entries)
    return pairs / (1 + _resamples(plan, pairs))


def _pairs_of(entries: int) -> int:
    return entries * (entries - 1) // 2


def _resamples(plan: Plan, pairs: int) -> int:
    return max(plan.resamples, round(5 * pairs / plan.level))


def _reported(comparison: Comparison, names: set[str], data: str, family: str) -> list[Difference]:
    """Pairs of the last report whose entries have the same rows now, or more seeds."""
    last = _last_report(comparison)
    entries = [entry for entry in comparison.entries if entry.data == data and entry.name in names]
    same = {entry.name for entry in entries if _reported_seeds(comparison, entry, last)}
    pairs = [Difference(**pair) for pair in last[family].get(data, [])]
    return [pair for pair in pairs if {pair.first, pair.second} <= same]


def _tested(comparison: Comparison, entry: Entry, last: dict[str, Any]) -> list[int]:
    """The seeds that an entry's pairs are of."""
    rows = comparison.finished(entry)
    if all(comparison.per_user(entry, row["seed"], row["key"]).exists() for row in rows):
        return [row["seed"] for row in rows]
    return _reported_seeds(comparison, entry, last)


def _reported_seeds(comparison: Comparison, entry: Entry, last: dict[str, Any]) -> list[int]:
    """The seeds that its pairs of the last report are of; none if its rows were others."""
    seeds = {row["seed"]: row["key"] for row in comparison.finished(entry)}
    for line in last["lines"]:
        if (line["data"], line["entry"]) == (entry.data, entry.name):
            tested: list[int] = line.get("tested", line["seeds"])
            return tested if all(seeds.get(seed) == line["key"] for seed in tested) else []
    return []


def _last_report(comparison: Comparison) -> dict[str, Any]:
    path = comparison.results / "compare.json"
    nothing: dict[str, Any] = {"lines": [], "differences": {}, "controls": {}}
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else nothing


def _per_user(comparison: Comparison, entry: Entry) -> Any:
    """The mean over seeds of each user's NDCG; None if a file is missing."""
    columns = []
    for row in comparison.finished(entry):
        path = comparison.per_user(entry, row["seed"], row["key"])
        if not path.exists():
            return None
        with np.load(path) as arrays:
            columns.append(arrays[f"ndcg@{comparison.plan.k}"].astype(np.float64))
    return np.mean(columns, axis=0) if columns else None


def convergence(lines: Sequence[Line], reference: str, share: float) -> tuple[float | None, list[Line]]:
    """The validation that counts as converged; for each line with a history the epochs and seconds to it."""
    known = [line for line in lines if line["entry"] == reference and any(line["histories"])]
    if not known:
        return None, []
    target = share * mean(_best(history) for history in known[0]["histories"])
    found = []
    for line in lines:
        if not any(line["histories"]):  # a blend has none of its own
            continue
        hits = [_first(history, target) for history in line["histories"]]
        reached = [hit for hit in hits if hit is not None]
        row: Line = {"entry": line["entry"], "reached": len(reached), "of": len(hits)}
        row |= {key: _mean([hit[key] for hit in reached]) for key in ("epoch", "seconds")}
        row |= {"best": mean(_best(history) for history in line["histories"])}
        found.append(row | {"end": mean(history[-1]["seconds"] for history in line["histories"])})
    return target, found


def environments(comparison: Comparison) -> list[dict[str, Any]]:
    """The different machines and versions of the rows."""
    rows = [row for entry in comparison.entries for row in comparison.finished(entry)]
    return [json.loads(text) for text in dict.fromkeys(json.dumps(row["environment"]) for row in rows)]


def _best(history: Sequence[dict[str, float]]) -> float:
    return max(record[VALID] for record in history)


def _first(history: Sequence[dict[str, float]], target: float) -> dict[str, float] | None:
    return next((record for record in history if record[VALID] >= target - 1e-9), None)


def _spread(values: Sequence[float]) -> list[float]:
    """Mean and standard deviation, the latter 0 for one seed."""
    return [mean(values), stdev(values) if len(values) > 1 else 0.0]


def _mean(values: Sequence[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return mean(present) if present else None
