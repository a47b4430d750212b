"""`embed` and `resolve_encoder`: texts in, specs in, errors that help."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from graphrec_lm.errors import InputError
from graphrec_lm.text import (
    APIEncoder,
    ConcatEncoder,
    PrecomputedEncoder,
    SentenceEncoder,
    TextEncoder,
    TfidfEncoder,
    TransformerEncoder,
    embed,
    resolve_encoder,
)
from tests.text.fakes import CountingEncoder, expected

TEXTS = ["Alien", "Heat", "Alien"]


def test_importing_text_is_light() -> None:
    heavy = "{'torch', 'transformers', 'sentence_transformers', 'sklearn', 'scipy', 'pandas', 'pyarrow'}"
    code = f"import sys, graphrec_lm.text; print(sorted({heavy} & set(sys.modules)))"
    root = Path(__file__).parents[2]
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True
    )
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("wrap", [list, tuple, np.array, pa.array, lambda t: pa.chunked_array([t])])
def test_any_sequence_of_texts(wrap: object) -> None:
    vectors = embed(wrap(TEXTS), CountingEncoder())  # type: ignore[operator]
    np.testing.assert_array_equal(vectors, expected(TEXTS))
    assert vectors.dtype == np.float32 and vectors.flags.c_contiguous


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("Alien", "list of strings, got one str"),
        (b"Alien", "list of strings, got one bytes"),
        (None, "list of strings, got one NoneType"),
        (5, "list of strings, got one int"),
        ([], "at least one"),
        (["a", None], r"strings, got 1 \(None\) of 2"),
        ([1, 2.5], r"strings, got 2 \(1, 2.5\) of 2"),
        (["a", float("nan")], r"strings, got 1 \(nan\)"),
        ([b"a"], "strings"),
        (["a", ""], "not be empty, got 1 empty of 2, the first at row 1"),
        ([" \t\n"], "not be empty"),
        (["a", "b\ud800"], "valid Unicode"),
    ],
)
@pytest.mark.parametrize("make", [CountingEncoder, lambda: "all-MiniLM-L6-v2", TfidfEncoder])
def test_bad_texts(texts: object, message: str, make: object) -> None:
    with pytest.raises(InputError, match=message):
        embed(texts, make())  # type: ignore[arg-type, operator]


def test_a_list_is_unit_rows_side_by_side() -> None:
    table = PrecomputedEncoder(texts=["Alien", "Heat"], embeddings=[[3.0, 4.0], [0.0, 2.0]])
    vectors = embed(TEXTS, [CountingEncoder(), table])
    left = expected(TEXTS) / np.linalg.norm(expected(TEXTS), axis=1, keepdims=True)
    right = np.float32([[0.6, 0.8], [0.0, 1.0], [0.6, 0.8]])
    np.testing.assert_allclose(vectors, np.hstack([left, right]), atol=1e-6)


def test_a_list_caches_each_part_by_itself() -> None:
    embed(TEXTS, CountingEncoder())
    part = CountingEncoder()
    embed(TEXTS, [part, CountingEncoder("other")])
    assert not part.asked


def test_concatenated_fingerprints_and_dims() -> None:
    one, two = CountingEncoder("1"), CountingEncoder("2")
    pair = resolve_encoder([one, two])
    assert isinstance(pair, ConcatEncoder) and pair.dim == 16
    assert pair.fingerprint != resolve_encoder([two, one]).fingerprint
    assert resolve_encoder([one]) is one
    np.testing.assert_array_equal(pair.encode(TEXTS), embed(TEXTS, pair))


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ("all-MiniLM-L6-v2", SentenceEncoder),
        ("sentence-transformers/all-mpnet-base-v2", SentenceEncoder),
        ("transformer:cls:bert-base-uncased", TransformerEncoder),
        ("transformer:last:org/model", TransformerEncoder),
        ("api:text-embedding-3-large", APIEncoder),
        ("tfidf:64", TfidfEncoder),
        ("all-MiniLM-L6-v2 + tfidf:64", ConcatEncoder),
        (["all-MiniLM-L6-v2", "api:text-embedding-3-small"], ConcatEncoder),
    ],
)
def test_names_resolve_and_round_trip(spec: object, kind: type) -> None:
    encoder = resolve_encoder(spec)  # type: ignore[arg-type]
    assert type(encoder) is kind
    again = resolve_encoder(encoder.name)
    assert again.name == encoder.name
    if "tfidf" not in encoder.name:
        assert again.fingerprint == encoder.fingerprint


def test_the_full_name_is_the_same_encoder() -> None:
    full = resolve_encoder("sentence-transformers/all-MiniLM-L6-v2")
    assert full.fingerprint == resolve_encoder("all-MiniLM-L6-v2").fingerprint


def test_saved_models_and_caches_rely_on_this_fingerprint() -> None:
    """Changing it cuts saved models, caches and the bundled vectors off from the default encoder."""
    assert resolve_encoder("all-MiniLM-L6-v2").fingerprint == "3bc744f0bd91130e94806b42cd66a5be"


@pytest.mark.parametrize(
    "spec",
    [
        *(None, 3, True, {"name": "x"}, [], (), [None], "", " ", "a b", "a//b", "a/b/c", "-x"),
        *("/no/such/folder", "./none", "~/no-such-folder", Path("no-such-folder"), "http://host/model"),
        *("transformer:max:bert", "tfidf:0", "tfidf:x", "api:", "all-MiniLM-L6-v2 + "),
    ],
)
def test_unknown_encoders(spec: object) -> None:
    with pytest.raises(InputError):
        resolve_encoder(spec)  # type: ignore[arg-type]


def test_a_folder_without_a_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"config\.json"):
        resolve_encoder(tmp_path)
    (tmp_path / "config.json").write_text("{half")
    with pytest.raises(InputError, match="JSON"):
        resolve_encoder(tmp_path)


def test_a_folder_named_like_the_default_does_not_shadow_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "all-MiniLM-L6-v2").mkdir()
    (tmp_path / "all-MiniLM-L6-v2" / "config.json").write_text("{}")
    default = resolve_encoder("all-MiniLM-L6-v2").fingerprint
    monkeypatch.chdir(tmp_path)
    assert resolve_encoder("all-MiniLM-L6-v2").fingerprint == default
    assert resolve_encoder("./all-MiniLM-L6-v2").fingerprint != default


def test_clones_share_the_encoder() -> None:
    from sklearn.base import clone

    encoder = SentenceEncoder()
    assert copy.deepcopy(encoder) is encoder and clone(encoder, safe=False) is encoder


class Nameless(TextEncoder):
    def encode(self, texts: object) -> np.ndarray:
        return np.ones((1, 1), np.float32)


def test_an_encoder_must_say_what_it_is() -> None:
    with pytest.raises(InputError, match="no name, fingerprint, dim"):
        embed(TEXTS, Nameless())
