"""The largest weights of each column, of any kind of weights."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import graphrec_lm
from graphrec_lm.errors import InputError
from graphrec_lm.models import TextRidge, truncation
from graphrec_lm.models.thin_plus_sparse import ThinPlusSparse
from graphrec_lm.models.truncation import truncated
from tests.models.worlds import checkerboard

WORLD = checkerboard()


def kinds() -> dict[str, tuple[object, np.ndarray]]:
    generator = np.random.default_rng(0)
    dense = generator.standard_normal((30, 30)).astype(np.float32)
    left, right = generator.standard_normal((2, 30, 3)).astype(np.float32)
    few = np.where(generator.random((30, 30)) < 0.3, dense, 0).astype(np.float32)
    thin = ThinPlusSparse(left, right, sparse.csr_array(few))
    return {
        "dense": (dense, dense),
        "sparse": (sparse.csr_array(few), few),
        "thin": (thin, left @ right.T + few),
    }


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize("keep", [1, 7, 30, 99])
def test_it_keeps_the_largest_of_each_column(kind, keep, monkeypatch):
    monkeypatch.setattr(truncation, "_COLUMNS", 8)
    weights, whole = kinds()[kind]
    order = np.argsort(-np.abs(whole), axis=0)[:keep]
    expected = np.zeros_like(whole)
    np.put_along_axis(expected, order, np.take_along_axis(whole, order, axis=0), axis=0)
    found = truncated(weights, keep)
    assert found.has_sorted_indices and found.nnz == np.count_nonzero(expected)
    np.testing.assert_allclose(found.toarray(), expected, atol=1e-5)


def test_a_model_with_few_weights(tmp_path):
    whole = TextRidge(100.0, 1.0, 10.0, encoder=WORLD.encoder).fit(WORLD.train)
    all_kept = TextRidge(100.0, 1.0, 10.0, keep=99, encoder=WORLD.encoder).fit(WORLD.train)
    np.testing.assert_allclose(all_kept.item_weights_.toarray(), whole.item_weights_, atol=1e-7)
    few = TextRidge(100.0, 1.0, 10.0, keep=3, encoder=WORLD.encoder).fit(WORLD.train)
    assert few.item_weights_.nnz <= 3 * 21
    few.save(tmp_path / "m")
    loaded = graphrec_lm.load(tmp_path / "m")
    pd.testing.assert_frame_equal(loaded.recommend(["u0"]), few.recommend(["u0"]))
    for model in (few, loaded):
        assert np.shares_memory(model.item_weights_.indices, model._state.arrays["weights.indices"])
        assert np.shares_memory(model.item_weights_.data, model._state.arrays["weights.values"])
    parts = few.explain("u0", 9, k=30)
    np.testing.assert_allclose(parts["interactions"] + parts["titles"], parts["score"], atol=1e-6)
    assert (parts["interactions"][parts["score"] == 0] == 0).all()


def test_bad_numbers():
    with pytest.raises(InputError, match="`keep` must be an integer >= 1"):
        TextRidge(keep=0, encoder=WORLD.encoder).fit(WORLD.train)
