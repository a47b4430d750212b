"""What text models share: item vectors from titles, kept in float16 with the encoder's name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError
from graphrec_lm.kernels import spmm
from graphrec_lm.text import TextEncoder, embed, resolve_encoder

Float32 = NDArray[np.float32]

_SMALLEST, _LARGEST = 1e-4, 65504.0  # what float16 holds well


class SavedEncoder(TextEncoder):
    """Stands in a loaded model for an encoder object, which is never saved: its name and fingerprint.

    Texts whose vectors are in the cache are still found; for others pass the encoder again.

    Parameters
    ----------
    name, fingerprint : str
    """

    name = ""
    fingerprint = ""
    dim = 0  # not known without the encoder

    def __init__(self, name: str, fingerprint: str) -> None:
        self.name, self.fingerprint = name, fingerprint

    def encode(self, texts: Sequence[str]) -> Float32:
        """Raise InputError: the encoder itself is not here."""
        remedy = "Pass encoder=..., or set it: model.set_params(encoder=...)."
        raise InputError("a loaded model must be given its encoder to encode titles", repr(self.name), remedy)


def title_vectors(dataset: Dataset, encoder: Any) -> tuple[Float32, dict[str, Any]]:
    """LM vectors of a Dataset's titles; see `encoded`."""
    return encoded(dataset.titles, encoder)


def encoded(texts: Sequence[str], encoder: Any) -> tuple[Float32, dict[str, Any]]:
    """LM vectors of texts, and the notes to save with them.

    Parameters
    ----------
    texts : sequence of str
    encoder : name, folder, TextEncoder, or list of them

    Returns
    -------
    vectors : float32 array [n, d_LM]
        Rounded to float16, as they are saved, so that a loaded model equals the fitted one.
    notes : dict
        `encoder` and `encoder_fingerprint`.
    """
    chosen = resolve_encoder(encoder)
    vectors = embed(texts, chosen)
    notes = {"encoder": chosen.name, "encoder_fingerprint": chosen.fingerprint}
    largest = float(np.abs(vectors).max(initial=0))
    if largest > _LARGEST or (len(vectors) and np.abs(vectors).max(axis=1).min() < _SMALLEST):
        found = f"numbers up to {largest:.3g}, a row up to {np.abs(vectors).max(axis=1).min():.3g}"
        required = "title vectors must fit float16, each with a number from 1e-4 to 65504"
        raise InputError(required, found, "Scale the encoder's vectors, e.g. to unit length.")
    return vectors.astype(np.float16).astype(np.float32), notes


def history_means(vectors: NDArray[Any], indptr: NDArray[np.int64], indices: NDArray[np.int32]) -> Float32:
    """Mean of the vectors of each history's items; zero for an empty one.

    Parameters
    ----------
    vectors : array [n_items, dim]
    indptr, indices : int64 [n + 1], int32

    Returns
    -------
    float32 array [n, dim]

    Examples
    --------
    >>> history_means(np.eye(2, dtype=np.float32), np.array([0, 2, 2]), np.array([0, 1], dtype=np.int32))
    array([[0.5, 0.5],
           [0. , 0. ]], dtype=float32)
    """
    counts = np.diff(indptr)
    scale = (1 / np.maximum(counts, 1)).astype(np.float32)
    if len(indices) < len(vectors):  # no need to convert all of them
        used, places = np.unique(indices, return_inverse=True)
        vectors, indices = vectors[used], places.astype(np.int32)
    rows = np.ascontiguousarray(vectors, dtype=np.float32)
    return spmm(indptr, indices, rows, row_scale=scale)
