"""Accuracy by stratum, one panel of bars each."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from graphrec_lm.errors import InputError
from graphrec_lm.evaluation.plot_parts import (
    INK,
    bare,
    color_of,
    group_colors,
    group_legend,
    headline,
    new_figure,
    save,
)


def plot_strata(
    values: Mapping[str, Mapping[str, float]],
    path: str | os.PathLike[str],
    *,
    groups: Mapping[str, str] | None = None,
    metric: str = "NDCG@20",
    title: str = "",
    dpi: int = 160,
) -> Path:
    """Draw a metric in each stratum as horizontal bars, a panel a stratum, models from top to bottom.

    The best model of a stratum has its number in bold.

    Parameters
    ----------
    values : mapping
        What to call a model -> stratum -> value; the strata of the first model, in its order, for all.
    path : path
        The PNG file, replaced atomically.
    groups : mapping, optional
        What to call a model -> its group; a colour for each.
    metric : str
        What the bars show.
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
        If there are no models, one lacks a stratum, or a value is not finite.
    """
    strata = list(next(iter(values.values()), {}))
    wrong = [name for name, row in values.items() if set(row) != set(strata)]
    if not strata or wrong:
        found = f"others for {wrong}" if wrong else "nothing"
        remedy = "Pass {'AlphaRec': {'head': 0.1, 'tail': 0.0}}."
        raise InputError("`values` must have the same strata for every model", found, remedy)
    names = list(values)
    if not np.isfinite([[values[name][stratum] for stratum in strata] for name in names]).all():
        remedy = "Leave out strata without users."
        raise InputError("`values` must be finite", "NaN or infinity", remedy)
    group_of, order = group_colors(names, groups)
    figure = new_figure(1.6 + 1.75 * len(strata), 1.1 + 0.24 * len(names))
    panels = figure.subplots(1, len(strata), sharey=True, squeeze=False)[0]
    for panel, stratum in zip(panels, strata, strict=True):
        lengths = [float(values[name][stratum]) for name in names]
        panel.barh(names, lengths, height=0.72, color=[color_of(group_of[name], order) for name in names])
        for place, length in enumerate(lengths):
            weight = "bold" if length == max(lengths) else "normal"
            panel.annotate(
                f" {length:.3f}", (length, place), va="center", fontsize=8, color=INK, weight=weight
            )
        panel.set_xlim(0, max(max(lengths) * 1.3, 1e-9))
        panel.set_title(stratum, color=INK, fontsize=10, loc="left")
        bare(panel, grid="x")
        panel.set_xticks([])
    panels[0].invert_yaxis()
    headline(figure, f"{title}: {metric} by stratum" if title else f"{metric} by stratum")
    group_legend(figure, order)
    return save(figure, path, dpi)
