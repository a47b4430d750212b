"""Accuracy against the time it takes, one point a model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from graphrec_lm.errors import InputError
from graphrec_lm.evaluation.plot_parts import (
    GREY,
    INK,
    bare,
    color_of,
    group_colors,
    group_legend,
    headline,
    label_column,
    new_figure,
    save,
    seconds_axis,
)

_SHORTEST = 0.01  # seconds; what takes less is drawn there


def plot_tradeoff(
    points: Mapping[str, tuple[float, float]],
    path: str | os.PathLike[str],
    *,
    groups: Mapping[str, str] | None = None,
    metric: str = "NDCG@20",
    title: str = "",
    dpi: int = 160,
) -> Path:
    """Draw each model's accuracy against the seconds of its fit, on a logarithmic axis, to a PNG file.

    Names stand in a column beside the panel; the line is what can be had for so many seconds or fewer.

    Parameters
    ----------
    points : mapping
        What to call a model -> (seconds of its fit, accuracy). Below 0.01 s it is drawn at 0.01 s.
    path : path
        The PNG file, replaced atomically.
    groups : mapping, optional
        What to call a model -> its group; a colour for each.
    metric : str
        What the vertical axis shows.
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
        If there are no points, or one is not finite.
    """
    if not points or not np.isfinite(list(points.values())).all():
        raise InputError(
            "`points` must hold finite (seconds, accuracy)", dict(points), "Leave out the others."
        )
    placed = {
        name: (max(float(seconds), _SHORTEST), float(value)) for name, (seconds, value) in points.items()
    }
    group_of, order = group_colors(placed, groups)
    colors = {name: color_of(group, order) for name, group in group_of.items()}
    figure = new_figure(8.2, max(3.6, 0.6 + 0.19 * len(placed)))
    panel = figure.subplots()
    panel.plot(*_frontier(list(placed.values())), color=GREY, linewidth=1, alpha=0.7, drawstyle="steps-post")
    for name, point in placed.items():
        panel.scatter(*point, s=38, color=colors[name], edgecolor="white", linewidth=0.8, zorder=3)
    panel.set_xlabel("seconds of the fit", color=INK)
    panel.set_ylabel(metric, color=INK)
    seconds_axis(panel)
    bare(panel)
    label_column(panel, placed, colors)
    headline(figure, title)
    group_legend(figure, order)
    return save(figure, path, dpi)


def _frontier(points: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """The best accuracy within so many seconds, as corners of a staircase.

    >>> _frontier([(1, 0.1), (2, 0.05), (3, 0.2)])
    ([1, 3], [0.1, 0.2])
    """
    x: list[float] = []
    y: list[float] = []
    for seconds, value in sorted(points, key=lambda point: (point[0], -point[1])):
        if not y or value > y[-1]:
            x.append(seconds)
            y.append(value)
    return x, y
