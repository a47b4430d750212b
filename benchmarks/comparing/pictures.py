"""The report's pictures of a dataset."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from comparing.running import Comparison
from comparing.summary import Line, convergence, least_p_value, ndcg
from comparing.words import NAMES
from graphrec_lm.evaluation import (
    Difference,
    plot_differences,
    plot_learning,
    plot_strata,
    plot_tradeoff,
)

_SHOWN = 12  # models in the picture of strata, at most


def draw(
    comparison: Comparison, lines: Sequence[Line], pairs: Sequence[Difference], data: str
) -> dict[str, Path]:
    """Draw what the lines of a dataset (best first) allow; return what each picture shows, and its file."""
    plan, made = comparison.plan, {}
    groups = {line["entry"]: line["group"] for line in lines}
    metric = f"NDCG@{plan.k}"

    def path(what: str) -> Path:
        return comparison.results / f"compare.{slug(data)}.{what}.png"

    points = {line["entry"]: (line["fit_seconds"], ndcg(line, plan.k)) for line in lines}
    title = f"{data}: test {metric} and time"
    made["accuracy and time"] = plot_tradeoff(points, path("time"), groups=groups, metric=metric, title=title)
    best = lines[0]["entry"]
    if any(best in pair[:2] for pair in pairs):
        options = {
            "reference": best,
            "level": plan.level,
            "least": least_p_value(plan, len(lines)),
            "metric": metric,
            "title": f"{data}: against the best",
        }
        made["differences from the best"] = plot_differences(pairs, path("differences"), **options)
    histories = {line["entry"]: line["histories"][0] for line in lines if any(line["histories"])}
    if histories:
        reference, share = (
            ("", 0.0) if plan.convergence is None else tuple(plan.convergence.model_dump().values())
        )
        target = convergence(lines, reference, share)[0]
        title = f"{data}: learning curves, first seed"
        made["learning curves"] = plot_learning(histories, path("learning"), target=target, title=title)
    bars = {
        line["entry"]: {NAMES[name]: line["strata"][name][f"ndcg@{plan.k}"] for name in line["strata"]}
        for line in lines[:_SHOWN]
    }
    made["strata"] = plot_strata(bars, path("strata"), groups=groups, metric=metric, title=data)
    return made


def slug(name: str) -> str:
    """A name as part of a file name.

    >>> slug("movies, by time")
    'movies-by-time'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
