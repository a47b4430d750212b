"""spmm equals its readable twin, dense algebra, on patterns of every kind."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrec_lm.errors import InputError
from graphrec_lm.kernels import from_bfloat16, reference, spmm, to_bfloat16
from tests.support import WIDTHS, normal, patterns, random_csr, thread_counts, threads

CLOSE = {"rtol": 1e-5, "atol": 1e-5}


@given(pattern=patterns(), dim=st.sampled_from(WIDTHS), rows=st.booleans(), columns=st.booleans())
def test_equals_dense_algebra(pattern, dim, rows, columns):
    x = normal((pattern.n_columns, dim))
    row_scale = normal((pattern.n_rows,), 1) if rows else None
    col_scale = normal((pattern.n_columns,), 2) if columns else None
    expected = reference.spmm(
        pattern.indptr,
        pattern.indices,
        x,
        np.ones(pattern.n_rows, np.float32) if row_scale is None else row_scale,
        np.ones(pattern.n_columns, np.float32) if col_scale is None else col_scale,
    )
    found = spmm(pattern.indptr, pattern.indices, x, row_scale=row_scale, col_scale=col_scale)
    assert found.dtype == np.float32 and found.shape == (pattern.n_rows, dim)
    np.testing.assert_allclose(found, expected, **CLOSE)


@given(pattern=patterns(types=("li",)), dim=st.sampled_from(WIDTHS), factor=st.sampled_from((1.0, 0.25)))
def test_adds_and_multiplies_in_the_same_pass(pattern, dim, factor):
    x, add = normal((pattern.n_columns, dim)), normal((pattern.n_rows, dim), 1)
    found = spmm(pattern.indptr, pattern.indices, x, add=add, factor=factor)
    np.testing.assert_allclose(found, factor * (add + pattern.dense @ x), **CLOSE)


@given(pattern=patterns(types=("li",)))
def test_the_twin_builds_the_matrix_that_scipy_builds(pattern):
    np.testing.assert_array_equal(reference.dense(*pattern), pattern.dense)


def test_overwrites_out():
    pattern, x = random_csr(9, 5, 0.3, seed=0), normal((5, 6))
    out = np.full((9, 6), np.nan, np.float32)
    assert spmm(pattern.indptr, pattern.indices, x, out=out) is out
    np.testing.assert_allclose(out, pattern.dense @ x, **CLOSE)


def test_no_rows():
    assert spmm(np.zeros(1, np.int64), np.zeros(0, np.int32), normal((3, 4))).shape == (0, 4)


def test_does_not_depend_on_the_number_of_threads():
    pattern, x = random_csr(500, 300, 0.05, seed=3), normal((300, 17))
    results = []
    for count in thread_counts():
        with threads(count):
            results.append(spmm(pattern.indptr, pattern.indices, x, col_scale=normal((300,), 1)))
    assert all(np.array_equal(results[0], result) for result in results)


@given(pattern=patterns(types=("li",)), dim=st.sampled_from((16, 64, 80)))
def test_bfloat16_storage_is_summed_in_float32(pattern, dim):
    rounded = to_bfloat16(normal((pattern.n_columns, dim)))
    found = spmm(pattern.indptr, pattern.indices, rounded)
    np.testing.assert_array_equal(found, spmm(pattern.indptr, pattern.indices, from_bfloat16(rounded)))


ONE = {"indptr": np.array([0, 1]), "indices": np.array([0]), "x": np.ones((1, 2), np.float32)}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x": np.ones((1, 2))}, "`x` must be a float32 matrix, C-contiguous, got float64"),
        ({"x": np.ones((2, 3), np.float32).T}, "`x` must be a float32 matrix"),
        ({"x": np.ones((1, 2), np.uint16)}, "must be a multiple of 16, got 2"),
        ({"row_scale": np.ones(2, np.float32)}, "`row_scale` must be float32"),
        ({"col_scale": np.ones(2, np.float32)}, "`col_scale` must be float32"),
        ({"add": np.ones((1, 3), np.float32)}, "`add` must be float32"),
        ({"out": np.ones((1, 2))}, "`out` must be float32"),
        ({"indptr": np.array([0, 2])}, "`indptr` must end at most at 1, got 2"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changed, message):
    with pytest.raises(InputError, match=message):
        spmm(**(ONE | changed))
