"""Embedding rows of fields and sums over pairs against their readable twins."""

from __future__ import annotations

import numpy as np
import pytest

from graphrec_lm.errors import InputError
from graphrec_lm.kernels import gather_fields, pair_gradient, pair_sums, reference, scatter_fields
from tests.support import normal, thread_counts, threads

STARTS = np.array([0, 1, 2, 5], np.int64)


def rows(events=300):
    rng = np.random.default_rng(0)
    columns = [rng.integers(1, 4, events), rng.integers(4, 9, events)]
    columns += [np.where(rng.random(events) < 0.4, 0, rng.integers(9, 14, events)) for _ in range(3)]
    table = normal((14, 7), 1)
    table[0] = 0
    return table, np.stack(columns, axis=1).astype(np.int32)


@pytest.mark.parametrize("count", thread_counts())
def test_rows_and_their_gradient_equal_their_twins(count):
    table, codes = rows()
    assert (codes[:, 2:] == 0).all(axis=1).any()
    with threads(count):
        found = gather_fields(table, codes, STARTS)
        for one, other in zip(found, reference.gather_fields(table, codes, STARTS), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
        upstream = normal(found[0].shape, 2), normal(found[1].shape, 3)
        gradient, expected = np.ones_like(table), np.ones_like(table)
        scatter_fields(gradient, codes, STARTS, *upstream)
    reference.scatter_fields(expected, codes, STARTS, *upstream)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-4)
    assert (gradient[0] == 1).all()


def test_pairs_and_their_gradient_equal_their_twins():
    fields, upstream = normal((50, 6, 5), 0), normal((50, 5), 1)
    pairs, sums = pair_sums(fields)
    for one, other in zip((pairs, sums), reference.pair_sums(fields), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    found = pair_gradient(upstream, fields, sums)
    np.testing.assert_allclose(found, reference.pair_gradient(upstream, fields, sums), rtol=1e-5, atol=1e-5)


def test_no_events_and_no_fields():
    table, codes = rows()
    assert gather_fields(table, codes[:0], STARTS)[0].shape == (0, 3, 6)
    fields, first = gather_fields(table, codes[:4, :0], np.zeros(1, np.int64))
    assert fields.shape == (4, 0, 6) and not first.any()


@pytest.mark.parametrize("code", [-1, 14])
def test_codes_outside_the_table_are_refused(code):
    table, codes = rows()
    codes[3, 0] = code
    with pytest.raises(InputError, match="must be rows of the table, 0 to 13"):
        gather_fields(table, codes, STARTS)
