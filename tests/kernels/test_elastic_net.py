"""Elastic nets meet their conditions of optimality, and equal plain coordinate descent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from graphrec_lm.errors import InputError
from graphrec_lm.kernels import elastic_net, gram, reference
from tests.data.messages import check
from tests.support import patterns, random_csr, thread_counts, threads

EXACT = dict(tolerance=1e-9, sweeps=3000)
PATTERN = random_csr(120, 60, 0.3, seed=0)
DENSE = PATTERN.dense.T @ PATTERN.dense


def counts(pattern):
    return gram(pattern.indptr, pattern.indices, pattern.n_columns, least=1)


def assert_optimal(found, matrix, column, l1, l2, nonnegative):
    """The slope is l1 · sign(w) where w is not zero, and within l1 elsewhere."""
    weights = found.astype(np.float64)
    slope = matrix[column] - matrix @ weights - l2 * weights
    free = (np.arange(len(matrix)) != column) & (np.diag(matrix) > 0)
    active = free & (weights != 0)
    assert np.abs(slope - l1 * np.sign(weights))[active].max(initial=0) < 1e-3
    beside = slope if nonnegative else np.abs(slope)
    assert beside[free & ~active].max(initial=0) < l1 + 1e-3
    assert not weights[~free].any() and (not nonnegative or (weights >= 0).all())


@settings(max_examples=40)
@given(
    pattern=patterns(largest=8),
    l1=st.sampled_from((0.1, 0.5, 2.0)),
    l2=st.sampled_from((0.5, 3.0)),
    nonnegative=st.booleans(),
)
def test_equals_plain_coordinate_descent(pattern, l1, l2, nonnegative):
    matrix, columns = counts(pattern), np.arange(pattern.n_columns)
    found = elastic_net(matrix, columns, l1=l1, l2=l2, nonnegative=nonnegative, **EXACT)
    expected = [reference.elastic_net(matrix.toarray(), column, l1, l2, nonnegative) for column in columns]
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("nonnegative", [True, False])
@pytest.mark.parametrize(("l1", "l2"), [(0.5, 2.0), (3.0, 0.0), (0.01, 10.0)])
def test_meets_the_conditions_of_optimality(l1, l2, nonnegative):
    columns = np.array([3, 59, 0, 31])
    found = elastic_net(counts(PATTERN), columns, l1=l1, l2=l2, nonnegative=nonnegative, **EXACT)
    for column, weights in zip(columns, found, strict=True):
        assert_optimal(weights, DENSE.astype(np.float64), column, l1, l2, nonnegative)
    assert ((found < 0).any() != nonnegative) and (found != 0).sum(1).max() > 8


def test_more_members_than_the_first_room():
    pattern = random_csr(400, 200, 0.1, seed=1)
    found = elastic_net(counts(pattern), np.array([7]), l1=0.01, l2=1.0, nonnegative=False, **EXACT)[0]
    assert_optimal(found, (pattern.dense.T @ pattern.dense).astype(np.float64), 7, 0.01, 1.0, False)
    assert (found != 0).sum() > 128


def test_only_candidates_get_weights():
    lists = [[2, 5, 9], [0, 1], [1, 5]] + [[]] * 57
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in lists])])
    pattern = indptr, np.concatenate(lists).astype(np.int32)
    found = elastic_net(counts(PATTERN), np.arange(3), l1=0.5, l2=2.0, candidates=pattern, **EXACT)
    for column, (weights, allowed) in enumerate(zip(found, lists, strict=False)):
        own = [*(item for item in allowed if item != column), column]
        part = elastic_net(
            sparse.csr_array(DENSE[np.ix_(own, own)]), np.array([len(own) - 1]), l1=0.5, l2=2.0, **EXACT
        )
        np.testing.assert_allclose(weights[own], part[0], atol=1e-5)
        assert set(np.flatnonzero(weights)) <= set(own)


def test_it_does_not_depend_on_the_number_of_threads():
    results = []
    for count in thread_counts():
        with threads(count):
            results.append(elastic_net(counts(PATTERN), np.arange(60), l1=0.5, l2=2.0))
    for result in results:
        np.testing.assert_array_equal(result, results[0])


BAD = {
    "no l1": ({"l1": 0.0}, "`l1` must be a number > 0", "0.0"),
    "a negative l2": ({"l2": -1.0}, "`l2` must be a number >= 0", "-1.0"),
    "no tolerance": ({"tolerance": 0.0}, "`tolerance` must be a number > 0", "0.0"),
    "no sweep": ({"sweeps": 0}, "`sweeps` must be an integer >= 1", "0"),
    "a negative entry": ({"gram": -counts(PATTERN)}, "`gram` must have no negative entry", "Pass"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments(name):
    changes, *words = BAD[name]
    arguments = {"gram": counts(PATTERN), "columns": np.arange(2), "l1": 1.0, "l2": 1.0, **changes}
    with pytest.raises(InputError) as error:
        elastic_net(**arguments)
    check(error, words)
