"""Nearest columns equal a full sort of the dense Gram matrix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrec_lm.errors import InputError
from graphrec_lm.kernels import co_occurring, nearest_of, reference
from tests.support import patterns, random_csr, thread_counts, threads


@given(pattern=patterns(), k=st.integers(1, 6), shrink=st.sampled_from((0.5, 10.0)))
def test_the_nearest_columns(pattern, k, shrink):
    found = co_occurring(pattern.indptr, pattern.indices, pattern.n_columns, k, shrink=shrink)
    np.testing.assert_array_equal(found.toarray(), reference.co_occurring(pattern.dense, k, shrink))
    assert found.has_sorted_indices and found.dtype == np.float32


def test_all_columns_are_the_gram_matrix_without_its_diagonal():
    pattern = random_csr(60, 30, 0.3, seed=0)
    found = co_occurring(pattern.indptr, pattern.indices, 30, 100).toarray()
    expected = reference.gram(pattern.dense)
    np.fill_diagonal(expected, 0)
    np.testing.assert_array_equal(found, expected)


def test_it_does_not_depend_on_the_number_of_threads():
    pattern, results = random_csr(80, 50, 0.2, seed=1), []
    for count in thread_counts():
        with threads(count):
            results.append(co_occurring(pattern.indptr, pattern.indices, 50, 7).toarray())
    for found in results:
        np.testing.assert_array_equal(found, results[0])


@pytest.mark.parametrize(("k", "shrink"), [(0, 1.0), (3, 0.0)])
def test_bad_numbers_are_refused(k, shrink):
    with pytest.raises(InputError, match="must be"):
        co_occurring(np.array([0, 1]), np.array([0], dtype=np.int32), 1, k, shrink=shrink)


@given(pattern=patterns(), k=st.integers(1, 4), more=st.integers(0, 5))
def test_the_nearest_of_more_are_the_nearest(pattern, k, more):
    wide = co_occurring(pattern.indptr, pattern.indices, pattern.n_columns, k + more)
    found = nearest_of(wide, pattern.dense.sum(0), k)
    expected = co_occurring(pattern.indptr, pattern.indices, pattern.n_columns, k)
    np.testing.assert_array_equal(found.toarray(), expected.toarray())
