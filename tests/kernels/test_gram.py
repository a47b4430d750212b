"""Gram matrices equal dense algebra; the thresholded one keeps exactly what passes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrec_lm.errors import InputError
from graphrec_lm.kernels import gram, reference
from tests.support import normal, patterns, random_csr, thread_counts, threads


def weights(pattern, weighted):
    return np.abs(normal((pattern.n_rows,), 3)) if weighted else None


@given(pattern=patterns(), weighted=st.booleans())
def test_dense(pattern, weighted):
    weight = weights(pattern, weighted)
    found = gram(pattern.indptr, pattern.indices, pattern.n_columns, row_weight=weight)
    np.testing.assert_allclose(found, reference.gram(pattern.dense, weight), rtol=1e-5, atol=1e-6)
    assert found.dtype == np.float32 and (weighted or (found == reference.gram(pattern.dense)).all())


@given(pattern=patterns(), least=st.sampled_from((0.0, 1.0, 2.0, 3.0)))
def test_thresholded(pattern, least):
    expected = reference.gram(pattern.dense, least=least)
    found = gram(pattern.indptr, pattern.indices, pattern.n_columns, least=least)
    np.testing.assert_array_equal(found.toarray(), expected)
    assert found.nnz == (expected > 0).sum() and found.has_sorted_indices


def test_it_does_not_depend_on_the_number_of_threads():
    pattern = random_csr(60, 40, 0.2, seed=0)
    weight, results = weights(pattern, True), []
    for count in thread_counts():
        with threads(count):
            arguments = pattern.indptr, pattern.indices, pattern.n_columns
            dense = gram(*arguments, row_weight=weight)
            results.append((dense, gram(*arguments, row_weight=weight, least=0.5).toarray()))
    for dense, sparse in results:
        np.testing.assert_array_equal(dense, results[0][0])
        np.testing.assert_array_equal(sparse, results[0][1])


def test_a_threshold_that_is_no_number_is_refused():
    with pytest.raises(InputError, match="`least` must be"):
        gram(np.array([0, 1]), np.array([0], dtype=np.int32), 1, least=float("nan"))
