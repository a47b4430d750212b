"""The OpenAI-compatible encoder against a server on this machine."""

from __future__ import annotations

import logging
import pickle
import re
import traceback
from email.utils import formatdate
from pathlib import Path

import numpy as np
import pytest

from graphrec_lm.errors import InputError
from graphrec_lm.text import APIEncoder, APIError, embed, resolve_encoder
from graphrec_lm.text.http_post import retry_after
from tests.text.fakes import expected
from tests.text.server import EmbeddingServer

KEY = "sk-very-secret-0123456789"
TEXTS = [f"title {number}" for number in range(10)]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "*")


def make(server: EmbeddingServer, **options: object) -> APIEncoder:
    settings = {"base_url": server.url, "backoff": 0.01, "timeout": 5.0, **options}
    return APIEncoder("text-embedding-3-large", **settings)  # type: ignore[arg-type]


def test_batches_come_back_in_the_order_of_the_texts(server: EmbeddingServer) -> None:
    vectors = make(server, batch_size=4).encode(TEXTS)
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, expected(TEXTS))
    assert [len(request["input"]) for request in server.requests] == [4, 4, 2]
    assert {request["path"] for request in server.requests} == {"/v1/embeddings"}
    assert {request["model"] for request in server.requests} == {"text-embedding-3-large"}
    assert server.keys == [f"Bearer {KEY}"] * 3


def test_embed_caches_each_batch(server: EmbeddingServer) -> None:
    encoder = make(server, batch_size=4, retries=0)
    server.script = [200, 200, 500]
    with pytest.raises(APIError, match="cached"):
        embed(TEXTS, encoder)
    np.testing.assert_array_equal(embed(TEXTS, make(server, batch_size=4)), expected(TEXTS))
    assert server.requests[-1]["input"] == TEXTS[8:]
    assert len(server.requests) == 4


@pytest.mark.parametrize("failure", [429, 408, 500, 502, 503, 504, "drop"])
def test_passing_failures_are_tried_again(server: EmbeddingServer, failure: object) -> None:
    server.script = [failure, failure]
    np.testing.assert_array_equal(make(server).encode(TEXTS), expected(TEXTS))
    assert len(server.requests) == 3


def test_waits_double_with_jitter(server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("graphrec_lm.text.api.time.sleep", waits.append)
    server.script = [503] * 5
    make(server, backoff=1.0).encode(TEXTS)
    assert all(0.5 * 2**n <= wait <= 2**n for n, wait in enumerate(waits)) and len(waits) == 5
    assert len({wait / 2**n for n, wait in enumerate(waits)}) == 5


@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_obeyed(
    server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch, as_date: bool
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("graphrec_lm.text.api.time.sleep", waits.append)
    import time

    value = formatdate(time.time() + 30, usegmt=True) if as_date else "30"
    server.script = [(429, {"Retry-After": value}, "slow down"), (429, {"Retry-After": "9999"}, "")]
    make(server).encode(TEXTS)
    assert waits[0] == pytest.approx(30, abs=1.5) and waits[1] == 120.0


def test_a_time_beyond_all_clocks_is_none() -> None:
    from email.message import Message

    headers = Message()
    headers["Retry-After"] = "Fri, 31 Dec 99999999999 23:59:59 GMT"
    assert retry_after(headers) is None


@pytest.mark.parametrize("body", ['{"error": {"message": "overloaded"}}', '{"data": [{"index": Infinity}]}'])
def test_an_answer_without_embeddings_is_shown(server: EmbeddingServer, body: str) -> None:
    server.script = [(200, {}, body)]
    with pytest.raises(InputError, match="an answer that is not .*" + re.escape(body)):
        make(server).encode(TEXTS)


def test_a_silent_server_times_out(server: EmbeddingServer) -> None:
    server.script = ["hang", "hang"]
    with pytest.raises(APIError, match=r"2 times.*no answer"):
        make(server, timeout=0.1, retries=1).encode(TEXTS)


def test_no_server_is_an_api_error() -> None:
    encoder = APIEncoder("m", base_url="http://127.0.0.1:9/v1", retries=1, backoff=0.0)
    with pytest.raises(APIError, match="Connection"):
        encoder.encode(TEXTS)


def test_an_impossible_host_is_an_api_error() -> None:
    encoder = APIEncoder("m", base_url="http://a..b/v1", retries=0)
    with pytest.raises(APIError, match="Unicode"):
        encoder.encode(TEXTS)


@pytest.mark.parametrize("status", [400, 404, 422, 301])
def test_refused_requests_are_not_tried_again(server: EmbeddingServer, status: int) -> None:
    server.script = [(status, {"Location": server.url}, '{"error": "no such model"}')]
    with pytest.raises(InputError, match=f"status {status}.*no such model"):
        make(server).encode(TEXTS)
    assert len(server.requests) == 1


def test_dimensions_are_asked_for_and_known(server: EmbeddingServer) -> None:
    encoder = make(server, dimensions=3)
    assert encoder.dim == 3 and not server.requests
    np.testing.assert_array_equal(encoder.encode(TEXTS), expected(TEXTS)[:, :3])
    assert server.requests[0]["dimensions"] == 3
    assert make(server).dim == 8


def test_other_dimensions_than_asked_are_an_error(server: EmbeddingServer) -> None:
    server.script = [(200, {}, '{"data": [{"index": 0, "embedding": [1.0, 2.0]}]}')]
    with pytest.raises(InputError, match="dimension 3"):
        make(server, dimensions=3).encode(["one"])


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "[]",
        "{}",
        '{"data": []}',
        '{"data": [{"index": 1, "embedding": [1.0]}]}',
        '{"data": [{"index": 0, "embedding": null}]}',
        '{"data": [{"index": 0, "embedding": []}]}',
        '{"data": [{"index": 0, "embedding": ["a"]}]}',
        '{"data": [{"index": 0, "embedding": [NaN, 1.0]}]}',
        '{"data": [{"index": 0, "embedding": [0.0, 0.0]}]}',
    ],
)
def test_a_broken_answer_is_an_error_and_not_cached(
    server: EmbeddingServer, body: str, private_cache: Path
) -> None:
    server.script = [(200, {}, body)]
    with pytest.raises(InputError):
        embed(["one"], make(server))
    assert not list(private_cache.rglob("*.safetensors"))


