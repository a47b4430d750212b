"""Standardised sums equal numpy's."""

from __future__ import annotations

import numpy as np
import pytest

from graphrec_lm.kernels import add_standardised, reference, weighted_sum
from tests.support import normal


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (40, 1001)])
def test_sums_of_standardised_rows(shape):
    parts = [normal(shape, 0), normal(shape, 1) * 50 + 1000]
    weights = normal((shape[0], 2), 2)
    expected = sum(
        w[:, None] * reference.standardised(part) for w, part in zip(weights.T, parts, strict=True)
    )
    np.testing.assert_allclose(weighted_sum(parts, weights), expected, atol=2e-3, rtol=1e-3)


def test_a_row_without_variation_adds_nothing():
    scores = np.full((2, 7), np.float32(1e6 + 0.1))
    scores[1] = np.arange(7)
    found = add_standardised(np.zeros((2, 7), np.float32), scores, np.ones(2, np.float32))
    assert not found[0].any() and found[1].std() == pytest.approx(1, abs=1e-5)
