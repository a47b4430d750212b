"""WhiteGCN against dense algebra."""

from __future__ import annotations

import numpy as np
import pytest

from graphrec_lm.errors import InputError
from graphrec_lm.models import TextGCN, WhiteGCN
from graphrec_lm.models.white_gcn import _white_wish, whitening
from graphrec_lm.models.wishes import Wishes
from tests.models.worlds import checkerboard
from tests.support import normal

WORLD = checkerboard()


def unit(rows):
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)


def test_scores_equal_dense_algebra():
    dataset = WORLD.train
    pattern = np.zeros((dataset.n_users, dataset.n_items))
    pattern[dataset.edges.users, dataset.indices] = 1
    raw = unit(WORLD.encoder.encode(dataset.titles).astype(np.float16).astype(np.float64))
    touched = pattern.any(axis=0)
    center, covariance = raw[touched].mean(axis=0), np.cov(raw[touched].T, bias=True)
    values, vectors = np.linalg.eigh(covariance)
    transform = vectors @ np.diag((values + 0.01 * values.mean()) ** -0.5) @ vectors.T
    white = unit((raw - center) @ transform)
    inverse = [1 / np.sqrt(np.maximum(pattern.sum(axis=axis), 1)) for axis in (1, 0)]
    adjacency = inverse[0][:, None] * pattern * inverse[1]
    means = pattern / np.maximum(pattern.sum(axis=1, keepdims=True), 1)

    def hops(items, count):
        found = [(means @ items, items)]
        for _ in range(count):
            users, items = found[-1]
            found.append((adjacency @ items, adjacency.T @ users))
        return found

    plain, far = hops(raw, 2), hops(white, 2)[2]
    far_items = np.where(touched[:, None], far[1], white)
    expected = unit(sum(u for u, _ in plain)) @ unit(sum(i for _, i in plain)).T
    expected += 0.7 * unit(far[0]) @ unit(far_items).T
    model = WhiteGCN(weight=0.7, encoder=WORLD.encoder).fit(dataset)
    np.testing.assert_allclose(model.user_vectors_ @ model.item_vectors_.T, expected, atol=2e-5)


def test_without_the_white_part_it_is_textgcn():
    ours = WhiteGCN(weight=0, layers=3, encoder=WORLD.encoder).fit(WORLD.train)
    theirs = TextGCN(layers=3, encoder=WORLD.encoder).fit(WORLD.train)
    scores = ours.user_vectors_ @ ours.item_vectors_.T
    np.testing.assert_allclose(scores, theirs.user_vectors_ @ theirs.item_vectors_.T, atol=1e-5)


def test_white_titles_are_white():
    generator = np.random.default_rng(0)
    rows = (generator.standard_normal((5000, 4)) @ generator.standard_normal((4, 4)) + 3).astype(np.float32)
    center, transform = whitening(rows)
    covariance = np.cov(((rows - center) @ transform).T)
    largest = np.linalg.eigvalsh(np.cov(rows.T))
    shrunken = largest / (largest + 0.01 * largest.mean())
    np.testing.assert_allclose(np.sort(np.linalg.eigvalsh(covariance)), np.sort(shrunken), rtol=1e-3)
    few = whitening(rows[:2])
    assert all(np.isfinite(part).all() for part in few)


def test_both_parts_of_a_wish_are_whitened_as_texts():
    center, transform = whitening(normal((30, 4), 0) + 3)
    wanted, unwanted = unit(normal((3, 4), 1)), unit(normal((3, 4), 2))
    wanted[1] = unwanted[2] = 0
    wishes = Wishes(wanted, unwanted, np.ones(3, np.float32), np.eye(4, dtype=np.float32))
    white = [unit((part - center) @ transform) for part in (wanted, unwanted)]
    expected = [white[0][0] - white[1][0] / 2, -white[1][1] / 2, white[0][2]]
    np.testing.assert_allclose(_white_wish(wishes, center, transform), expected, atol=1e-5)


def test_the_weight_is_the_best_on_validation():
    model = WhiteGCN(encoder=WORLD.encoder).fit(WORLD.train, valid=WORLD.valid)
    found = {
        weight: WhiteGCN(weight=weight, encoder=WORLD.encoder)
        .fit(WORLD.train)
        .evaluate(WORLD.valid)["ndcg@20"]
        for weight in (0.0, 0.2, 1.0, 5.0)
    }
    best = model.evaluate(WORLD.valid)["ndcg@20"]
    assert best >= max(found.values()) - 1e-9
    assert WhiteGCN(encoder=WORLD.encoder).fit(WORLD.train).weight_ == 1.0
    assert model.adapt(WORLD.train).weight_ == model.weight_


@pytest.mark.parametrize(
    ("params", "message"),
    [(dict(weight=-1), "`weight`"), (dict(layers=1.5), "`layers`"), (dict(seed=-1), "`seed`")],
)
def test_parameters(params, message):
    with pytest.raises(InputError, match=message):
        WhiteGCN(encoder=WORLD.encoder, **params).fit(WORLD.train)
