"""`embed`: each text encoded once, its vector from the package, the disk, or the language model."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from graphrec_lm.errors import InputError
from graphrec_lm.progress import Progress
from graphrec_lm.text.base import TextEncoder, Vectors, check_texts, check_vectors
from graphrec_lm.text.bundled import bundled_vectors
from graphrec_lm.text.cache import DiskCache, Keys, text_keys
from graphrec_lm.text.cache_folder import CacheSpec, open_cache
from graphrec_lm.text.concat import ConcatEncoder, join
from graphrec_lm.text.locate import DEFAULT_ENCODER
from graphrec_lm.text.resolve import EncoderSpec, resolve_encoder

logger = logging.getLogger("graphrec_lm")


def embed(
    texts: Sequence[str], encoder: EncoderSpec = DEFAULT_ENCODER, *, cache: CacheSpec = None
) -> Vectors:
    """Return the vectors of `texts`; each distinct text is encoded at most once, ever.

    A vector is looked for in the package (the bundled dataset's titles by the default encoder), then in the
    cache on disk; what is still missing is encoded in chunks, each on disk before the next begins. The
    language model is loaded only then.

    Parameters
    ----------
    texts : sequence of str [n]
        None empty; they may repeat.
    encoder : str, path, TextEncoder or list of them
        As in `resolve_encoder`. The vectors of a list are scaled to unit rows and concatenated.
    cache : path or bool, optional
        Folder of the cache on disk. None: GRAPHREC_LM_CACHE or the platform's place for caches. False: none.

    Returns
    -------
    vectors : float32 [n, dim]
        Finite, no row of zeros.

    Raises
    ------
    InputError
        For texts that are no strings or empty, an unusable encoder or cache folder, and vectors of the wrong
        shape, with NaN or with rows of zeros.

    Examples
    --------
    >>> from graphrec_lm.text import PrecomputedEncoder
    >>> encoder = PrecomputedEncoder(texts=["Alien", "Heat"], embeddings=[[1.0, 0.0], [0.0, 1.0]])
    >>> embed(["Heat", "Heat"], encoder)
    array([[0., 1.],
           [0., 1.]], dtype=float32)
    """
    listed = check_texts(texts)
    index: dict[str, int] = {}
    inverse = np.fromiter((index.setdefault(text, len(index)) for text in listed), np.int64, len(listed))
    vectors = _embed_unique(list(index), resolve_encoder(encoder), cache)
    return vectors if len(index) == len(listed) else vectors[inverse]


def _embed_unique(texts: list[str], encoder: TextEncoder, cache: CacheSpec) -> Vectors:
    if isinstance(encoder, ConcatEncoder):
        return join([_embed_unique(texts, part, cache) for part in encoder.encoders])
    if not encoder.cacheable:
        return check_vectors(encoder.encode(texts), texts)
    rows = _Rows(len(texts), encoder.name)
    rows.put(*bundled_vectors(encoder.fingerprint, texts))
    if len(rows.missing()):
        _complete(rows, texts, encoder, open_cache(cache, encoder))
    return rows.vectors


def _complete(rows: _Rows, texts: list[str], encoder: TextEncoder, store: DiskCache | None) -> None:
    """Fill the missing rows from the cache on disk, then by encoding."""
    if store is not None:
        missing = rows.missing()
        for found, vectors in store.read(text_keys([texts[row] for row in missing])):
            rows.put(missing[found], vectors)
    if len(rows.missing()):
        _encode_missing(rows, texts, encoder, store)


def _encode_missing(rows: _Rows, texts: list[str], encoder: TextEncoder, store: DiskCache | None) -> None:
    missing, what = rows.missing(), f"vectors of {encoder.name}"
    with Progress(len(missing), f"texts to vectors, {encoder.name}", "text") as bar:
        for start in range(0, len(missing), encoder.chunk_size):
            chunk = missing[start : start + encoder.chunk_size]
            chunk_texts = [texts[row] for row in chunk]
            vectors = check_vectors(encoder.encode(chunk_texts), chunk_texts, what=what)
            rows.put(chunk, vectors)
            store = store and _stored(store, text_keys(chunk_texts), vectors)
            bar.advance(len(chunk))
    if store is not None:
        store.tidy()


def _stored(store: DiskCache, keys: Keys, vectors: Vectors) -> DiskCache | None:
    """Write a chunk; a full disk is logged, and the rest is encoded without the cache."""
    try:
        store.write(keys, vectors)
    except OSError as error:
        logger.warning("texts are no longer cached: %s", error)
        return None
    return store


class _Rows:
    """The vectors of `count` texts, filled as they are found."""

    def __init__(self, count: int, name: str) -> None:
        self._have = np.zeros(count, bool)
        self._name = name
        self.vectors: Vectors = np.empty((count, 0), np.float32)

    def missing(self) -> npt.NDArray[np.int64]:
        return np.flatnonzero(~self._have)

    def put(self, positions: npt.NDArray[np.int64], vectors: Vectors) -> None:
        if not len(positions):
            return
        if not self._have.any():
            self.vectors = np.empty((len(self._have), vectors.shape[1]), np.float32)
        if vectors.shape[1] != self.vectors.shape[1]:
            raise InputError(
                f"all vectors of {self._name} must have one dimension ({self.vectors.shape[1]})",
                vectors.shape[1],
                "Give the changed encoder another fingerprint, or clear its cache.",
            )
        self.vectors[positions] = vectors
        self._have[positions] = True
