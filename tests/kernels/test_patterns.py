"""Operations on CSR patterns equal scipy's."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from graphrec_lm.kernels import csr_of, join_rows, pattern_matrix, rows_between, take_rows, transpose
from tests.support import patterns


def assert_pattern(found, indptr, indices):
    assert found[0].dtype == np.int64 and found[1].dtype == np.int32
    np.testing.assert_array_equal(found[0], indptr)
    np.testing.assert_array_equal(found[1], indices)


@given(pattern=patterns())
def test_transpose(pattern):
    expected = sparse.csr_array(pattern.dense.T)
    assert_pattern(transpose(*pattern), expected.indptr, expected.indices)


@given(pattern=patterns())
def test_transpose_with_positions(pattern):
    values = np.arange(1, len(pattern.indices) + 1)
    shape = pattern.n_rows, pattern.n_columns
    expected = sparse.csr_array((values, pattern.indices, pattern.indptr), shape).tocsc()
    assert_pattern(transpose(*pattern, positions=True), expected.indptr, expected.data - 1)


@given(pattern=patterns(), data=st.data())
def test_take_rows(pattern, data):
    rows = np.array(data.draw(st.lists(st.integers(0, pattern.n_rows - 1), max_size=9)), dtype=np.int64)
    expected = sparse.csr_array(pattern.dense[rows])
    assert_pattern(take_rows(pattern.indptr, pattern.indices, rows), expected.indptr, expected.indices)


@given(pattern=patterns(), data=st.data())
def test_rows_between(pattern, data):
    start = data.draw(st.integers(0, pattern.n_rows))
    stop = data.draw(st.integers(start, pattern.n_rows))
    found = rows_between((pattern.indptr, pattern.indices), start, stop)
    expected = take_rows(pattern.indptr, pattern.indices, np.arange(start, stop))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert np.shares_memory(found[1], pattern.indices) or not len(found[1])


@given(pattern=patterns())
def test_pattern_matrix(pattern):
    found = pattern_matrix(pattern.indptr, pattern.indices, pattern.n_columns)
    assert found.dtype == np.float32 and found.indices.dtype == found.indptr.dtype == pattern.indices.dtype
    np.testing.assert_array_equal(found.toarray(), pattern.dense)


def test_a_csr_array_shares_what_it_is_given():
    values, indices = np.array([1.0, 2.0]), np.array([1, 0], dtype=np.int32)
    for indptr in (np.array([0, 1, 2]), np.array([0, 1, 2], dtype=np.int32)):
        found = csr_of(values, indices, indptr, (2, 2))
        assert np.shares_memory(found.data, values) and np.shares_memory(found.indices, indices)
        assert np.shares_memory(found.indptr, indptr) == (indptr.dtype == np.int32)
        np.testing.assert_array_equal(found.toarray(), [[0, 1], [2, 0]])


@given(first=patterns(types=("li",)), second=patterns(types=("li",)))
def test_join_rows(first, second):
    rows = min(first.n_rows, second.n_rows)
    one, two = (take_rows(p.indptr, p.indices, np.arange(rows)) for p in (first, second))
    joined = join_rows(one, two)
    for row in range(rows):
        found = joined[1][joined[0][row] : joined[0][row + 1]]
        parts = [p[1][p[0][row] : p[0][row + 1]] for p in (one, two)]
        np.testing.assert_array_equal(found, np.concatenate(parts))
