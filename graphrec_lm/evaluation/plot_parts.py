"""What all plots share: palette and figure, colours of groups, bare axes, labels that don't overlap."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from graphrec_lm.files import atomic_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart by colour-blind readers, and in grey.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
INK, FAINT, GREY = "#333333", "#dddddd", "#8c8c8c"


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of that many inches, or say how to get matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('plots need matplotlib: pip install "graphrec_lm[plot]"') from error
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def group_colors(names: Iterable[str], groups: Mapping[str, str] | None) -> tuple[dict[str, str], list[str]]:
    """Return the group of each name and the groups in alphabetical order; "" where there are none."""
    chosen = {name: (groups or {}).get(name, "") for name in names}
    return chosen, sorted(set(chosen.values()))


def color_of(group: str, groups: Sequence[str]) -> str:
    """Return a group's colour."""
    return COLORS[groups.index(group) % len(COLORS)]


def bare(panel: Axes, *, grid: Literal["both", "x", "y"] = "both") -> None:
    """Leave the axes with a faint grid and the two lines that carry numbers."""
    panel.grid(color=FAINT, linewidth=0.7, axis=grid)
    panel.set_axisbelow(True)
    panel.tick_params(which="both", colors=INK, length=0, labelsize=9)
    frame(panel)


def frame(panel: Axes) -> None:
    """Leave of the frame the two lines that carry numbers."""
    for side, spine in panel.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(FAINT)


def seconds_axis(panel: Axes) -> None:
    """Make the horizontal axis logarithmic, with plain numbers."""
    from matplotlib.ticker import LogLocator, NullFormatter

    panel.set_xscale("log")
    panel.margins(x=0.06, y=0.06)
    low, high = panel.get_xlim()
    steps = (1.0,) if high > 30 * low else (1.0, 2.0, 5.0)
    panel.xaxis.set_major_locator(LogLocator(subs=steps))
    panel.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    panel.xaxis.set_minor_formatter(NullFormatter())


def headline(figure: Figure, title: str) -> None:
    """Write a title to the left of the whole figure."""
    if title:
        figure.suptitle(title, color=INK, fontsize=11, x=0.01, ha="left", fontweight="bold")


def group_legend(figure: Figure, groups: Sequence[str]) -> None:
    """Explain the groups' colours below the panels, if there are groups, in as few lines as have room."""
    from matplotlib.lines import Line2D

    if list(groups) == [""]:
        return
    handles = [
        Line2D([], [], marker="o", linestyle="", color=color_of(group, groups), label=group)
        for group in groups
    ]
    style = {"frameon": False, "labelcolor": INK, "fontsize": 9, "handletextpad": 0.2}
    for columns in range(len(groups), 0, -1):
        legend = figure.legend(handles=handles, loc="outside lower left", ncols=columns, **style)
        if columns == 1 or legend.get_window_extent().width <= figure.bbox.width:
            return
        legend.remove()


def spread(values: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move values apart, in their order, until neighbours are `gap` apart; between low and high if they fit.

    >>> spread([0.5, 0.5, 0.9], 0.25, 0.0, 1.0)
    [0.375, 0.625, 0.9]
    """
    order = np.argsort(values, kind="stable")
    wanted = np.array(values, dtype=np.float64)[order]
    if len(wanted) > 1:
        gap = min(gap, (high - low) / (len(wanted) - 1))
    blocks: list[list[float]] = []  # centre, number of values
    for value in wanted:
        blocks.append([value, 1])
        while len(blocks) > 1 and _overlap(blocks[-2], blocks[-1], gap):
            (one, m), (other, n) = blocks[-2:]
            blocks[-2:] = [[(one * m + other * n) / (m + n), m + n]]
        centre, count = blocks[-1]
        half = (count - 1) * gap / 2
        blocks[-1][0] = min(max(centre, low + half), high - half)
    while len(blocks) > 1 and _overlap(blocks[-2], blocks[-1], gap):
        (one, m), (other, n) = blocks[-2:]
        half = (m + n - 1) * gap / 2
        blocks[-2:] = [[min(max((one * m + other * n) / (m + n), low + half), high - half), m + n]]
    placed = [centre + (i - (count - 1) / 2) * gap for centre, count in blocks for i in range(int(count))]
    result = np.empty(len(placed))
    result[order] = placed
    return [round(float(value), 12) for value in result]


def _overlap(below: Sequence[float], above: Sequence[float], gap: float) -> bool:
    """Whether two blocks of values that are `gap` apart come nearer than that."""
    return above[0] - below[0] < gap * (below[1] + above[1]) / 2 - 1e-12


def label_column(panel: Axes, points: Mapping[str, tuple[float, float]], colors: Mapping[str, str]) -> None:
    """Write the names of points (x, y) in a column right of the panel, joined to them by thin lines.

    Call it last, when the limits of the axes stand.
    """
    names = list(points)
    low, high = panel.get_ylim()
    height = panel.get_figure(root=True).get_size_inches()[1]  # type: ignore[union-attr]
    shares = [(points[name][1] - low) / (high - low) for name in names]
    for name, share in zip(names, spread(shares, 0.165 / height, 0.0, 1.0), strict=True):
        line = {"arrowstyle": "-", "color": colors[name], "linewidth": 0.6, "alpha": 0.45}
        panel.annotate(
            name,
            points[name],
            (1.03, share),
            textcoords="axes fraction",
            va="center",
            fontsize=8.5,
            color=colors[name],
            annotation_clip=False,
            arrowprops=line | {"shrinkA": 0, "shrinkB": 3, "relpos": (0, 0.5)},
        )


def save(figure: Figure, path: str | os.PathLike[str], dpi: int) -> Path:
    """Write a figure as PNG, whole or not at all."""
    with atomic_file(path) as temporary:
        figure.savefig(temporary, format="png", dpi=dpi)
    return Path(path)
