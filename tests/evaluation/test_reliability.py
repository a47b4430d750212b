"""The reliability diagram is a picture, or says what is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from graphrec_lm.errors import InputError
from graphrec_lm.evaluation import plot_reliability


def test_draws_a_png(tmp_path):
    rng = np.random.default_rng(0)
    p = rng.random(200)
    path = plot_reliability({"a": (rng.random(200) < p, p), "b": (p > 0.5, p)}, tmp_path / "r.png", dpi=40)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_refuses_nothing(tmp_path):
    with pytest.raises(InputError, match="`models` must not be empty"):
        plot_reliability({}, tmp_path / "r.png")
