"""The plots of a comparison: PNG files with what they should show; labels that keep apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrec_lm.errors import InputError
from graphrec_lm.evaluation import (
    Difference,
    plot_differences,
    plot_learning,
    plot_strata,
    plot_tradeoff,
)
from graphrec_lm.evaluation.plot_parts import spread
from tests.evaluation.test_plots import history, png_size

POINTS = {"EASE": (0.4, 0.21), "AlphaRec": (90.0, 0.2), "Popularity": (0.0, 0.11)}
GROUPS = {"EASE": "closed", "Popularity": "closed", "AlphaRec": "trained"}
PAIRS = [Difference("A", "B", 0.1, 0.05, 0.15, 0.001, 0.002), Difference("A", "C", 0.0, -0.1, 0.1, 0.9, 0.9)]
STRATA = {name: {"head": value, "tail": value / 10} for name, (_, value) in POINTS.items()}

DRAWINGS = {
    "tradeoff": lambda path, **o: plot_tradeoff(POINTS, path, groups=GROUPS, dpi=50, **o),
    "learning": lambda path, **o: plot_learning({"A": history(20, 1.0)}, path, target=0.15, dpi=50, **o),
    "strata": lambda path, **o: plot_strata(STRATA, path, groups=GROUPS, dpi=50, **o),
    "differences": lambda path, **o: plot_differences(PAIRS, path, reference="A", dpi=50, **o),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_plot_is_a_png_with_colour(name, tmp_path: Path):
    from matplotlib.image import imread

    path = DRAWINGS[name](tmp_path / f"{name}.png", title="Films")
    assert min(png_size(path)) > 50
    pixels = (imread(path)[:, :, :3] * 255).round().astype(int).reshape(-1, 3)
    assert (0x00, 0x72, 0xB2) in {tuple(pixel) for pixel in pixels}
    assert [file.name for file in tmp_path.iterdir()] == [f"{name}.png"]


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda path: plot_tradeoff({}, path), "must hold finite"),
        (lambda path: plot_tradeoff({"A": (1.0, float("nan"))}, path), "must hold finite"),
        (lambda path: plot_learning({}, path), "must not be empty"),
        (lambda path: plot_learning({"A": [{"epoch": 1, "seconds": 1}]}, path), "none among 1 epochs of 'A'"),
        (lambda path: plot_strata({"A": {"head": 1.0}, "B": {}}, path), r"others for \['B'\]"),
        (lambda path: plot_strata({}, path), "same strata"),
        (lambda path: plot_strata({"A": {"head": float("nan")}}, path), "must be finite"),
        (lambda path: plot_differences(PAIRS, path, reference="D"), "Valid: A, B, C"),
        (lambda path: plot_differences(PAIRS, path, reference="A", least=2), "`least`"),
    ],
)
def test_bad_input_writes_nothing(draw, message, tmp_path: Path):
    with pytest.raises(InputError, match=message):
        draw(tmp_path / "x.png")
    assert list(tmp_path.iterdir()) == []


def test_a_p_value_that_more_resamples_could_lower_says_so(tmp_path: Path, monkeypatch):
    from matplotlib.axes import Axes

    written: list[str] = []
    monkeypatch.setattr(Axes, "annotate", lambda self, text, *args, **kwargs: written.append(text))
    plot_differences(PAIRS, tmp_path / "x.png", reference="A", least=0.002, dpi=50)
    assert written == ["p = .900", "p ≤ .002"]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=15), st.floats(0.01, 0.2))
def test_labels_keep_apart_in_order_and_inside(values, gap):
    placed = np.array(spread(values, gap, 0.0, 1.0))
    assert placed.min() >= -1e-9
    assert placed.max() <= 1 + 1e-9
    order = np.argsort(values, kind="stable")
    least = min(gap, 1 / max(1, len(values) - 1))
    assert (np.diff(placed[order]) >= least - 1e-9).all()


def test_labels_with_room_stay_where_they_are():
    assert spread([0.9, 0.1, 0.5], 0.1, 0.0, 1.0) == [0.9, 0.1, 0.5]
