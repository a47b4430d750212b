"""The largest entries of each row equal a full sort."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from graphrec_lm.errors import InputError
from graphrec_lm.kernels import keep_largest, reference
from tests.support import thread_counts, threads

FEW_VALUES = st.sampled_from((-1.0, 0.0, 1.0, 2.0, 2.5))  # many ties


@given(matrix=arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(1, 8)), elements=FEW_VALUES))
@pytest.mark.parametrize("count", [0, 1, 3, 10])
def test_of_equal_entries_the_first_are_kept(count, matrix):
    found = keep_largest(sparse.csr_array(matrix), count)
    np.testing.assert_array_equal(found.toarray(), reference.keep_largest(matrix, count))
    assert found.has_sorted_indices and (found.data > 0).all()


def test_columns_in_any_order_on_any_number_of_threads():
    dense = np.random.default_rng(0).integers(0, 9, (50, 40)).astype(np.float32)
    given = sparse.csr_array(dense)
    for row in range(50):
        part = slice(*given.indptr[row : row + 2])
        given.indices[part], given.data[part] = (
            given.indices[part][::-1].copy(),
            given.data[part][::-1].copy(),
        )
    given.has_sorted_indices = False
    for count in thread_counts():
        with threads(count):
            found = keep_largest(given, 7).toarray()
        np.testing.assert_array_equal(found, reference.keep_largest(dense, 7))


def test_a_count_below_none_is_refused():
    with pytest.raises(InputError, match="`count` must be an integer >= 0"):
        keep_largest(sparse.csr_array(np.eye(2)), -1)


def test_what_is_no_number_is_left_out():
    found = keep_largest(sparse.csr_array(np.array([[1.0, np.nan, 2.0, 3.0]])), 2)
    np.testing.assert_array_equal(found.toarray(), [[0, 0, 2, 3]])
