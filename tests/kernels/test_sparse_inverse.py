"""The inverse by independent sets equals numpy's, whatever can and cannot be solved first."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from scipy import sparse

from graphrec_lm.kernels import sparse_inverse
from graphrec_lm.kernels.sparse_inverse import _by_cholesky, _independent, _levels
from tests.support import thread_counts, threads

module = sys.modules["graphrec_lm.kernels.sparse_inverse"]


def gram_of(n_users, n_items, per_user, seed, regularization=2.0, popularity=0.0):
    """A matrix like that of a ridge: sums of small cliques, plus a diagonal."""
    generator = np.random.default_rng(seed)
    chances = np.arange(1.0, n_items + 1) ** -popularity
    chances /= chances.sum()
    items = np.concatenate(
        [generator.choice(n_items, per_user, replace=False, p=chances) for _ in range(n_users)]
    )
    rows = np.repeat(np.arange(n_users), per_user)
    users = sparse.csr_array((np.ones(len(rows)), (rows, items)), shape=(n_users, n_items))
    return (users.T @ users + sparse.diags_array(np.full(n_items, regularization))).tocsr()


CASES = {
    "levels and a dense rest": gram_of(300, 400, 3, 0),
    "a diagonal": sparse.csr_array(np.diag(np.arange(1.0, 9.0))),
    "one row": sparse.csr_array(np.array([[4.0]])),
    "dense": gram_of(60, 20, 8, 1),
    "many nobodies": gram_of(10, 500, 2, 2),
    "popular and rare": gram_of(400, 300, 3, 3, regularization=0.1, popularity=1.0),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_the_inverse(name):
    matrix = CASES[name]
    expected = np.linalg.inv(matrix.toarray())
    for count in thread_counts():
        with threads(count):
            found = sparse_inverse(matrix).numpy()
        np.testing.assert_allclose(found, expected, atol=2e-6 * np.abs(expected).max())
        np.testing.assert_allclose(found, found.T, atol=1e-7)


def test_most_of_what_is_sparse_is_solved_first():
    levels, left, rest = _levels(CASES["levels and a dense rest"])
    assert len(levels) > 1
    solved = np.concatenate([level.codes for level in levels])
    np.testing.assert_array_equal(np.sort(np.concatenate([solved, left])), np.arange(400))
    assert rest.shape == (len(left), len(left)) and len(left) < 300
    expected = np.linalg.inv(CASES["levels and a dense rest"].toarray())[np.ix_(left, left)]
    np.testing.assert_allclose(np.linalg.inv(rest.toarray()), expected, atol=1e-9)


def test_no_two_rows_of_an_independent_set_meet():
    matrix = CASES["levels and a dense rest"]
    alone = np.flatnonzero(_independent(matrix, 50))
    among = matrix[alone][:, alone].toarray()
    assert len(alone) > 20
    np.testing.assert_array_equal(among, np.diag(np.diag(among)))


@pytest.mark.parametrize(
    "rows",
    [[[1, 2], [2, 1]], [[-1, 0], [0, 2]], [[0, 0], [0, 1]], [[1, 2, 0], [2, 1, 0], [0, 0, 1]]],
    ids=["nothing to solve first", "negative", "zero", "negative later"],
)
def test_a_matrix_that_is_not_positive_definite(rows, monkeypatch):
    monkeypatch.setattr(module, "_SPARSE", 1.0)
    with pytest.raises(torch.linalg.LinAlgError):
        sparse_inverse(sparse.csr_array(np.array(rows, dtype=np.float64)))


def test_where_little_can_be_solved_first_it_is_cholesky_s():
    dense = CASES["dense"]
    assert len(_levels(dense)[1]) > 0.85 * 20
    np.testing.assert_array_equal(sparse_inverse(dense).numpy(), _by_cholesky(dense))
