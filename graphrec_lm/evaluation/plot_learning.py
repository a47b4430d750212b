"""Learning curves of many models by training time."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from graphrec_lm.errors import InputError
from graphrec_lm.evaluation.comparison import metric_label
from graphrec_lm.evaluation.plot_parts import (
    COLORS,
    GREY,
    INK,
    bare,
    headline,
    label_column,
    new_figure,
    save,
    seconds_axis,
)
from graphrec_lm.evaluation.plots import History

_STYLES = ("-", "--", ":", "-.")


def plot_learning(
    histories: Mapping[str, History],
    path: str | os.PathLike[str],
    *,
    metric: str = "valid_ndcg@20",
    target: float | None = None,
    title: str = "",
    dpi: int = 160,
) -> Path:
    """Draw the best value so far of each model's training against its seconds, on a logarithmic axis.

    Names stand in a column beside the panel, so that twenty curves can be told apart. For two or three
    models, with the raw curve by epoch too, use `plot_training`.

    Parameters
    ----------
    histories : mapping
        What to call a model -> its `history_`; epochs without the metric are left out.
    path : path
        The PNG file, replaced atomically.
    metric : str
        A key of the records; higher is better.
    target : float, optional
        A value marked by a line.
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
        If a history has no record with the metric, or there is none.
    """
    curves = {name: _best_so_far(name, history, metric) for name, history in histories.items()}
    if not curves:
        raise InputError("`histories` must not be empty", "nothing", "Pass {'AlphaRec': model.history_}.")
    figure = new_figure(8.2, max(3.6, 0.6 + 0.19 * len(curves)))
    panel = figure.subplots()
    ends, colors = {}, {}
    for place, (name, (x, y)) in enumerate(curves.items()):
        turn, tint = divmod(place, len(COLORS))
        colors[name], ends[name] = COLORS[tint], (x[-1], y[-1])
        panel.plot(x, y, color=colors[name], linewidth=1.6, linestyle=_STYLES[turn % len(_STYLES)], zorder=3)
        panel.scatter([x[-1]], [y[-1]], s=14, color=colors[name], zorder=4)
    if target is not None:
        panel.axhline(target, color=GREY, linewidth=1, linestyle=(0, (4, 3)))
    panel.set_xlabel("seconds of training and validation", color=INK)
    panel.set_ylabel(f"{metric_label(metric)}, best so far", color=INK)
    seconds_axis(panel)
    bare(panel)
    label_column(panel, ends, colors)
    headline(figure, title)
    return save(figure, path, dpi)


def _best_so_far(name: str, history: History, metric: str) -> tuple[list[float], list[float]]:
    x: list[float] = []
    y: list[float] = []
    for record in history:
        if metric in record:
            x.append(max(record["seconds"], 1e-3))
            y.append(max(record[metric], *y[-1:]) if y else record[metric])
    if not x:
        found = f"none among {len(history)} epochs of {name!r}"
        raise InputError(f"a history must have records with {metric!r}", found, "Fit with `valid`.")
    return x, y
