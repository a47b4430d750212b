"""Vectors the user brings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphrec_lm.errors import InputError
from graphrec_lm.text import PrecomputedEncoder, embed

TEXTS = ["Alien", "Heat", "Fargo"]
VECTORS = np.arange(1, 7, dtype=np.float32).reshape(3, 2)


def make(texts: object = TEXTS, embeddings: object = VECTORS) -> PrecomputedEncoder:
    return PrecomputedEncoder(texts=texts, embeddings=embeddings)  # type: ignore[arg-type]


def test_looks_up_by_text_and_leaves_no_file(private_cache: Path) -> None:
    np.testing.assert_array_equal(embed(["Fargo", "Alien", "Fargo"], make()), VECTORS[[2, 0, 2]])
    assert make().dim == 2 and not private_cache.exists()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
def test_any_numbers_become_float32(dtype: type) -> None:
    vectors = make(embeddings=VECTORS.astype(dtype)).encode(TEXTS)
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, VECTORS)


def test_later_changes_of_the_array_do_not_matter() -> None:
    mine = VECTORS.copy()
    encoder = make(embeddings=mine)
    encoder.encode(TEXTS)[:] = 0
    mine[:] = 0
    np.testing.assert_array_equal(encoder.encode(TEXTS), VECTORS)


@pytest.mark.parametrize(
    ("embeddings", "message"),
    [
        (VECTORS[:2], r"one row a text \(3\), got 2"),
        (np.vstack([VECTORS, VECTORS]), r"one row a text \(3\), got 6"),
        (VECTORS[:, 0], r"\[texts, dim\], got shape \(3,\)"),
        (VECTORS[None], r"\[texts, dim\]"),
        (np.empty((3, 0)), r"\[texts, dim\]"),
        (VECTORS.astype(str), r"\[texts, dim\]"),
        (VECTORS.astype(complex), r"\[texts, dim\]"),
        (VECTORS.astype(object), r"\[texts, dim\]"),
        (np.where(VECTORS == 3, np.nan, VECTORS), r"NaN or infinity in row 1; such rows: 1 \('Heat'\)"),
        (np.where(VECTORS == 6, np.inf, VECTORS), "NaN or infinity in row 2"),
        (np.where(VECTORS == 6, 1e300, VECTORS.astype(float)), "NaN or infinity in row 2"),
        (np.where(VECTORS <= 4, 0.0, VECTORS), r"only zeros in row 0; such rows: 2 \('Alien', 'Heat'\)"),
        (None, r"\[texts, dim\]"),
    ],
)
def test_bad_embeddings(embeddings: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make(embeddings=embeddings)


@pytest.mark.parametrize("texts", ["abc", None, [], ["a", None, "b"], ["a", "", "b"], [1, 2, 3]])
def test_bad_texts(texts: object) -> None:
    with pytest.raises(InputError, match="`texts`"):
        make(texts=texts)


def test_ragged_embeddings() -> None:
    with pytest.raises(InputError, match=r"\[texts, dim\]"):
        make(embeddings=[[1.0], [1.0, 2.0], [3.0]])


def test_missing_texts_are_counted_and_five_named() -> None:
    asked = ["Heat", *[f"unknown {number}" for number in range(7)], "unknown 0"]
    with pytest.raises(InputError, match=r"7 \('unknown 0', .*'unknown 4', \.\.\.\)"):
        embed(asked, make())


def test_texts_are_compared_exactly() -> None:
    with pytest.raises(InputError, match=r"1 \('alien'\)"):
        make().encode(["alien"])


def test_equal_texts_must_agree() -> None:
    texts = ["Alien", "Alien"]
    close = make(texts, [[1.0, 2.0], [1.0005, 2.0]])
    np.testing.assert_array_equal(close.encode(["Alien"]), [[1.0, 2.0]])
    with pytest.raises(InputError, match=r"within 0.001, got 1 \('Alien'\) that differ"):
        make(texts, [[1.0, 2.0], [1.01, 2.0]])


def test_the_fingerprint_follows_texts_and_vectors() -> None:
    prints = {
        make().fingerprint,
        make(embeddings=VECTORS + 1).fingerprint,
        make(texts=[*TEXTS[:2], "Seven"]).fingerprint,
    }
    assert len(prints) == 3 and make().fingerprint in prints
