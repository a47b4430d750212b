"""SLIM against scikit-learn's elastic nets of every column."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet

from graphrec_lm.errors import InputError
from graphrec_lm.models import EASE, SLIM
from tests.data.messages import check
from tests.models.test_closed_forms import SHAPES, random_dataset
from tests.models.worlds import checkerboard

EXACT = dict(tolerance=1e-9, sweeps=5000, verbose=False)


def elastic_nets(dense, l1, l2, positive):
    """The weights of every column by scikit-learn, the column itself set to zero in the data."""
    weights = np.zeros((dense.shape[1],) * 2)
    for column in range(dense.shape[1]):
        others = dense.astype(np.float64)
        others[:, column] = 0
        net = ElasticNet(
            alpha=(l1 + l2) / len(dense), l1_ratio=l1 / (l1 + l2), fit_intercept=False, positive=positive,
            tol=1e-10, max_iter=100_000,
        )  # fmt: skip
        weights[:, column] = net.fit(others, dense[:, column].astype(np.float64)).coef_
    return weights


@SHAPES
@pytest.mark.parametrize("nonnegative", [True, False])
def test_equals_scikit_learn(n_users, n_items, nonnegative):
    dataset, pattern = random_dataset(n_users, n_items)
    model = SLIM(l1=0.4, l2=1.5, nonnegative=nonnegative, **EXACT).fit(dataset)
    expected = elastic_nets(pattern.dense, 0.4, 1.5, nonnegative)
    np.testing.assert_allclose(model.item_weights_.toarray(), expected, atol=1e-5)
    assert (expected == 0).sum() > n_items and model.item_weights_.nnz <= (expected != 0).sum() + 5
    assert model.item_weights_.has_sorted_indices
    scores = model.predict([(5, item) for item in range(n_items)])
    np.testing.assert_allclose(scores, pattern.dense[5] @ expected, atol=1e-4)


def test_a_vanishing_l1_approaches_a_ridge():
    dataset, _ = random_dataset(60, 25)
    near = SLIM(l1=1e-7, l2=3.0, nonnegative=False, **EXACT).fit(dataset).item_weights_.toarray()
    np.testing.assert_allclose(near, EASE(regularization=3.0).fit(dataset).item_weights_, atol=1e-4)


def test_neighbors_are_those_of_most_users_in_common():
    dataset, pattern = random_dataset(60, 25)
    weights = SLIM(l1=0.01, l2=1.0, neighbors=4, verbose=False).fit(dataset).item_weights_.toarray()
    counts = pattern.dense.T @ pattern.dense
    np.fill_diagonal(counts, 0)
    for column, shared in enumerate(counts.T):
        allowed = np.argsort(-shared, kind="stable")[:4]
        assert set(np.flatnonzero(weights[:, column])) <= set(allowed)
    assert (weights > 0).sum() > 50


def test_an_explanation_adds_up_to_the_score():
    train = checkerboard().train
    fitted = SLIM(l1=0.1, l2=1.0, verbose=False).fit(train)
    found = fitted.explain("u4", 3, k=100)
    assert found["score"].sum() == pytest.approx(fitted.predict([("u4", 3)])[0], abs=1e-6)


BAD = {
    "no l1": ({"l1": 0.0}, "`l1` must be a number > 0", "0.0"),
    "l2 below zero": ({"l2": -1}, "`l2` must be a number >= 0", "-1"),
    "no neighbor": ({"neighbors": 0}, "`neighbors` must be an integer >= 1", "0"),
    "a word": ({"nonnegative": "yes"}, "`nonnegative` must be True or False", "'yes'"),
    "no tolerance": ({"tolerance": 0}, "`tolerance` must be a number > 0", "0"),
    "half a sweep": ({"sweeps": 0.5}, "`sweeps` must be an integer >= 1", "0.5"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_parameters(name):
    changes, *words = BAD[name]
    with pytest.raises(InputError) as error:
        SLIM(**changes).fit(checkerboard().train)
    check(error, words)
