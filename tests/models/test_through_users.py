"""The inverse of the Gram matrix through the users, against the inverse itself."""

from __future__ import annotations

import numpy as np
import pytest

from graphrec_lm.models.through_users import ThroughUsers
from tests.models.test_closed_forms import random_dataset
from tests.support import normal, random_csr


@pytest.mark.parametrize("regularization", [0.1, 3.0, 200.0])
def test_what_it_multiplies(regularization):
    dataset, pattern = random_dataset(9, 50)
    expected = np.linalg.inv(pattern.dense.T @ pattern.dense + regularization * np.eye(50))
    inverse, scale = ThroughUsers.of(dataset, regularization), np.abs(expected).max()
    near = {"atol": 1e-5 * scale, "rtol": 0}
    np.testing.assert_allclose(inverse.diagonal, np.diag(expected), **near)
    np.testing.assert_allclose(inverse.dense(), expected, **near)
    rows = normal((50, 4), 1)
    np.testing.assert_allclose(inverse.times(rows), expected @ rows, atol=1e-4 * scale)
    people = random_csr(13, 50, 0.1, seed=7)
    found = inverse.sums((people.indptr, people.indices))
    np.testing.assert_allclose(found, people.dense @ expected, atol=1e-4 * scale)
