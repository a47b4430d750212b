"""Vectors that come with the package: the bundled dataset's titles, by the default encoder."""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import numpy as np
import numpy.typing as npt

from graphrec_lm.text.base import Vectors
from graphrec_lm.text.locate import DEFAULT_ENCODER

logger = logging.getLogger("graphrec_lm")

Layer = tuple[dict[str, int], npt.NDArray[np.float16]]


def bundled_vectors(fingerprint: str, texts: Sequence[str]) -> tuple[npt.NDArray[np.int64], Vectors]:
    """Return the positions in `texts` that the package has vectors for, and the vectors.

    Parameters
    ----------
    fingerprint : str
        Of the encoder; nothing is read unless it is the default encoder's.
    texts : sequence of str
        Compared exactly.

    Returns
    -------
    positions : int64 [found]
    vectors : float32 [found, dim]

    Examples
    --------
    >>> bundled_vectors("another encoder", ["Heat (1995)"])[0]
    array([], dtype=int64)
    """
    layer = _read_layer() if fingerprint == _default_fingerprint() else None
    if layer is None:
        return np.empty(0, np.int64), np.empty((0, 0), np.float32)
    row_of, vectors = layer
    rows = np.fromiter((row_of.get(text, -1) for text in texts), np.int64, len(texts))
    positions = np.flatnonzero(rows >= 0)
    return positions, vectors[rows[positions]].astype(np.float32)


def _folder() -> Traversable:
    return files("graphrec_lm") / "data" / "bundled" / "movielens_small"


@cache
def _default_fingerprint() -> str:
    from graphrec_lm.text.sentence import SentenceEncoder

    return SentenceEncoder(DEFAULT_ENCODER).fingerprint


@cache
def _read_layer() -> Layer | None:
    folder = _folder()
    table, array = folder / "items.parquet", folder / f"titles.{DEFAULT_ENCODER}.float16.npy"
    if not (table.is_file() and array.is_file()):
        return None
    import pyarrow.parquet

    column = pyarrow.parquet.read_table(io.BytesIO(table.read_bytes()), columns=["title"])["title"]
    vectors = np.load(io.BytesIO(array.read_bytes()), allow_pickle=False)
    if len(column) != len(vectors):
        logger.warning("bundled title vectors ignored: %d titles, %d vectors", len(column), len(vectors))
        return None
    return {title: row for row, title in enumerate(column.to_pylist())}, vectors
