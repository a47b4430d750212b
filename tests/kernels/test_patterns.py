"""Operations on CSR patterns equal scipy's."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from graphrec_lm.kernels import join_rows, take_rows, transpose
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


@given(first=patterns(types=("li",)), second=patterns(types=("li",)))
def test_join_rows(first, second):
    rows = min(first.n_rows, second.n_rows)
    one, two = (take_rows(p.indptr, p.indices, np.arange(rows)) for p in (first, second))
    joined = join_rows(one, two)
    for row in range(rows):
        found = joined[1][joined[0][row] : joined[0][row + 1]]
        parts = [p[1][p[0][row] : p[0][row + 1]] for p in (one, two)]
        np.testing.assert_array_equal(found, np.concatenate(parts))
