"""How far each model stands from one of them, with intervals."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from graphrec_lm.errors import InputError, check_number
from graphrec_lm.evaluation.plot_parts import COLORS, GREY, INK, bare, headline, new_figure, save
from graphrec_lm.evaluation.significance import Difference, p_text


def differences_from(differences: Sequence[Difference], reference: str) -> list[Difference]:
    """Return the pairs with one model, turned so that it is `second`, the largest difference first.

    >>> [p.difference for p in differences_from([Difference("A", "B", 0.2, 0.1, 0.3, 0.01, 0.01)], "A")]
    [-0.2]
    """
    turned = []
    for pair in differences:
        if pair.second == reference:
            turned.append(pair)
        elif pair.first == reference:
            flipped = pair.second, pair.first, -pair.difference, -pair.high, -pair.low
            turned.append(Difference(*flipped, pair.p_value, pair.adjusted))
    return sorted(turned, key=lambda pair: -pair.difference)


def plot_differences(
    differences: Sequence[Difference],
    path: str | os.PathLike[str],
    *,
    reference: str,
    level: float = 0.05,
    least: float = 0.0,
    metric: str = "NDCG@20",
    title: str = "",
    dpi: int = 160,
) -> Path:
    """Draw every model's difference from `reference` with its interval, to a PNG file.

    Filled points differ at the corrected level; hollow ones can't be told from the reference.

    Parameters
    ----------
    differences : sequence of Difference
        From `paired_bootstrap`.
    path : path
        The PNG file, replaced atomically.
    reference : str
        A name among them, e.g. that of the best model.
    level : float
        Of the corrected p-value.
    least : float
        The smallest corrected p-value of so many resamples, pairs / (n_resamples + 1): written as "p ≤".
    metric : str
    title : str
    dpi : int

    Returns
    -------
    Path

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    InputError
        If `reference` is in no pair.
    """
    check_number("level", level, above=0, most=1)
    check_number("least", least, least=0, most=1)
    rows = differences_from(differences, reference)
    if not rows:
        known = sorted({name for pair in differences for name in pair[:2]})
        raise InputError(
            "`reference` must be a compared model", repr(reference), f"Valid: {', '.join(known)}."
        )
    figure = new_figure(7.6, 1.2 + 0.24 * len(rows))
    panel = figure.subplots()
    panel.axvline(0, color=GREY, linewidth=1)
    for place, row in enumerate(rows):
        color = COLORS[0] if row.adjusted < level else GREY
        panel.plot([row.low, row.high], [place, place], color=color, linewidth=2, solid_capstyle="round")
        face = color if row.adjusted < level else "white"
        panel.scatter(
            [row.difference], [place], s=30, facecolor=face, edgecolor=color, zorder=3, linewidth=1.5
        )
        beside = p_text(row.adjusted, least)
        panel.annotate(beside, (1.02, place), xycoords=("axes fraction", "data"), va="center", fontsize=8.5,
                       color=INK, annotation_clip=False)  # fmt: skip
    panel.set_yticks(range(len(rows)), [row.first for row in rows])
    panel.set_ylim(len(rows) - 0.4, -0.6)
    panel.set_xlabel(f"{metric} minus that of {reference}; interval, and p after Holm", color=INK)
    bare(panel)
    headline(figure, title)
    return save(figure, path, dpi)
