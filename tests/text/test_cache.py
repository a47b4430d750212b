"""The cache on disk: what is kept, what a kill or damage costs, and who may share it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from graphrec_lm.errors import InputError
from graphrec_lm.text import TextEncoder, embed
from graphrec_lm.text.cache import MANY_SMALL, SMALL_BYTES, DiskCache, text_keys
from tests.text.fakes import CountingEncoder, expected

TEXTS = [f"title {number}" for number in range(10)]
ROOT = Path(__file__).parents[2]


def shards(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.safetensors"))


def test_each_text_is_encoded_once(private_cache: Path) -> None:
    first, second = CountingEncoder(), CountingEncoder()
    np.testing.assert_array_equal(embed(TEXTS + TEXTS[:3], first), expected(TEXTS + TEXTS[:3]))
    np.testing.assert_array_equal(embed([*TEXTS[::-1], "new"], second), expected([*TEXTS[::-1], "new"]))
    assert first.asked == TEXTS and second.asked == ["new"]
    assert len(shards(private_cache)) == 4


def test_a_shard_holds_keys_and_vectors_under_its_checksum(tmp_path: Path) -> None:
    import hashlib

    embed(TEXTS[:3], CountingEncoder(), cache=tmp_path)
    [shard] = shards(tmp_path)
    content = load_file(shard)
    assert shard.stem == hashlib.sha256(shard.read_bytes()).hexdigest()
    np.testing.assert_array_equal(content["keys"], text_keys(TEXTS[:3]))
    np.testing.assert_array_equal(content["vectors"], expected(TEXTS[:3]))


def test_another_fingerprint_sees_nothing() -> None:
    embed(TEXTS, CountingEncoder("one"))
    other = CountingEncoder("two")
    embed(TEXTS, other)
    assert other.asked == TEXTS


@pytest.mark.parametrize("fingerprint", ["../../escape", "a/b", "x" * 500, "ü"])
def test_any_fingerprint_stays_in_the_folder(tmp_path: Path, fingerprint: str) -> None:
    embed(TEXTS, CountingEncoder(fingerprint), cache=tmp_path / "deep" / "cache")
    assert len(shards(tmp_path / "deep" / "cache")) == len(shards(tmp_path)) == 3


def test_no_cache_writes_nothing(private_cache: Path) -> None:
    for _ in range(2):
        encoder = CountingEncoder()
        embed(TEXTS, encoder, cache=False)
        assert encoder.asked == TEXTS
    assert not private_cache.exists()


def test_keys_that_share_a_prefix_are_told_apart(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, CountingEncoder())
    keys = np.zeros((3, 32), np.uint8)
    keys[1, 31], keys[2, 31] = 1, 2
    cache.write(keys[:2], np.float32([[1], [2]]))
    found = {
        int(p): float(v[0])
        for positions, vectors in cache.read(keys)
        for p, v in zip(positions, vectors, strict=True)
    }
    assert found.items() <= {0: 1.0, 1: 2.0}.items()


def damage(shard: Path, kind: str) -> None:
    content = bytearray(shard.read_bytes())
    if kind == "empty":
        content = bytearray()
    elif kind == "truncated":
        content = content[: len(content) // 2]
    elif kind == "header":
        content[:8] = b"\xff" * 8
    elif kind == "vectors":
        content[-5] ^= 0x40
    elif kind == "keys":
        place = bytes(content).index(text_keys(TEXTS[:1]).tobytes())
        content[place + 40] ^= 1
    elif kind == "text":
        content = bytearray(b"not a shard")
    shard.write_bytes(bytes(content))


@pytest.mark.parametrize("kind", ["empty", "truncated", "header", "vectors", "keys", "text"])
def test_a_damaged_shard_is_dropped_and_its_texts_encoded_again(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    embed(TEXTS[:4], CountingEncoder(), cache=tmp_path)
    [shard] = shards(tmp_path)
    damage(shard, kind)
    embed(TEXTS[4:], CountingEncoder(), cache=tmp_path)
    again, after = CountingEncoder(), CountingEncoder()
    np.testing.assert_array_equal(embed(TEXTS, again, cache=tmp_path), expected(TEXTS))
    assert again.asked == TEXTS[:4]
    assert "damaged" in caplog.text and str(shard) in caplog.text
    embed(TEXTS, after, cache=tmp_path)
    assert not after.asked


@pytest.mark.parametrize("row", [[np.nan] * 8, [0.0] * 8, [np.inf] * 8])
def test_unusable_vectors_under_a_good_checksum_are_dropped(tmp_path: Path, row: list[float]) -> None:
    DiskCache(tmp_path, CountingEncoder()).write(text_keys(TEXTS[:1]), np.array([row], np.float32))
    encoder = CountingEncoder()
    np.testing.assert_array_equal(embed(TEXTS, encoder, cache=tmp_path), expected(TEXTS))
    assert encoder.asked == TEXTS


def test_an_unreadable_shard_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    embed(TEXTS, CountingEncoder(), cache=tmp_path)
    shard = shards(tmp_path)[0]
    shard.unlink()
    shard.mkdir()
    np.testing.assert_array_equal(embed(TEXTS, CountingEncoder(), cache=tmp_path), expected(TEXTS))
    assert shard.is_dir() and "cache file" in caplog.text


def test_another_dimension_under_one_fingerprint_is_an_error(tmp_path: Path) -> None:
    DiskCache(tmp_path, CountingEncoder()).write(text_keys(TEXTS[:1]), np.ones((1, 5), np.float32))
    with pytest.raises(InputError, match=r"one dimension \(5\), got 8"):
        embed(TEXTS, CountingEncoder(), cache=tmp_path)


def test_many_small_shards_are_merged(tmp_path: Path) -> None:
    texts = [f"query {number}" for number in range(MANY_SMALL + 3)]
    for text in texts:
        embed([text], CountingEncoder(), cache=tmp_path)
    assert len(shards(tmp_path)) == 4
    encoder = CountingEncoder()
    np.testing.assert_array_equal(embed(texts, encoder, cache=tmp_path), expected(texts))
    assert not encoder.asked


def test_leftovers_of_killed_writers_are_removed(tmp_path: Path) -> None:
    embed(TEXTS, CountingEncoder(), cache=tmp_path)
    folder = shards(tmp_path)[0].parent
    old, young = folder / ".a.safetensors.1.tmp", folder / ".b.safetensors.2.tmp"
    old.write_bytes(b"half"), young.write_bytes(b"half")
    os.utime(old, (time.time() - 10_000,) * 2)
    embed(["new"], CountingEncoder(), cache=tmp_path)
    assert not old.exists() and young.exists()


@pytest.mark.parametrize("bad", [3, 1.5, ["a"]])
def test_a_cache_that_is_no_folder_is_an_error(bad: object) -> None:
    with pytest.raises(InputError, match="`cache` must be a folder"):
        embed(TEXTS, CountingEncoder(), cache=bad)  # type: ignore[arg-type]


def test_a_named_folder_must_be_usable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="can be written"):
        embed(TEXTS, CountingEncoder(), cache=tmp_path / "file")


def test_an_unusable_default_folder_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("GRAPHREC_LM_CACHE", str(tmp_path / "file"))
    np.testing.assert_array_equal(embed(TEXTS, CountingEncoder()), expected(TEXTS))
    assert "not cached" in caplog.text


def test_a_full_disk_costs_only_the_cache(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(DiskCache, "write", full)
    np.testing.assert_array_equal(embed(TEXTS, CountingEncoder()), expected(TEXTS))
    assert caplog.text.count("no longer cached") == 1


class Bad(TextEncoder):
    """Goes wrong at the second chunk."""

    name, fingerprint, dim, chunk_size = "bad", "bad", 2, 2

    def __init__(self, kind: str) -> None:
        self.kind, self.calls = kind, 0

    def encode(self, texts):  # type: ignore[no-untyped-def]
        self.calls += 1
        good = np.ones((len(texts), 2), np.float32)
        return good if self.calls == 1 else spoilt(good, self.kind)


def spoilt(good: np.ndarray, kind: str) -> np.ndarray:
    bad = good.copy()
    if kind in ("nan", "inf", "zero"):
        bad[0] = {"nan": np.nan, "inf": np.inf, "zero": 0.0}[kind]
    shapes = {"rows": bad[1:], "flat": bad[:, 0], "dim": bad[:, :1], "text": bad.astype(str)}
    return shapes.get(kind, bad)


@pytest.mark.parametrize("kind", ["nan", "inf", "zero", "rows", "flat", "dim", "text"])
def test_bad_vectors_are_an_error_and_never_cached(tmp_path: Path, kind: str) -> None:
    with pytest.raises(InputError):
        embed(TEXTS, Bad(kind), cache=tmp_path)
    assert [len(load_file(shard)["keys"]) for shard in shards(tmp_path)] == [2]


SLOW = """
import sys
from graphrec_lm.text import embed
from tests.text.fakes import CountingEncoder
start, stop, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
encoder = CountingEncoder(seconds=float(sys.argv[4]))
embed([f"title {n}" for n in range(start, stop)], encoder, cache=folder)
"""


def start(first: int, last: int, folder: Path, seconds: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", SLOW, str(first), str(last), str(folder), str(seconds)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, cwd=ROOT)


@pytest.mark.parametrize("chunks", [1, 3])
def test_after_kill_9_only_the_missing_is_encoded(tmp_path: Path, chunks: int) -> None:
    texts = [f"title {number}" for number in range(400)]
    process = start(0, 400, tmp_path, 0.02)
    deadline = time.monotonic() + 20
    while len(shards(tmp_path)) < chunks and time.monotonic() < deadline:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    kept = sum(len(load_file(shard)["keys"]) for shard in shards(tmp_path))
    assert 4 * chunks <= kept < 400
    encoder = CountingEncoder()
    np.testing.assert_array_equal(embed(texts, encoder, cache=tmp_path), expected(texts))
    assert encoder.asked == texts[kept:]


def test_two_processes_may_write_at_once(tmp_path: Path) -> None:
    processes = [start(0, 120, tmp_path, 0.01), start(60, 180, tmp_path, 0.01)]
    assert [process.wait() for process in processes] == [0, 0]
    texts, encoder = [f"title {number}" for number in range(180)], CountingEncoder()
    np.testing.assert_array_equal(embed(texts, encoder, cache=tmp_path), expected(texts))
    assert not encoder.asked


def test_a_large_cache_is_read_quickly(tmp_path: Path) -> None:
    texts = [f"title {number}" for number in range(100_000)]
    encoder = CountingEncoder(chunk_size=2_000)
    embed(texts, encoder, cache=tmp_path)
    begun = time.process_time()
    vectors = embed(texts[::-1], encoder, cache=tmp_path)
    assert time.process_time() - begun < 3.0
    assert len(encoder.asked) == len(texts)
    np.testing.assert_array_equal(vectors[::-1][:100], expected(texts[:100]))


def test_a_text_in_two_shards_hides_none_and_large_shards_stay(tmp_path: Path) -> None:
    encoder, keys = CountingEncoder(), text_keys([f"text {number}" for number in range(MANY_SMALL + 1)])
    cache = DiskCache(tmp_path, encoder)
    for number in range(MANY_SMALL):  # each large, with one text of its own and one that all have
        rows = np.full((300, 64), number + 1, dtype=np.float32)
        own = np.random.default_rng(number).integers(0, 256, (300, 32), dtype=np.uint8)
        own[:2] = keys[number], keys[MANY_SMALL]
        cache.write(own, rows)
    assert {shard.stat().st_size > SMALL_BYTES for shard in shards(tmp_path)} == {True}
    cache.tidy()
    assert len(shards(tmp_path)) == MANY_SMALL  # a text is verified with all of its shard
    found = {int(place) for places, _ in cache.read(keys) for place in places}
    assert found == set(range(MANY_SMALL + 1))
