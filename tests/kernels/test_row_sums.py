"""Sums of sparse rows equal the dense product, on any number of threads and in any company."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from graphrec_lm.errors import InputError
from graphrec_lm.kernels import add_row_sums, reference
from tests.support import thread_counts, threads


def random_sparse(shape, seed, density=0.3):
    generator = np.random.default_rng(seed)
    dense = generator.normal(size=shape) * (generator.random(shape) < density)
    return sparse.csr_array(dense.astype(np.float32))


@pytest.mark.parametrize("with_values", [False, True])
@pytest.mark.parametrize("size", [np.int32, np.int64])
def test_sums_are_added_to_what_is_there(with_values, size):
    weights, matrix = random_sparse((40, 30), 0), random_sparse((30, 50), 1)
    matrix = sparse.csr_array(
        (matrix.data, matrix.indices.astype(size), matrix.indptr.astype(size)), shape=(30, 50)
    )
    values = weights.data if with_values else None
    pattern = weights if with_values else weights != 0
    start = np.random.default_rng(2).normal(size=(40, 50)).astype(np.float32)
    expected = reference.add_row_sums(start, pattern.toarray().astype(np.float32), matrix.toarray())
    for count in thread_counts():
        with threads(count):
            found = start.copy()
            assert add_row_sums(found, weights.indptr, weights.indices, matrix, values) is found
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_row_is_summed_alike_alone_and_among_others():
    weights, matrix = random_sparse((20, 30), 3), random_sparse((30, 50), 4)
    together = add_row_sums(np.zeros((20, 50), np.float32), weights.indptr, weights.indices, matrix)
    for row in range(20):
        part = weights.indices[slice(*weights.indptr[row : row + 2])]
        alone = add_row_sums(np.zeros((1, 50), np.float32), np.array([0, len(part)]), part, matrix)
        np.testing.assert_array_equal(alone[0], together[row])


@pytest.mark.parametrize("shape", [(1, 50), (2, 49)])
def test_sums_of_another_shape_are_refused(shape):
    with pytest.raises(InputError, match="must have shape"):
        nothing = np.zeros(3, np.int64), np.zeros(0, np.int32)
        add_row_sums(np.zeros(shape, np.float32), *nothing, random_sparse((30, 50), 5))
