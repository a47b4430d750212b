"""Measures of two spaces against their formulas on dense kernels, and on spaces of known answers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import procrustes
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from graphrec_lm.analysis import (
    carried_popularity,
    compare_spaces,
    held_out_r2,
    linear_cka,
    neighbour_overlap,
    out_of_fold,
    procrustes_error,
    whitened,
    without_components,
)
from graphrec_lm.errors import InputError
from graphrec_lm.evaluation.probe import _PENALTIES
from tests.support import normal

N = 60
ONE, OTHER = normal((N, 7), seed=1).astype(np.float64), normal((N, 4), seed=2).astype(np.float64)
OTHER[:, 0] += ONE[:, 0]  # something in common


def rotation(dim: int, seed: int = 0) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, dim)))[0]


def hsic(k: np.ndarray, m: np.ndarray) -> float:
    """tr(KHMH) / (n - 1)², the definition."""
    centring = np.eye(len(k)) - 1 / len(k)
    return float(np.trace(k @ centring @ m @ centring)) / (len(k) - 1) ** 2


def test_cka_is_normalised_hsic_of_the_dense_kernels():
    k, m = ONE @ ONE.T, OTHER @ OTHER.T
    assert linear_cka(ONE, OTHER) == pytest.approx(hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m)))


def test_procrustes_is_scipys_with_the_narrower_space_filled_up():
    filled = np.pad(OTHER, ((0, 0), (0, 3)))
    expected = procrustes(ONE, filled)[2]
    assert procrustes_error(ONE, OTHER) == pytest.approx(expected)
    assert procrustes_error(OTHER, ONE) == pytest.approx(expected)


def test_overlap_is_that_of_sorted_cosines():
    shared = []
    nearest = []
    for space in (ONE, OTHER):
        unit = space / np.linalg.norm(space, axis=1, keepdims=True)
        cosines = unit @ unit.T
        np.fill_diagonal(cosines, -2)
        nearest.append(np.argsort(-cosines, axis=1)[:, :6])
    for mine, theirs in zip(*nearest, strict=True):
        shared.append(len(set(mine) & set(theirs)) / 6)
    assert neighbour_overlap(ONE, OTHER, k=6) == pytest.approx(np.mean(shared))


def test_a_rotated_scaled_copy_is_the_same_space():
    copy = 5 * ONE @ rotation(7)
    assert linear_cka(ONE, copy) == pytest.approx(1)
    assert procrustes_error(ONE, copy + 3) == pytest.approx(0, abs=1e-9)
    assert neighbour_overlap(ONE, copy) == 1
    assert linear_cka(copy, OTHER) == pytest.approx(linear_cka(ONE, OTHER))
    assert procrustes_error(copy, OTHER) == pytest.approx(procrustes_error(ONE, OTHER))


def test_a_linear_map_is_found_forward_and_lost_back():
    wide = normal((2000, 8)).astype(np.float64)
    report = compare_spaces(wide, wide[:, :3] @ rotation(3), k=5)
    values, shuffled = report.column("value"), report.column("shuffled")
    assert values["R2 forward"] > 0.999
    assert values["R2 back"] == pytest.approx(3 / 8, abs=0.05)
    assert abs(shuffled["R2 forward"]) < 0.1
    assert shuffled["overlap@5"] == pytest.approx(5 / 1999, abs=0.01)
    assert values["CKA"] > 10 * shuffled["CKA"]
    assert values["Procrustes error"] < shuffled["Procrustes error"] <= 1


def test_a_report_is_repeatable_and_its_seed_matters():
    first, again, other = (compare_spaces(ONE, OTHER, k=5, seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert first.column("value")["CKA"] == other.column("value")["CKA"]
    assert first.column("shuffled") != other.column("shuffled")


def test_the_probe_is_the_ridge_of_least_gcv():
    x, y, new = ONE[:40], OTHER[:40], ONE[40:]
    centred, mean = x - x.mean(0), np.linalg.eigvalsh(np.cov(x.T, bias=True) * 40).mean()
    scores = []
    for penalty in _PENALTIES * mean:
        hat = centred @ np.linalg.solve(centred.T @ centred + penalty * np.eye(7), centred.T) + 1 / 40
        scores.append(((y - hat @ y) ** 2).sum() / (40 - np.trace(hat)) ** 2)
    ridge = Ridge(alpha=_PENALTIES[np.argmin(scores)] * mean).fit(x, y)
    order = np.random.default_rng(0).permutation(N)
    back = np.empty(N, dtype=int)
    back[order] = [*range(40, N), *range(40)]  # so that the first 20 in random order are the new ones
    expected = ((OTHER[40:] - ridge.predict(new)) ** 2).sum() / ((OTHER[40:] - OTHER[40:].mean(0)) ** 2).sum()
    assert held_out_r2(ONE[back], OTHER[back], test=20 / 60) == pytest.approx(1 - expected)


def test_out_of_fold_never_sees_its_own_target():
    target = OTHER[:, 0].copy()
    before = out_of_fold(ONE, target, folds=4)
    target[5] += 100
    assert out_of_fold(ONE, target, folds=4)[5] == before[5]


def test_whitening_makes_variances_one_and_drops_what_has_none():
    flat = np.hstack([ONE, ONE[:, :2] * 2])
    white = whitened(flat)
    assert white.shape == (N, 7)
    np.testing.assert_allclose(white.T @ white / N, np.eye(7), atol=1e-6)


def test_removed_components_are_the_largest():
    model = PCA(3).fit(ONE)
    centred = ONE - ONE.mean(0)
    expected = centred - centred @ model.components_.T @ model.components_
    np.testing.assert_allclose(without_components(ONE, 3), expected, atol=1e-9)
    both = compare_spaces(ONE, OTHER, k=5, whiten=True, remove_components=3)
    assert both.column("value")["CKA"] == pytest.approx(linear_cka(whitened(expected), OTHER))


def test_popularity_is_found_where_it_is_and_only_there():
    counts = np.exp(2 + ONE[:, 3]).astype(int) + 1
    assert carried_popularity(ONE, counts)["popularity R2"] > 0.8
    assert carried_popularity(ONE, counts)["popularity Spearman"] > 0.8
    assert carried_popularity(np.delete(ONE, 3, axis=1), counts)["popularity R2"] < 0.2


ZERO = np.vstack([ONE[1:], np.zeros((1, 7))])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: compare_spaces(ONE, OTHER[1:]), "of the same items"),
        (lambda: linear_cka(ONE[0], OTHER), "of the same items|vectors"),
        (lambda: linear_cka(ONE * np.nan, OTHER), "must be finite"),
        (lambda: linear_cka([["a"]], [["b"]]), "`one` must be numbers"),
        (lambda: linear_cka(1, 2), "`one` must be vectors"),
        (lambda: neighbour_overlap(ZERO, OTHER), "1 rows of zeros"),
        (lambda: procrustes_error(np.ones((N, 2)), OTHER), "equal rows"),
        (lambda: neighbour_overlap(ONE, OTHER, k=N), "`k` must be an integer"),
        (lambda: compare_spaces(ONE, OTHER, test=0.01), "at least 2 rows"),
        (lambda: compare_spaces(ONE, OTHER, whiten=1), "`whiten` must be True or False"),
        (lambda: without_components(ONE, 7), "`count`"),
        (lambda: out_of_fold(ONE, OTHER, folds=40), "half the rows"),
        (lambda: carried_popularity(ONE, np.ones(N)), "counts >= 0 that differ"),
        (lambda: compare_spaces(ONE, OTHER, k=5).column("valeu"), "Did you mean 'value'"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
