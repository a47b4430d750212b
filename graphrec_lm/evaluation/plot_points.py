"""The same points in several panels, coloured alike: by numbers on one scale, or by groups."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.evaluation.plot_parts import COLORS, FAINT, INK

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SCALE = ("#a9d3ee", "#56B4E9", "#0072B2", "#542788", "#2d004b")  # light to dark: few to many
_OTHER = "other"

Planes = list[NDArray[np.float64]]


def scatter_all(
    figure: Figure, panels: list[Any], planes: Planes, marks: NDArray[Any] | None, name: str
) -> None:
    """Draw points [n, 2] in each panel; `marks` [n] colour them: numbers > 0, or texts."""
    style = {"s": max(5.0, min(18.0, 13000 / len(planes[0]))), "linewidth": 0.25, "edgecolor": "white"}
    if marks is None:
        for panel, points in zip(panels, planes, strict=True):
            panel.scatter(*points.T, color=COLORS[0], **style)
    elif marks.dtype.kind == "U":
        _groups(figure, panels, planes, marks, name, style)
    else:
        _numbers(figure, panels, planes, marks, name, style)


def _numbers(
    figure: Figure, panels: list[Any], planes: Planes, marks: Any, name: str, style: dict[str, Any]
) -> None:
    from matplotlib.colors import LinearSegmentedColormap, LogNorm

    scale = LinearSegmentedColormap.from_list("counts", _SCALE)
    norm, order = LogNorm(marks.min(), max(marks.max(), marks.min() * 1.01)), np.argsort(marks, kind="stable")
    for panel, points in zip(panels, planes, strict=True):
        drawn = panel.scatter(*points[order].T, c=marks[order], cmap=scale, norm=norm, **style)
    bar = figure.colorbar(drawn, ax=panels, shrink=0.75, aspect=28, pad=0.015)
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.set_label(name, color=INK, fontsize=9)
    bar.ax.tick_params(which="both", colors=INK, labelsize=8.5, length=0)
    bar.ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    bar.ax.yaxis.set_minor_formatter(lambda value, _: "")


def _groups(
    figure: Figure, panels: list[Any], planes: Planes, marks: Any, name: str, style: dict[str, Any]
) -> None:
    frequent = [group for group, _ in Counter(marks.tolist()).most_common(len(COLORS))]
    colors = dict(zip(frequent, COLORS, strict=False))
    rest = ~np.isin(marks, frequent)
    for panel, points in zip(panels, planes, strict=True):
        if rest.any():
            panel.scatter(*points[rest].T, color=FAINT, label=_OTHER, **style)
        for group, color in colors.items():
            panel.scatter(*points[marks == group].T, color=color, label=group, **style)
    handles, labels = panels[0].get_legend_handles_labels()
    order = [*range(int(rest.any()), len(labels)), *range(int(rest.any()))]  # the others last
    shown = [handles[place] for place in order], [f"{labels[place]} " for place in order]
    look: dict[str, Any] = {"frameon": False, "labelcolor": INK, "fontsize": 9, "markerscale": 1.6}
    look |= {"handletextpad": 0.1, "columnspacing": 0.6, "ncols": len(order) if _is_short(labels) else 4}
    legend = figure.legend(*shown, loc="outside lower left", title=name or None, title_fontsize=9, **look)
    legend.set_alignment("left")
    legend.get_title().set_color(INK)


def _is_short(labels: list[str]) -> bool:
    """Whether a legend has room for these in one line."""
    return sum(len(label) + 4 for label in labels) < 105
