"""topk equals a stable full sort; one query alone gets what it gets among many, bit for bit."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrec_lm.errors import InputError
from graphrec_lm.kernels import reference, topk, topk_blocks
from graphrec_lm.kernels.dots import dots
from graphrec_lm.kernels.topk import block_rows
from tests.support import Csr, normal, patterns, random_csr, thread_counts, threads

kernel = sys.modules["graphrec_lm.kernels.topk"]


def whole_numbers(shape: tuple[int, int], seed: int) -> np.ndarray:
    """Few different values: many ties, and inner products without rounding."""
    return np.random.default_rng(seed).integers(-1, 2, shape).astype(np.float32)


def assert_equal(found, expected):
    for ours, theirs, dtype in zip(found, expected, (np.int32, np.float32), strict=True):
        assert ours.dtype == dtype
        np.testing.assert_array_equal(ours, theirs)


@given(
    seen=patterns(types=("li", "ii")),
    dim=st.integers(1, 5),
    k=st.integers(1, 15),
    seed=st.integers(0, 10**6),
    share=st.sampled_from((None, 0.0, 0.5, 1.0)),
)
def test_equals_a_stable_sort(seen: Csr, dim, k, seed, share):
    queries, items = whole_numbers((seen.n_rows, dim), seed), whole_numbers((seen.n_columns, dim), seed + 1)
    hidden, candidates = seen.dense > 0, None
    if share is not None:
        candidates = np.flatnonzero(np.random.default_rng(seed).random(seen.n_columns) < share)
        hidden = hidden | ~np.isin(np.arange(seen.n_columns), candidates)
    found = topk(queries, items, k, seen=seen[:2], candidates=candidates)
    assert_equal(found, reference.topk(queries @ items.T, k, hidden))


@pytest.mark.parametrize("n", [1, 127, 128, 129, 400])
def test_blocks_join_without_a_seam(n):
    scores, hidden = whole_numbers((n, 11), 0), random_csr(n, 11, 0.3, seed=1)
    found = topk_blocks(lambda start, stop: scores[start:stop], n, 11, 4, seen=hidden[:2])
    assert_equal(found, reference.topk(scores, 4, hidden.dense > 0))


def test_equal_scores_come_by_ascending_code():
    indices, scores = topk(np.ones((1, 1), np.float32), np.ones((6, 1), np.float32), 4)
    assert indices.tolist() == [[0, 1, 2, 3]] and scores.tolist() == [[1.0] * 4]


def test_too_few_items_are_padded():
    queries, items = np.ones((2, 1), np.float32), np.array([[1], [2]], np.float32)
    seen = np.array([0, 2, 3]), np.array([0, 1, 1], np.int32)
    indices, scores = topk(queries, items, 3, seen=seen)
    assert indices.tolist() == [[-1, -1, -1], [0, -1, -1]]
    assert scores.tolist() == [[-np.inf] * 3, [1.0, -np.inf, -np.inf]]


def test_no_queries():
    indices, scores = topk(np.zeros((0, 3), np.float32), normal((4, 3)), 2)
    assert indices.shape == scores.shape == (0, 2)


def test_one_query_alone_gets_what_it_gets_among_many():
    queries, items = normal((300, 33)), normal((257, 33), 1)
    together = topk(queries, items, 7)
    for row in (0, 1, 126, 127, 128, 255, 299):
        alone = topk(queries[row : row + 1], items, 7)
        assert_equal(alone, (together[0][row : row + 1], together[1][row : row + 1]))
    backwards = topk(queries[::-1].copy(), items, 7)
    assert_equal(backwards, (together[0][::-1], together[1][::-1]))


@pytest.mark.parametrize("copies", [1, 5, 30])
def test_ties_that_reach_beyond_the_spare_items(copies):
    queries, distinct = normal((40, 20)), normal((30, 20), 1)
    items, hidden = np.repeat(distinct, copies, axis=0), random_csr(40, 30 * copies, 0.1, seed=2)
    queries[3] = 0
    found = topk(queries, items, 12, seen=hidden[:2])
    assert_equal(found, reference.topk(dots(queries, items), 12, hidden.dense > 0))


@pytest.mark.parametrize("n", [5, 30])
def test_tiles_and_groups_join_without_a_seam(n, monkeypatch):
    for name, value in {"_TILE": 7, "_WIDE": 9, "_GROUP": 2, "_MOST_ROWS": 4, "FEW": 5}.items():
        monkeypatch.setattr(kernel, name, value)
    queries, items = whole_numbers((n, 4), 0), whole_numbers((45, 4), 1)
    hidden, candidates = random_csr(n, 45, 0.3, seed=3), np.arange(0, 45, 2)
    found = topk(queries, items, 6, seen=hidden[:2], candidates=candidates)
    expected = reference.topk(queries @ items.T, 6, (hidden.dense > 0) | (np.arange(45) % 2 == 1))
    assert_equal(found, expected)


@pytest.mark.parametrize(
    ("k", "rows", "message"), [(0, 2, "`k` must be"), (1, 1, "`seen` must have 2 rows, got 1")]
)
def test_what_would_be_read_beyond_its_end(k, rows, message):
    seen = np.zeros(rows + 1, np.int64), np.zeros(0, np.int32)
    with pytest.raises(InputError, match=message):
        topk(normal((2, 3)), normal((5, 3)), k, seen=seen)


def test_codes_that_would_be_read_beyond_their_end_or_from_it():
    with pytest.raises(InputError, match="a code for each of its entries, got 1 for 4"):
        topk(normal((1, 3)), normal((5, 3)), 2, seen=(np.array([0, 4]), np.zeros(1, np.int32)))
    with pytest.raises(InputError, match="`candidates` must be a number >= 0, got -1"):
        topk(normal((1, 3)), normal((5, 3)), 2, candidates=np.array([0, -1]))


def test_one_dim():
    with pytest.raises(InputError, match="one dim, got 3 and 4"):
        topk(normal((2, 3)), normal((5, 4)), 1)


@pytest.mark.parametrize("dim", [1, 15, 16, 33, 64, 65, 400])
def test_dots_are_those_of_a_matrix_product(dim):
    queries, items = normal((5, dim)), normal((130, dim), 1)
    exact = queries.astype(np.float64) @ items.T.astype(np.float64)
    np.testing.assert_allclose(dots(queries, items), exact, atol=1e-6 * dim)
    np.testing.assert_array_equal(dots(queries[3:4], items[70:]), dots(queries, items)[3:4, 70:])


def test_does_not_depend_on_the_number_of_threads():
    queries, items = normal((300, 16)), normal((500, 16), 1)
    results = []
    for count in thread_counts():
        with threads(count):
            results.append(topk(queries, items, 10))
    for result in results:
        assert_equal(result, results[0])


def test_the_block_shrinks_as_the_items_grow():
    assert block_rows(1) >= block_rows(10**5) >= block_rows(10**8) == 1
