"""Datasets under their protocols, and the controls' vectors."""

from __future__ import annotations

import numpy as np
import pytest
from comparing import domains

from graphrec_lm.text import embed

FIXED = {"method": "from_column"}


@pytest.fixture
def toy(data):
    return domains.read(data / "toy", FIXED)


def vectors(toy, name: str) -> np.ndarray:
    from graphrec_lm.text import resolve_encoder

    return embed(toy.split.train.titles, resolve_encoder(toy.encoder(name)))


def test_controls_keep_the_shape_and_lose_the_meaning(toy):
    real, shuffled = vectors(toy, "minilm"), vectors(toy, "shuffled minilm")
    assert not np.array_equal(real, shuffled)
    assert sorted(map(tuple, real.tolist())) == sorted(map(tuple, shuffled.tolist()))
    random = vectors(toy, "random 8")
    assert np.allclose(np.linalg.norm(random, axis=1), 1, atol=1e-5)
    assert np.array_equal(random, vectors(toy, "random 8"))
    assert vectors(toy, "tfidf 4").shape == (len(real), 4)
    assert vectors(toy, "minilm+random 8").shape == (len(real), real.shape[1] + 8)


def test_items_in_no_positive_are_left_out(toy):
    assert toy.split.train.n_items == 20
    assert toy.vectors("minilm").shape == (20, 8)


def test_known_users_are_those_with_a_past(data):
    split = {"method": "global_time", "by": "timestamp", "valid": 0.3, "test": 0.5}
    everyone = domains.read(data / "toy", split).split
    known = domains.read(data / "toy", split, known_users=True).split
    past = everyone.train.user_counts > 0
    assert not past.all()
    for part, whole in zip(known[1:], everyone[1:], strict=True):
        assert np.array_equal(part.user_counts, np.where(past, whole.user_counts, 0))
