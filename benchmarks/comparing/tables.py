"""The tables of the report, in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from comparing.fitting import VALID
from comparing.summary import METRICS, Line, ndcg
from comparing.words import NAMES, number, untuned
from graphrec_lm.evaluation import Difference, differences_from, metric_label, p_text, render_table

Cells = list[dict[str, Any]]


def accuracy(
    lines: Sequence[Line], pairs: Sequence[Difference], k: int, reference: str, least: float = 0.0
) -> str:
    """Accuracy, best in bold, and how far each stands from `reference`, with its interval and p-value.

    Where some have published figures, these stand beside, and our NDCG as a multiple of theirs.
    """
    published = any(line["published"] for line in lines)
    compared = {pair.first: pair for pair in differences_from(pairs, reference)}
    rows: Cells = []
    for line in lines:
        row = {"model": line["entry"], "seeds": _seeds(line), "valid": number(line[VALID])}
        row |= {metric_label(f"{metric}@{k}"): _with_sd(line[f"{metric}@{k}"]) for metric in METRICS}
        row |= _published(line, k) if published else {}
        pair = compared.get(line["entry"])
        row["NDCG minus best"] = "" if pair is None else f"{_signed(pair.difference)} {_interval(pair)}"
        row["after Holm"] = "" if pair is None else p_text(pair.adjusted, least)
        rows.append(row)
    for metric in METRICS:
        _bold(rows, metric_label(f"{metric}@{k}"), [line[f"{metric}@{k}"][0] for line in lines], max)
    return render_table(rows, style="markdown")


def costs(lines: Sequence[Line]) -> str:
    """What a model costs."""
    rows: Cells = [
        {
            "model": line["entry"],
            "tuning": f"{line['trials']} trials, {line['tuning_seconds']:.0f} s"
            if line["trials"]
            else untuned(line),
            "fit s": line["fit_seconds"],
            "epochs": line["epochs"] or None,
            "ended by time": f"{line['limited']} of {len(line['seeds'])}" if line["trained"] else "",
            "everyone's lists s": line["recommend_seconds"],
            "peak MiB": line["peak_mib"],
            "learned numbers": int(line["weights"]),
        }
        for line in lines
    ]
    formats = {"fit s": ".1f", "epochs": ".0f", "everyone's lists s": ".2f", "peak MiB": ".0f"}
    return render_table(rows, style="markdown", formats=formats | {"learned numbers": ","})


def strata(lines: Sequence[Line], k: int) -> str:
    """NDCG by stratum, and what the lists are like beside accuracy."""
    rows: Cells = []
    for line in lines:
        row = {"model": line["entry"]}
        row |= {NAMES[name]: number(line["strata"][name][f"ndcg@{k}"]) for name in line["strata"]}
        row |= {"coverage": number(line["coverage"]), "Gini": number(line["gini"])}
        rows.append(row | {"mean popularity": f"{line['mean_popularity']:.0f}"})
    for name in lines[0]["strata"]:
        _bold(rows, NAMES[name], [line["strata"][name][f"ndcg@{k}"] for line in lines], max)
    _bold(rows, "coverage", [line["coverage"] for line in lines], max)
    return render_table(rows, style="markdown")


def variants(
    lines: Sequence[Line], base: Line, pairs: Sequence[Difference], k: int, least: float = 0.0
) -> str:
    """Controls and ablations beside the entry that they vary."""
    compared = {pair.first: pair for pair in differences_from(pairs, base["entry"])}
    rows: Cells = []
    for line in [base, *lines]:
        pair = compared.get(line["entry"])
        row = {"variant": line["entry"], "what differs": line["note"], "trials": str(line["trials"] or "")}
        row |= {metric_label(f"{metric}@{k}"): _with_sd(line[f"{metric}@{k}"]) for metric in METRICS[:2]}
        row["NDCG difference"] = "" if pair is None else f"{_signed(pair.difference)} {_interval(pair)}"
        rows.append(row | {"after Holm": "" if pair is None else p_text(pair.adjusted, least)})
    return render_table(rows, style="markdown")


def converged(rows: Sequence[Line]) -> str:
    """Epochs and seconds to the level of convergence."""
    shown: Cells = []
    for row in sorted(rows, key=lambda row: (row["seconds"] is None, row["seconds"], -row["best"])):
        some = row["reached"]
        when = {"epochs": "never", "seconds": f"not in {row['end']:.0f}"}
        if some:
            when = {"epochs": f"{row['epoch']:.0f}", "seconds": f"{row['seconds']:.1f}"}
        share = "" if some in (0, row["of"]) else f" ({some} of {row['of']} seeds)"
        shown.append({"model": row["entry"] + share, **when, "best validation": number(row["best"])})
    return render_table(shown, style="markdown")


def ranked(lines: Sequence[Line], k: int) -> list[Line]:
    """Lines by NDCG, the best first."""
    return sorted(lines, key=lambda line: -ndcg(line, k))


def _published(line: Line, k: int) -> dict[str, str]:
    """The published figures of a line and our NDCG over theirs; empty cells if there are none."""
    theirs = line["published"]
    labels = {metric: f"published {metric_label(f'{metric}@{k}')}" for metric in METRICS[:2]}
    shown = {label: number(theirs[metric]) if theirs else "" for metric, label in labels.items()}
    return shown | {"NDCG ÷ published": f"{ndcg(line, k) / theirs['ndcg']:.2f}" if theirs else ""}


def _seeds(line: Line) -> str:
    done, wanted = len(line["seeds"]), line["wanted"]
    return str(done) if done == wanted else f"{done} of {wanted}"


def _with_sd(values: Sequence[float]) -> str:
    value, sd = values
    return f"{number(value)} ± {number(sd)}" if sd else number(value)


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else '−' if value < 0 else ''}{number(abs(value))}"


def _interval(pair: Difference) -> str:
    return f"[{_signed(pair.low)}, {_signed(pair.high)}]"


def _bold(rows: Cells, column: str, values: Sequence[float], best: Callable[..., float]) -> None:
    """Put the best values of a column in bold."""
    shown = {value: f"{value:.4f}" for value in values}
    goal = shown[best(values)]
    for row, value in zip(rows, values, strict=True):
        if shown[value] == goal:
            row[column] = f"**{row[column]}**"
