"""The cache on disk: vectors by encoder fingerprint and text.

One folder an encoder, of immutable files ("shards"). A shard is a safetensors file with `keys` (uint8
[n, 32], the SHA-256 of each text) and `vectors` (float32 [n, dim]), named by the SHA-256 of its content. It
appears under its name whole or not at all, so a kill loses at most the chunk in the making and any number of
processes may write at once. A shard whose content does not fit its name is dropped, and its texts
are encoded again.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrec_lm.files import atomic_file
from graphrec_lm.text.base import TextEncoder, Vectors, fingerprint_of

logger = logging.getLogger("graphrec_lm")

Keys = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int64]

KEY_BYTES = 32
SMALL_BYTES = 1 << 16  # shards below it are merged, once there are many of them
MANY_SMALL = 64
STALE_SECONDS = 3600.0

_known: dict[Path, Keys] = {}  # of shards that were read: a shard never changes under its name


def text_keys(texts: Sequence[str]) -> Keys:
    """Return the SHA-256 of each text, uint8 [n, 32].

    >>> text_keys(["Alien", "Heat"]).shape
    (2, 32)
    """
    joined = b"".join(hashlib.sha256(text.encode()).digest() for text in texts)
    return np.frombuffer(joined, np.uint8).reshape(-1, KEY_BYTES)


class DiskCache:
    """The vectors of one encoder on disk.

    Parameters
    ----------
    root : path
        Folder that holds the caches of all encoders; created when missing.
    encoder : TextEncoder
        Its fingerprint decides the folder, its name is written into every shard.

    Raises
    ------
    OSError
        If the folder cannot be created.

    Examples
    --------
    >>> import tempfile
    >>> from graphrec_lm.text import PrecomputedEncoder
    >>> encoder = PrecomputedEncoder(texts=["Alien"], embeddings=[[1.0, 0.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cache = DiskCache(folder, encoder)
    ...     cache.write(text_keys(["Alien"]), encoder.encode(["Alien"]))
    ...     [(positions, vectors)] = cache.read(text_keys(["Heat", "Alien"]))
    >>> positions, vectors
    (array([1]), array([[1., 0.]], dtype=float32))
    """

    def __init__(self, root: str | os.PathLike[str], encoder: TextEncoder) -> None:
        self.folder = Path(root).expanduser() / fingerprint_of("cache-1", encoder=encoder.fingerprint)
        self._label = {"encoder": encoder.name, "fingerprint": encoder.fingerprint}
        self.folder.mkdir(parents=True, exist_ok=True)

    def read(self, keys: Keys) -> Iterator[tuple[Positions, Vectors]]:
        """Yield, a verified shard at a time, positions in `keys` (unique) and their vectors."""
        prefixes = _prefixes(keys)
        order = np.argsort(prefixes, kind="stable")
        ordered, is_found = prefixes[order], np.zeros(len(keys), dtype=bool)
        for shard in self._shards():
            if is_found.all():
                return
            found = _match(keys, order, ordered, self._keys_of(shard))
            if found is not None:
                positions, rows = found
                verified = self._load(shard)
                if verified is not None:
                    is_found[positions] = True
                    yield positions, verified[1][rows]

    def write(self, keys: Keys, vectors: Vectors) -> None:
        """Store one chunk: `keys` uint8 [n, 32] and `vectors` float32 [n, dim]; durable on return."""
        from safetensors.numpy import save

        tensors: dict[str, npt.NDArray[Any]] = {
            "keys": np.ascontiguousarray(keys),
            "vectors": np.ascontiguousarray(vectors),
        }
        content = save(tensors, metadata=self._label)
        with atomic_file(self.folder / f"{hashlib.sha256(content).hexdigest()}.safetensors") as temporary:
            temporary.write_bytes(content)

    def tidy(self) -> None:
        """Remove what killed processes left behind, and merge small shards once there are many."""
        for left in self.folder.glob(".*.tmp"):
            with suppress(OSError):
                if time.time() - left.stat().st_mtime > STALE_SECONDS:
                    left.unlink()
        small = [shard for shard in self._shards() if _size(shard) < SMALL_BYTES]
        for start in range(0, len(small) - MANY_SMALL + 1, MANY_SMALL):
            with suppress(OSError):
                self._merge(small[start : start + MANY_SMALL])

    def _merge(self, shards: list[Path]) -> None:
        loaded = {shard: content for shard in shards if (content := self._load(shard)) is not None}
        dims = {vectors.shape[1] for _, vectors in loaded.values()}
        if len(dims) != 1:
            return
        keys = np.concatenate([keys for keys, _ in loaded.values()])
        vectors = np.concatenate([vectors for _, vectors in loaded.values()])
        first = np.sort(np.unique(keys, axis=0, return_index=True)[1])
        self.write(keys[first], vectors[first])
        for shard in loaded:
            shard.unlink(missing_ok=True)
            _known.pop(shard, None)

    def _shards(self) -> list[Path]:
        return sorted(self.folder.glob("[0-9a-f]*.safetensors"))

    def _keys_of(self, shard: Path) -> Keys | None:
        """Return the keys of a shard, unverified, without reading its vectors; kept for the next call."""
        from safetensors import SafetensorError, safe_open

        if shard in _known:
            return _known[shard]
        try:
            with safe_open(shard, framework="numpy") as opened:
                keys: Keys = opened.get_tensor("keys")
        except (SafetensorError, ValueError) as error:
            _drop(shard, error)
            return None
        except OSError as error:
            _skip(shard, error)
            return None
        if keys.dtype == np.uint8 and keys.shape[1:] == (KEY_BYTES,):
            _known[shard] = keys
            return keys
        _drop(shard, "its keys are not SHA-256")
        return None

    def _load(self, shard: Path) -> tuple[Keys, Vectors] | None:
        """Return the keys and vectors of a shard; drop it if they are not what was written."""
        try:
            content = shard.read_bytes()
        except OSError as error:
            _skip(shard, error)
            return None
        loaded = _parse(content) if hashlib.sha256(content).hexdigest() == shard.stem else None
        if loaded is None:
            _drop(shard, "its content does not fit its checksum")
        return loaded


def _parse(content: bytes) -> tuple[Keys, Vectors] | None:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(content)
        keys, vectors = tensors["keys"], tensors["vectors"]
    except (SafetensorError, KeyError):
        return None
    fits = vectors.ndim == 2 and vectors.dtype == np.float32 and keys.shape == (len(vectors), KEY_BYTES)
    return (keys, vectors) if fits and np.isfinite(vectors).all() and vectors.any(axis=1).all() else None


def _drop(shard: Path, reason: object) -> None:
    logger.warning("cache file %s is damaged (%s); dropped, its texts are encoded again", shard, reason)
    _known.pop(shard, None)
    with suppress(OSError):
        shard.unlink()


def _skip(shard: Path, error: OSError) -> None:
    """Say that a shard cannot be read; one that another process merged meanwhile is no news."""
    if not isinstance(error, FileNotFoundError):
        logger.warning("cache file %s cannot be read (%s); its texts are encoded again", shard, error)


def _prefixes(keys: Keys) -> npt.NDArray[np.uint64]:
    return np.ascontiguousarray(keys[:, :8]).view("<u8").ravel()


def _match(
    wanted: Keys, order: Positions, ordered: npt.NDArray[np.uint64], keys: Keys | None
) -> tuple[Positions, Positions] | None:
    """Return positions in `wanted` and rows of `keys` that are the same key; None where there are none."""
    if keys is None or not len(keys) or not len(wanted):
        return None
    prefixes = _prefixes(keys)
    place = np.minimum(np.searchsorted(ordered, prefixes), len(ordered) - 1)
    rows = np.flatnonzero(ordered[place] == prefixes)
    positions = order[place[rows]]
    same = (wanted[positions] == keys[rows]).all(axis=1)
    return (positions[same], rows[same]) if same.any() else None


def _size(shard: Path) -> int:
    try:
        return shard.stat().st_size
    except FileNotFoundError:
        return SMALL_BYTES
