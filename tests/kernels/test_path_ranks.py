"""Ranks on a path of scores equal those of a full sort."""

from __future__ import annotations

import numpy as np
import pytest

from graphrec_lm.kernels import path_ranks, reference
from tests.support import thread_counts, threads

STRENGTHS = [0.0, 0.5, 3.0]


def pattern_of(lists):
    return np.cumsum([0, *map(len, lists)]), np.array(
        [item for items in lists for item in items], dtype=np.int32
    )


@pytest.mark.parametrize("n_items", [3, 40, 900])
@pytest.mark.parametrize("values", [4, 10_000], ids=["ties", "distinct"])
@pytest.mark.parametrize("most", [1, 20, 2000])
def test_ranks_are_those_of_a_sort(n_items, values, most):
    generator = np.random.default_rng([n_items, values])
    constant, slope = generator.integers(0, values, (2, 30, n_items)).astype(np.float32)
    hidden = generator.random((30, n_items)) < 0.2
    best = np.where(hidden, -1, constant).argmax(axis=1)
    drawn = [generator.choice(n_items, generator.integers(0, 3), replace=False) for _ in range(29)]
    asked = [sorted({*some, first}) for some, first in zip(drawn, best[:29], strict=True)] + [[]]
    expected = np.array(reference.path_ranks(constant, slope, STRENGTHS, hidden, asked))
    expected[(expected == 0) | (expected > most)] = most + 1
    assert (expected <= most).any()
    seen = pattern_of([np.flatnonzero(row) for row in hidden])
    for count in thread_counts():
        with threads(count):
            found = path_ranks(constant, slope, STRENGTHS, seen, pattern_of(asked), most)
        np.testing.assert_array_equal(found, expected)


def test_what_is_no_number_is_ranked_last():
    constant, nothing = np.array([[np.nan, 2, -np.inf, 1]], dtype=np.float32), pattern_of([[]])
    found = path_ranks(constant, np.zeros_like(constant), [1.0], nothing, pattern_of([[0, 1, 2, 3]]), 3)
    np.testing.assert_array_equal(found, [[4, 1, 4, 2]])
