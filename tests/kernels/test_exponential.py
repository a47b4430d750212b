"""The vectorised exponential against double precision."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from graphrec_lm.kernels.exponential import exponential


@given(st.floats(-60, 88, width=32))
def test_it_is_within_two_units_in_the_last_place(x):
    found, expected = exponential(np.float32(x)), np.exp(np.float64(x))
    assert abs(found / expected - 1) <= 2.4e-7


def test_it_is_one_at_zero_and_nothing_far_below():
    assert exponential(np.float32(0)) == 1
    assert exponential(np.float32(-60.5)) == exponential(np.float32(-np.inf)) == 0