def test_the_key_reaches_no_log_error_repr_pickle_or_file(
    server: EmbeddingServer, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    encoder = make(server, retries=2)
    seen = [repr(encoder), encoder.name, encoder.fingerprint, str(vars(encoder))]
    for script in [[(400, {}, "bad key {key}")], [(401, {}, "Incorrect: {key}")], [(500, {}, "{key}")] * 3]:
        server.script = list(script)
        with pytest.raises((InputError, APIError)) as caught:
            embed(TEXTS, encoder)
        seen += traceback.format_exception(caught.value)
        seen.append(_locals(caught.value))
    embed(TEXTS, encoder)
    seen += [caplog.text, repr(pickle.dumps(encoder))]
    seen += [repr(file.read_bytes()) for file in tmp_path.rglob("*") if file.is_file()]
    assert len(server.requests) == 6
    assert not [text for text in seen if KEY in text]


def _locals(error: BaseException) -> str:
    frames = traceback.walk_tb(error.__traceback__)
    ours = [frame for frame, _ in frames if "graphrec_lm" in frame.f_code.co_filename]
    return repr([frame.f_locals for frame in ours])


@pytest.mark.parametrize("key", ["", "  ", "sk-secret\nX-Header: 1", "sk-sécret"])
def test_an_unusable_key_is_an_error_that_hides_it(
    server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(InputError, match="OPENAI_API_KEY") as caught:
        make(server).encode(TEXTS)
    assert "cret" not in "".join(traceback.format_exception(caught.value)) and not server.requests


def test_a_server_without_keys(server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    make(server, api_key_env=None).encode(TEXTS)
    assert server.keys == [None]


@pytest.mark.parametrize(
    "options",
    [
        {"base_url": "ftp://host/v1"},
        {"base_url": "https://user:sk-secret@host/v1"},
        {"base_url": "https://host/v1?key=sk-secret"},
        {"base_url": "host"},
        {"api_key_env": "sk-secret-0123"},
        {"batch_size": 0},
        {"timeout": 0},
        {"retries": -1},
        {"backoff": float("nan")},
        {"dimensions": 0},
        {"model": ""},
    ],
)
def test_bad_parameters(options: dict[str, object]) -> None:
    with pytest.raises(InputError) as caught:
        APIEncoder(**{"model": "m", **options})  # type: ignore[arg-type]
    assert "sk-secret" not in "".join(traceback.format_exception(caught.value))


def test_names_and_fingerprints() -> None:
    encoder = APIEncoder("text-embedding-3-large")
    assert resolve_encoder(encoder.name).fingerprint == encoder.fingerprint
    others = [
        APIEncoder("text-embedding-3-small"),
        APIEncoder("text-embedding-3-large", dimensions=256),
        APIEncoder("text-embedding-3-large", base_url="http://127.0.0.1/v1"),
    ]
    assert len({encoder.fingerprint, *(other.fingerprint for other in others)}) == 4
