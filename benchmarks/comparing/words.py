"""Sentences of the report, each from the numbers alone."""

from __future__ import annotations

from collections.abc import Sequence

from comparing.summary import Line, ndcg, on
from graphrec_lm.evaluation import Difference, differences_from, p_text

NAMES = {
    "head": "head items",
    "mid": "mid items",
    "tail": "tail items",
    "short": "short histories",
    "long": "long histories",
}


def number(value: float) -> str:
    """A metric as papers write it.

    >>> number(0.2345), number(1.0)
    ('.2345', '1.0000')
    """
    return f"{value:.4f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.4f}"


def duration(seconds: float) -> str:
    """Seconds with two significant digits, or minutes.

    >>> duration(0.031), duration(75.2), duration(600)
    ('0.03 s', '75 s', '10 min')
    """
    if seconds < 10:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 300 else f"{seconds / 60:.0f} min"


def listed(names: Sequence[str], most: int = 5) -> str:
    """Names, the first few of many.

    >>> listed(["EASE", "SLIM", "IALS"], most=2)
    'EASE, SLIM and 1 more'
    """
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def in_short(lines: Sequence[Line], pairs: Sequence[Difference], data: str, k: int, level: float) -> str:
    """Who is ahead on a dataset, and who can't be told from it."""
    ranked = sorted(on(lines, data), key=lambda line: -ndcg(line, k))
    best = ranked[0]
    text = f"{best['entry']} has the highest NDCG@{k}, {number(ndcg(best, k))}"
    if len(ranked) == 1:
        return f"**{data}**: {text}; nothing else was run."
    compared = differences_from(pairs, best["entry"])
    near = [pair.first for pair in compared if pair.adjusted >= level]
    if not compared:
        return f"**{data}**: {text}. Per-user values are not there, so nothing is said about chance."
    untested = len(ranked) - 1 - len(compared)
    if untested:
        text += f" ({untested} of the others are not tested)"
    if not untested and all(pair.adjusted >= level for pair in pairs):
        return f"**{data}**: nothing can be told apart with {best['users']:,} users; {text}."
    if len(near) == len(compared):
        return f"**{data}**: {text}; it cannot be told from any other with {best['users']:,} users."
    if near:
        return f"**{data}**: {text}; after correction it cannot be told from {listed(near)}."
    others = "those tested" if untested else "all others"
    return f"**{data}**: {text}, ahead of {others} by more than chance explains."


def simple_wins(
    lines: Sequence[Line], pairs: Sequence[Difference], data: str, k: int, level: float, least: float = 0.0
) -> str:
    """Whether the best method without gradient training keeps up with the best trained one, and where."""
    mine = on(lines, data)
    simple = _best([line for line in mine if not line["trained"]], k)
    trained = _best([line for line in mine if line["trained"]], k)
    if simple is None or trained is None:
        return f"**{data}**: there is no pair of a trained and a simple method to compare yet."
    sentences = [f"**{data}**: {_verdict(simple, trained, _pair(pairs, simple, trained), k, level, least)}"]
    sentences += [_by_strata(simple, [line for line in mine if line["trained"]], k)]
    sentences += [_without_titles(mine, pairs, k, level, least)]
    cut = [line for line in mine if line["limited"]]
    if cut:
        names = listed([line["entry"] for line in cut])
        sentences.append(f"The time limit ended the training of {names}: with more time these may rise.")
    return " ".join(filter(None, sentences))


def _verdict(simple: Line, trained: Line, pair: Difference | None, k: int, level: float, least: float) -> str:
    one, other = ndcg(simple, k), ndcg(trained, k)
    text = f"{simple['entry']} has NDCG@{k} {number(one)}, {trained['entry']}, the best trained model, "
    text += f"{number(other)} ({100 * (one / other - 1):+.1f} %"
    if pair is None:
        text += "; not tested)"
    else:
        text += f"; interval of the difference {number(pair.low)} to {number(pair.high)}, "
        text += f"{p_text(pair.adjusted, least)})"
    text += f". A fit takes {duration(simple['fit_seconds'])} against {duration(trained['fit_seconds'])}"
    text += f", tuning {_tuning(simple)} against {_tuning(trained)}. "
    certain = pair is not None and pair.adjusted < level
    if certain:
        return text + ("**The simple method wins.**" if one > other else "Training pays here.")
    if one >= other:
        return text + "The simple method is ahead, though chance could explain it: training has not paid."
    return text + "The trained model is ahead, though chance could explain it."


def _tuning(line: Line) -> str:
    return duration(line["tuning_seconds"]) if line["trials"] else untuned(line)


def untuned(line: Line) -> str:
    """How a model without trials comes by its parameters."""
    return "in the fit" if line["chosen_by_itself"] or line["trained"] else "none"


def _by_strata(simple: Line, trained: Sequence[Line], k: int) -> str:
    """In which strata the simple method is above every trained model; without a test."""
    ahead, behind = [], []
    for name in simple["strata"]:
        own = simple["strata"][name][f"ndcg@{k}"]
        best = max(trained, key=lambda line: line["strata"][name][f"ndcg@{k}"])
        value = best["strata"][name][f"ndcg@{k}"]
        if own >= value:
            ahead.append(NAMES[name])
        else:
            behind.append(f"{NAMES[name]} ({best['entry']} {number(value)} against {number(own)})")
    if not behind:
        return "It is above every trained model in every stratum."
    if not ahead:
        return f"In no stratum is it above every trained model: {', '.join(behind)}."
    return f"It is above every trained model for {', '.join(ahead)}; not for {', '.join(behind)}."


def _without_titles(
    mine: Sequence[Line], pairs: Sequence[Difference], k: int, level: float, least: float
) -> str:
    """The best simple method that reads no titles, against the best trained one that does."""
    blind = _best([line for line in mine if not line["trained"] and not line["uses_text"]], k)
    reader = _best([line for line in mine if line["trained"] and line["uses_text"]], k)
    if blind is None or reader is None:
        return ""
    pair = _pair(pairs, blind, reader)
    how = "above" if ndcg(blind, k) > ndcg(reader, k) else "below"
    tested = "" if pair is None else f", {p_text(pair.adjusted, least)}"
    if pair is not None and pair.adjusted >= level:
        tested += ", so within chance"
    return (
        f"Without reading a title, {blind['entry']} ({number(ndcg(blind, k))}) is {how} {reader['entry']} "
        f"({number(ndcg(reader, k))}{tested}), the best trained model that reads them."
    )


def _best(lines: Sequence[Line], k: int) -> Line | None:
    return max(lines, key=lambda line: ndcg(line, k), default=None)


def _pair(pairs: Sequence[Difference], one: Line, other: Line) -> Difference | None:
    """The pair, turned so that `one` comes first."""
    return next(
        (pair for pair in differences_from(pairs, other["entry"]) if pair.first == one["entry"]), None
    )
