"""What is left of a plan, and how long it can take at most."""

from __future__ import annotations

from comparing.entries import Entry
from comparing.running import Comparison
from graphrec_lm.evaluation import render_table
from graphrec_lm.models import MODELS

_START = 1.0  # seconds of a process before its fit and after


def overview(comparison: Comparison) -> str:
    """A table of the datasets: entries, fits that are left, and their longest time by the budgets.

    A model without `epochs` has no time limit of its own: its final fits are not counted in the longest time.
    """
    rows = []
    for data in comparison.plan.data:
        entries = [entry for entry in comparison.entries if entry.data == data]
        able = [entry for entry in entries if not entry.skipped]
        row: dict[str, object] = {"dataset": data, "entries": len(able), "skipped": len(entries) - len(able)}
        row["tuned"] = sum(bool(entry.space) and comparison.chosen(entry) is not None for entry in able)
        row["to tune"] = sum(bool(entry.space) and comparison.chosen(entry) is None for entry in able)
        row["rows"] = sum(len(comparison.finished(entry)) for entry in able)
        row["rows left"] = sum(len(entry.seeds) for entry in able) - int(str(row["rows"]))
        row["longest h"] = sum(_longest(comparison, entry) for entry in able) / 3600 / comparison.jobs
        rows.append(row)
    lines = [render_table(rows, formats={"longest h": ".1f"}), ""]
    lines += [f"{entry.data}/{entry.name}: {entry.skipped}" for entry in comparison.entries if entry.skipped]
    return "\n".join(lines)


def _longest(comparison: Comparison, entry: Entry) -> float:
    """Seconds that what is left of an entry can take, its processes' own time included."""
    budget = comparison.plan.data[entry.data].budget
    trains = "epochs" in MODELS[entry.model].parameter_names()
    rows = len(entry.seeds) - len(comparison.finished(entry))
    total = rows * (_START + (entry.final_seconds if trains else 0.0))
    if entry.space and comparison.chosen(entry) is None:
        spent = sum(trial["seconds"] for trial in comparison.trials_of(entry))
        left = max(0.0, budget.seconds - spent) + budget.fit_seconds
        most = budget.trials * budget.fit_seconds if trains else left
        total += _START + min(left, most)
    return total
