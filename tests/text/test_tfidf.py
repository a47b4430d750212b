"""TF-IDF and SVD."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from graphrec_lm.errors import InputError, NotFittedError
from graphrec_lm.text import TfidfEncoder, embed, resolve_encoder

CORPUS = [
    f"{first} {second} {year}"
    for first in ("alien", "heat", "toy", "star")
    for second in ("story", "wars", "man", "night")
    for year in (1979, 1995, 2001)
]


def test_embed_fits_on_the_first_corpus_and_keeps_the_state() -> None:
    encoder = TfidfEncoder(dim=8)
    vectors = embed(CORPUS, encoder)
    assert vectors.shape == (48, 8) and encoder.dim == 8
    before = encoder.fingerprint
    new = embed(["alien wars unseen", CORPUS[3]], encoder)
    np.testing.assert_allclose(new[1], vectors[3], atol=1e-6)
    assert encoder.fingerprint == before


def test_equals_sklearn() -> None:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    theirs = TruncatedSVD(6, random_state=0).fit_transform(TfidfVectorizer().fit_transform(CORPUS))
    ours = TfidfEncoder(dim=6).encode(CORPUS)
    np.testing.assert_allclose(ours @ ours.T, theirs @ theirs.T, atol=1e-4)


def test_is_deterministic() -> None:
    one, two = TfidfEncoder(dim=8), TfidfEncoder(dim=8)
    np.testing.assert_array_equal(one.encode(CORPUS), two.encode(CORPUS))
    assert one.fingerprint == two.fingerprint != TfidfEncoder(dim=8).fit(CORPUS[:40]).fingerprint


def test_near_texts_have_near_vectors() -> None:
    alien, aliens, heat = (
        TfidfEncoder(dim=16, analyzer="char").fit(CORPUS).encode(["alien", "aliens", "heat"])
    )
    assert alien @ aliens > 2 * abs(alien @ heat)


def test_a_text_without_a_known_word_gets_the_mean() -> None:
    encoder = TfidfEncoder(dim=4)
    vectors = embed([*CORPUS, "???"], encoder)
    np.testing.assert_array_equal(vectors[-1], encoder.encode(["zzz"])[0])
    np.testing.assert_allclose(vectors[-1], vectors[:-1].sum(axis=0) / 49, atol=1e-4)


@pytest.mark.parametrize("corpus", [["alien"], ["alien", "heat"], ["alien"] * 5])
def test_a_corpus_smaller_than_dim_is_padded(corpus: list[str]) -> None:
    vectors = embed(corpus, TfidfEncoder(dim=5))
    assert vectors.shape == (len(corpus), 5) and not vectors[:, 2:].any()


def test_a_corpus_without_words_is_an_error() -> None:
    with pytest.raises(InputError, match="at least one word"):
        embed(["???", "!"], TfidfEncoder())


def test_fit_starts_afresh() -> None:
    encoder = TfidfEncoder(dim=4).fit(CORPUS).fit(["one two", "two three"])
    assert encoder.fingerprint == TfidfEncoder(dim=4).fit(["one two", "two three"]).fingerprint


def test_not_fitted(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError):
        _ = TfidfEncoder().fingerprint
    with pytest.raises(NotFittedError):
        TfidfEncoder().save(tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_a_clone_is_not_fitted() -> None:
    from sklearn.base import clone

    copy = clone(TfidfEncoder(dim=3, analyzer="char").fit(CORPUS), safe=False)
    assert copy.dim == 3 and copy.analyzer == "char"
    with pytest.raises(NotFittedError):
        _ = copy.fingerprint


@pytest.mark.parametrize("analyzer", ["word", "char"])
def test_save_and_load(tmp_path: Path, analyzer: str) -> None:
    encoder = TfidfEncoder(dim=8, analyzer=analyzer).fit(CORPUS)
    encoder.save(tmp_path / "encoder")
    loaded = resolve_encoder(tmp_path / "encoder")
    assert isinstance(loaded, TfidfEncoder) and loaded.fingerprint == encoder.fingerprint
    np.testing.assert_array_equal(loaded.encode(["alien man"]), encoder.encode(["alien man"]))


@pytest.mark.parametrize("name", ["chapter1.txt", "config.json"])
def test_saving_spares_the_folders_of_others(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}")
    with pytest.raises(InputError, match="nothing there was touched"):
        TfidfEncoder(dim=2).fit(CORPUS).save(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("kind", ["absent", "truncated", "newer", "other", "shape", "half"])
def test_a_damaged_folder_is_an_error(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "encoder"
    TfidfEncoder(dim=8).fit(CORPUS).save(folder)
    weights, config = folder / "tfidf.safetensors", json.loads((folder / "config.json").read_text())
    if kind == "absent":
        weights.unlink()
    elif kind == "truncated":
        weights.write_bytes(weights.read_bytes()[:200])
    changes = {"newer": {"version": 99}, "other": {"format": "else"}, "shape": {"dim": 9}}
    text = json.dumps({**config, **changes.get(kind, {})})
    (folder / "config.json").write_text(text[:50] if kind == "half" else text)
    with pytest.raises(InputError):
        TfidfEncoder.load(folder)


@pytest.mark.parametrize(
    "options", [{"dim": 0}, {"dim": 2.5}, {"analyzer": "phrase"}, {"max_terms": 0}, {"seed": -1}]
)
def test_bad_parameters(options: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        TfidfEncoder(**options)  # type: ignore[arg-type]
