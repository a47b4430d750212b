"""Reliability diagrams: are rows that were promised 30 % positive three times in ten?"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graphrec_lm.errors import InputError
from graphrec_lm.evaluation.plot_parts import COLORS, new_figure, save
from graphrec_lm.metrics import ece, reliability


def plot_reliability(
    models: Mapping[str, tuple[Any, Any]], path: str | os.PathLike[str], *, bins: int = 10, dpi: int = 160
) -> Path:
    """Draw observed shares against mean probabilities, bin by bin, to a PNG file.

    Parameters
    ----------
    models : mapping
        What to call a model -> its (labels, probabilities).
    path : path
        The PNG file, replaced atomically.
    bins : int
        Of equal width.
    dpi : int

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    InputError
        If there is no model, or its labels or probabilities are not what `metrics.reliability` needs.
    """
    if not models:
        raise InputError("`models` must not be empty", 0, "Pass {'DeepFM': (labels, probabilities)}.")
    tables = {name: (reliability(*pair, bins), ece(*pair, bins)) for name, pair in models.items()}
    figure = new_figure(4.5, 4.2)
    panel = figure.subplots()
    panel.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle=":")
    for place, (name, (table, error)) in enumerate(tables.items()):
        style: dict[str, Any] = {"color": COLORS[place % len(COLORS)], "marker": "o", "markersize": 4}
        panel.plot(table.predicted, table.observed, label=f"{name} (ECE {error:.3f})", **style)
    panel.set_xlabel("mean probability")
    panel.set_ylabel("share of positives")
    panel.set_aspect("equal")
    panel.legend(frameon=False, loc="upper left")
    return save(figure, path, dpi)
