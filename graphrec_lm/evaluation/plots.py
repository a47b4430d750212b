"""Training curves as a picture; matplotlib is imported when the first one is drawn."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphrec_lm.errors import InputError, check_choice, did_you_mean
from graphrec_lm.evaluation.comparison import metric_label
from graphrec_lm.evaluation.plot_parts import COLORS, FAINT, INK, frame, headline, new_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

History = Sequence[Mapping[str, float]]

_AXES = {"epoch": "epoch", "seconds": "training time [s]"}


def plot_training(
    histories: Mapping[str, History],
    path: str | os.PathLike[str],
    *,
    metric: str = "valid_ndcg@20",
    by: Sequence[str] = ("epoch", "seconds"),
    title: str = "",
    dpi: int = 160,
) -> Path:
    """Draw a metric of several trainings, by epoch and by time, to a PNG file.

    Only epochs with the metric are drawn; the best one has a ring and its value. No global state of
    pyplot is touched, so that it works without a display and in any thread.

    Parameters
    ----------
    histories : mapping
        What to call a model -> its `history_`.
    path : path
        The PNG file, replaced atomically.
    metric : str
        A key of the records: "valid_ndcg@20" or "loss".
    by : sequence of {"epoch", "seconds"}
        What the horizontal axes show, one panel each.
    title : str
    dpi : int
        Pixels an inch; a panel is 4.5 by 3.6 inches.

    Returns
    -------
    Path

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    InputError
        If a history has no record with the metric.
    """
    for axis in by:
        check_choice("by", axis, tuple(_AXES))
    points = {name: _points(name, history, metric) for name, history in histories.items()}
    if not points or not by:
        remedy = "Pass {'AlphaRec': model.history_}."
        raise InputError("`histories` and `by` must not be empty", f"{len(points)} and {len(by)}", remedy)
    figure = new_figure(4.5 * len(by), 3.6)
    panels = figure.subplots(1, len(by), sharey=True, squeeze=False)[0]
    for place, (panel, axis) in enumerate(zip(panels, by, strict=True)):
        _draw(panel, points, axis, metric, first=place == 0)
    panels[0].set_ylabel(metric_label(metric), color=INK)
    headline(figure, title)
    return save(figure, path, dpi)


def _points(name: str, history: History, metric: str) -> list[Mapping[str, float]]:
    records = [record for record in history if metric in record]
    if not records:
        known = sorted({key for record in history for key in record})
        found = f"none among {len(history)} epochs of {name!r}"
        remedy = did_you_mean(metric, known) if known else "Plot a trained model."
        raise InputError(f"a history must have records with {metric!r}", found, remedy)
    return records


def _draw(
    panel: Axes, points: Mapping[str, list[Mapping[str, float]]], axis: str, metric: str, *, first: bool
) -> None:
    for place, (name, records) in enumerate(points.items()):
        color = COLORS[place % len(COLORS)]
        x, y = [record[axis] for record in records], [record[metric] for record in records]
        panel.plot(x, y, color=color, linewidth=1.8, label=name, zorder=3)
        best = y.index(min(y) if "loss" in metric else max(y))
        ring: dict[str, Any] = {"facecolor": "white", "edgecolor": color, "linewidth": 1.8}
        panel.scatter([x[best]], [y[best]], s=42, zorder=4, **ring)
        above = (0, -16 if "loss" in metric else 7)
        halo = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.8}
        panel.annotate(f"{y[best]:.4f}", (x[best], y[best]), above, textcoords="offset points", ha="center",
                       color=color, fontsize=9, zorder=5, bbox=halo)  # fmt: skip
    panel.set_xlabel(_AXES[axis], color=INK)
    panel.margins(x=0.08, y=0.14)
    panel.set_xlim(left=0)
    panel.grid(color=FAINT, linewidth=0.7)
    panel.tick_params(colors=INK, length=0)
    frame(panel)
    if first:
        corner = "upper right" if "loss" in metric else "lower right"
        panel.legend(frameon=False, loc=corner, labelcolor=INK)
