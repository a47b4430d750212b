"""Sentence-transformers and transformers models: tiny random ones, and the real default one."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pyarrow.parquet
import pytest
import torch

import graphrec_lm
from graphrec_lm.errors import InputError
from graphrec_lm.text import SentenceEncoder, TransformerEncoder, embed, resolve_encoder
from graphrec_lm.text.bundled import bundled_vectors
from graphrec_lm.text.pooling import POOLINGS, pool
from graphrec_lm.text.windows import positions_of
from tests.text.fakes import WORDS, tiny_model

TEXTS = ["alien", "the man of the red night of war", "heat", "toy story a big blue day", "unknown words here"]
KINDS = ["bert", "distilbert", "roberta", "gpt2"]
BUNDLED = Path(next(iter(graphrec_lm.__path__))) / "data" / "bundled" / "movielens_small"


@pytest.fixture(scope="module", params=KINDS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    side = "left" if request.param == "gpt2" else "right"
    return tiny_model(request.param, tmp_path_factory.mktemp("model"), side)


def alone(folder: Path, text: str, pooling: str) -> np.ndarray:
    """Encode one text without padding, the plain way."""
    from transformers import AutoModel, AutoTokenizer

    tokens = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    with torch.no_grad():
        states = AutoModel.from_pretrained(folder).eval()(input_ids=tokens["input_ids"]).last_hidden_state[0]
    return {"mean": states.mean(0), "cls": states[0], "last": states[-1]}[pooling].numpy()


@pytest.mark.parametrize("pooling", POOLINGS)
def test_batched_equals_alone(folder: Path, pooling: str) -> None:
    vectors = TransformerEncoder(folder, pooling=pooling, batch_size=3).encode(TEXTS)
    one_by_one = np.array([alone(folder, text, pooling) for text in TEXTS])
    np.testing.assert_allclose(vectors, one_by_one, atol=2e-5)
    assert vectors.dtype == np.float32


def test_long_texts_are_cut_at_the_positions_of_the_model(folder: Path) -> None:
    long = " ".join(WORDS * 5)
    encoder = TransformerEncoder(folder)
    np.testing.assert_allclose(encoder.encode([long]), encoder.encode([long + " heat"]), atol=1e-6)
    assert encoder.dim == 16


def test_options_change_vectors_and_fingerprint(folder: Path) -> None:
    plain = TransformerEncoder(folder)
    changed = [
        TransformerEncoder(folder, prompt="red "),
        TransformerEncoder(folder, pooling="last"),
        TransformerEncoder(folder, max_length=4),
        TransformerEncoder(folder, normalize=True),
        TransformerEncoder(folder, dtype="bfloat16"),
    ]
    assert len({encoder.fingerprint for encoder in [plain, *changed]}) == 6
    for encoder in changed:
        assert not np.allclose(encoder.encode(TEXTS), plain.encode(TEXTS), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(changed[3].encode(TEXTS), axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(changed[0].encode(["heat"]), plain.encode(["red heat"]))


def test_a_folder_is_known_by_its_content(tmp_path: Path) -> None:
    first, second = tiny_model("bert", tmp_path / "a"), tiny_model("bert", tmp_path / "b")
    before = TransformerEncoder(first).fingerprint
    assert before == TransformerEncoder(second).fingerprint
    (second / "README.md").write_text("words")
    assert before == TransformerEncoder(second).fingerprint
    weights = bytearray((second / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (second / "model.safetensors").write_bytes(weights)
    assert before != TransformerEncoder(second).fingerprint


@pytest.mark.parametrize("make", [TransformerEncoder, SentenceEncoder])
def test_a_loaded_model_keeps_its_fingerprint_when_its_folder_changes(tmp_path: Path, make: type) -> None:
    folder = tiny_model("bert", tmp_path / "model")
    encoder = make(folder)
    encoder.encode(TEXTS)
    before = encoder.fingerprint
    (folder / "config.json").write_text((folder / "config.json").read_text() + " ")
    assert encoder.fingerprint == before != make(folder).fingerprint


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("side", ["left", "right"])
def test_pooling_ignores_padding(pooling: str, side: str) -> None:
    states = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    mask = torch.tensor([[1, 1, 1, 1, 1], [0, 0, 1, 1, 1]])
    if side == "right":
        mask = mask.flip(1)
    expected = torch.stack([row[keep.bool()] for row, keep in [(states[1], mask[1])]])[0]
    wanted = {"mean": expected.mean(0), "cls": expected[0], "last": expected[-1]}[pooling]
    spoilt = torch.where(mask[..., None].bool(), states, torch.nan)
    torch.testing.assert_close(pool(spoilt, mask, pooling)[1], wanted)


def test_a_tokenizer_without_padding_pads_with_another_token(tmp_path: Path) -> None:
    folder = tiny_model("gpt2", tmp_path)
    file = folder / "tokenizer_config.json"
    config = json.loads(file.read_text())
    config.pop("pad_token")
    file.write_text(json.dumps(config))
    vectors = TransformerEncoder(folder, pooling="last").encode(TEXTS)
    np.testing.assert_allclose(vectors[2], alone(folder, TEXTS[2], "last"), atol=2e-5)


@pytest.mark.parametrize("kind", ["truncated", "no weights", "no tokenizer", "unknown kind"])
def test_a_damaged_model_is_an_error(tmp_path: Path, kind: str) -> None:
    folder = tiny_model("bert", tmp_path / "model")
    weights, config = folder / "model.safetensors", folder / "config.json"
    if kind == "truncated":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif kind == "no weights":
        weights.unlink()
    elif kind == "no tokenizer":
        (folder / "tokenizer.json").unlink()
    else:
        config.write_text(json.dumps({**json.loads(config.read_text()), "model_type": "none-such"}))
    for make in (TransformerEncoder, SentenceEncoder):
        with pytest.raises(InputError, match="whole and loadable"):
            embed(TEXTS, make(folder), cache=False)


@pytest.mark.parametrize("make", [TransformerEncoder, SentenceEncoder])
def test_a_model_that_is_nowhere_is_an_error(make: type) -> None:
    with pytest.raises(InputError, match="no-such-org/no-such-model"):
        make("no-such-org/no-such-model").encode(TEXTS)


@pytest.mark.parametrize(
    "options",
    [{"pooling": "max"}, {"dtype": "int8"}, {"batch_size": 0}, {"max_length": 0}],
)
def test_bad_parameters(options: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        TransformerEncoder("bert-base-uncased", **options)  # type: ignore[arg-type]
    if "batch_size" in options or "max_length" in options:
        with pytest.raises(InputError, match=next(iter(options))):
            SentenceEncoder(**options)  # type: ignore[arg-type]


def test_a_sentence_transformers_folder(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    plain = tiny_model("distilbert", tmp_path / "plain")
    SentenceTransformer(str(plain), device="cpu").save_pretrained(str(tmp_path / "sentence"))
    encoder = resolve_encoder(tmp_path / "sentence")
    assert isinstance(encoder, SentenceEncoder) and encoder.dim == 16
    assert isinstance(resolve_encoder(str(plain)), TransformerEncoder)
    np.testing.assert_allclose(encoder.encode(TEXTS), TransformerEncoder(plain).encode(TEXTS), atol=1e-5)
    prompted = SentenceEncoder(tmp_path / "sentence", prompt="red ", normalize=True, max_length=5)
    np.testing.assert_allclose(np.linalg.norm(prompted.encode(TEXTS), axis=1), 1, atol=1e-5)
    assert prompted.fingerprint != encoder.fingerprint


def test_code_in_a_model_folder_is_not_run(tmp_path: Path) -> None:
    modules = [{"idx": 0, "name": "0", "path": "", "type": "evil.Module"}]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    (tmp_path / "evil.py").write_text("raise SystemExit('run')")
    with pytest.raises(InputError, match=r"own modules, got 'evil\.Module'"):
        SentenceEncoder(tmp_path).encode(TEXTS)


def bundled_titles() -> list[str]:
    return pyarrow.parquet.read_table(BUNDLED / "items.parquet")["title"].to_pylist()


def test_the_real_model_agrees_with_the_bundled_vectors() -> None:
    titles = bundled_titles()[::150][:64]
    positions, vectors = bundled_vectors(SentenceEncoder().fingerprint, titles)
    assert len(positions) == 64
    encoded = SentenceEncoder("all-MiniLM-L6-v2").encode(titles)
    assert np.abs(encoded - vectors).max() < 1e-3


def test_bundled_titles_need_no_model_and_no_cache(
    monkeypatch: pytest.MonkeyPatch, private_cache: Path
) -> None:
    def refuse(self: SentenceEncoder) -> None:
        raise AssertionError("the language model was loaded")

    monkeypatch.setattr(SentenceEncoder, "_load", refuse)
    titles = bundled_titles()
    vectors = embed(titles)
    stored = np.load(BUNDLED / "titles.all-MiniLM-L6-v2.float16.npy")
    assert vectors.shape == (9742, 384) and not private_cache.exists()
    np.testing.assert_allclose(vectors, stored, atol=1e-3)
    with pytest.raises(AssertionError, match="loaded"):
        embed(["A title that nobody has given yet"])
    with pytest.raises(AssertionError, match="loaded"):
        embed(titles[:2], SentenceEncoder(normalize=True))


def test_a_new_title_beside_bundled_ones_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    encode = SentenceEncoder.encode
    monkeypatch.setattr(
        SentenceEncoder, "encode", lambda self, texts: asked.extend(texts) or encode(self, texts)
    )
    titles = [*bundled_titles()[:3], "A Quiet Film about Parsers (2031)"]
    first, second = embed(titles), embed(titles[::-1])
    np.testing.assert_array_equal(first, second[::-1])
    assert asked == titles[3:]


def test_a_window_beyond_the_positions_is_refused(folder: Path, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    plain = tiny_model("distilbert", tmp_path / "plain")
    SentenceTransformer(str(plain), device="cpu").save_pretrained(str(tmp_path / "sentence"))
    for encoder in (
        TransformerEncoder(folder, max_length=100_000),
        SentenceEncoder(tmp_path / "sentence", max_length=100_000),
    ):
        with pytest.raises(InputError, match="`max_length` must be at most"):
            encoder.encode(["short"])


def test_models_without_a_table_of_positions_have_no_longest_window() -> None:
    import transformers

    small = {"vocab_size": 9, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    relative = {"relative_attention": True, "position_biased_input": False, "max_position_embeddings": 16}
    without = [
        transformers.DebertaV2Config(**small, **relative, intermediate_size=8),
        transformers.XLNetConfig(vocab_size=9, d_model=8, n_layer=1, n_head=2, d_inner=8),
    ]
    assert [positions_of(transformers.AutoModel.from_config(config)) for config in without] == [None, None]
    usual = small | {"intermediate_size": 8, "max_position_embeddings": 16}
    opt = {"word_embed_proj_dim": 8, "ffn_dim": 8, "max_position_embeddings": 16}
    with_table = [
        transformers.RobertaConfig(**usual),  # two are for padding
        transformers.CLIPTextConfig(**usual),
        transformers.OPTConfig(**small | opt),
    ]
    assert [positions_of(transformers.AutoModel.from_config(config)) for config in with_table] == [14, 16, 16]


def test_threads_at_once_load_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = TransformerEncoder(tiny_model("bert", tmp_path / "bert"))
    load, loads, ready = encoder._load, [], Barrier(4)

    def counted() -> object:
        loads.append(1)
        return load()

    def ask() -> int:
        ready.wait()
        return encoder.dim

    monkeypatch.setattr(encoder, "_load", counted)
    with ThreadPoolExecutor(4) as pool:
        assert [future.result() for future in [pool.submit(ask) for _ in range(4)]] == [16] * 4
    assert len(loads) == 1
