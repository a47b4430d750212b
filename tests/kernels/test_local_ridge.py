"""Small systems equal numpy's solutions; what is not positive definite falls back to its diagonal."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from graphrec_lm.kernels import local_ridge, pair_products, reference, weighted_products
from tests.support import normal, thread_counts, threads


def problem(n=30, density=0.3, seed=0):
    rng = np.random.default_rng(seed)
    basis = rng.standard_normal((n, 2 * n)).astype(np.float32)
    gram = basis @ basis.T
    support = rng.random((n, n)) < density
    np.fill_diagonal(support, False)
    support[0] = False  # a column without neighbours
    off = gram - np.diag(np.diag(gram))
    return csr_array(support.astype(np.float32)), csr_array(off), np.diag(gram) + np.float32(1)


@pytest.mark.parametrize("sides", [1, 3])
def test_systems(sides):
    support, off, diagonal = problem()
    right = normal((sides, support.nnz), 1)
    found = local_ridge(support, off, diagonal, right)
    expected = reference.local_ridge(support.toarray() > 0, off.toarray(), diagonal, right)
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize("part", [np.triu, np.tril])
def test_one_of_two_entries_is_enough(part):
    support, off, diagonal = problem()
    right = normal((1, support.nnz), 1)
    half = csr_array(part(off.toarray()))
    np.testing.assert_array_equal(
        local_ridge(support, half, diagonal, right), local_ridge(support, off, diagonal, right)
    )


def test_a_system_that_is_not_positive_definite_uses_its_diagonal():
    off = csr_array(np.array([[0, 5, 0], [5, 0, 0], [0, 0, 0]], dtype=np.float32))
    support = csr_array(np.array([[0, 0, 0], [0, 0, 0], [1, 1, 0]], dtype=np.float32))
    diagonal, right = np.array([1, 2, 3], np.float32), np.array([[4, 6]], np.float32)
    np.testing.assert_array_equal(local_ridge(support, off, diagonal, right), [[4, 3]])


def test_it_does_not_depend_on_the_number_of_threads():
    support, off, diagonal = problem(seed=2)
    right, results = normal((2, support.nnz), 1), []
    for count in thread_counts():
        with threads(count):
            results.append(local_ridge(support, off, diagonal, right))
    for found in results:
        np.testing.assert_array_equal(found, results[0])


@pytest.mark.parametrize("dim", [1, 7, 64])
def test_pair_products(dim):
    left, right = normal((9, dim), 0), normal((5, dim), 1)
    rows, columns = np.array([0, 8, 3, 3], np.int32), np.array([4, 0, 1, 1], np.int32)
    expected = np.einsum("pd,pd->p", left[rows], right[columns])
    np.testing.assert_allclose(pair_products(left, right, rows, columns), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dim", [1, 7, 64])
def test_weighted_products(dim):
    left, right, weights = normal((9, dim), 0), normal((5, dim), 1), normal((3, dim), 2)
    rows, columns = np.array([0, 8, 3, 3], np.int32), np.array([4, 0, 1, 1], np.int32)
    expected = np.einsum("nd,pd,pd->np", weights, left[rows], right[columns])
    found = weighted_products(left, right, weights, rows, columns)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
