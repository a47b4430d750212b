"""What a text encoder is, and the checks that every text and every vector passes."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphrec_lm.errors import InputError, first_few

Vectors = npt.NDArray[np.float32]


class TextEncoder(ABC):
    """Texts in, one float32 vector a text out.

    A subclass gives `name`, `fingerprint`, `dim` (attributes or properties) and `encode`. The same text must
    always get the same vector: `fingerprint` stands for everything that decides it, and the cache on disk is
    keyed by it.

    Attributes
    ----------
    name : str
        What a person calls it; `resolve_encoder(name)` rebuilds it where a name is enough to do so.
    fingerprint : str
        Identifies the vectors this encoder gives; known without loading a language model.
    dim : int
        Length of a vector; asking for it may load the language model.
    cacheable : bool
        Whether `embed` may keep the vectors on disk (False for encoders that are as fast as the disk).
    chunk_size : int
        Texts encoded between two writes to the cache on disk.

    Examples
    --------
    >>> class Length(TextEncoder):
    ...     name, fingerprint, dim = "length", "length-1", 2
    ...     def encode(self, texts):
    ...         return np.array([[len(text), 1] for text in texts], np.float32)
    >>> Length().encode(["Alien"])
    array([[5., 1.]], dtype=float32)
    """

    cacheable: bool = True
    chunk_size: int = 512

    if TYPE_CHECKING:

        @property
        def name(self) -> str: ...

        @property
        def fingerprint(self) -> str: ...

        @property
        def dim(self) -> int: ...

    @abstractmethod
    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return float32 [len(texts), dim], one row a text, in their order."""

    def overlong(self, texts: Sequence[str]) -> list[str]:
        """Those of `texts` of which the language model reads only the beginning; none, if it reads all."""
        return []

    def __deepcopy__(self, memo: dict[int, Any]) -> TextEncoder:
        return self

    def __sklearn_clone__(self) -> TextEncoder:
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


def check_texts(texts: Sequence[str]) -> list[str]:
    """Return `texts` as a list, or raise InputError naming the first that is no text or empty.

    >>> check_texts(["Alien", None])
    Traceback (most recent call last):
    graphrec_lm.errors.InputError: `texts` must be strings, got 1 (None) of 2. Give every item a title.
    """
    if isinstance(texts, str | bytes) or not hasattr(texts, "__iter__"):
        raise InputError(
            "`texts` must be a list of strings", f"one {type(texts).__name__}", "Wrap it in a list."
        )
    listed = texts.to_pylist() if hasattr(texts, "to_pylist") else list(texts)
    if not listed:
        raise InputError("`texts` must hold at least one text", "none", "Pass the titles to encode.")
    wrong = [text for text in listed if not isinstance(text, str)]
    if wrong:
        found = f"{first_few(wrong, len(wrong))} of {len(listed)}"
        raise InputError("`texts` must be strings", found, "Give every item a title.")
    blank = [row for row, text in enumerate(listed) if not text or text.isspace()]
    if blank:
        found = f"{len(blank)} empty of {len(listed)}, the first at row {blank[0]}"
        raise InputError("`texts` must not be empty", found, "Give every item a title.")
    _check_unicode(listed)
    return listed


def _check_unicode(texts: list[str]) -> None:
    try:
        "\n".join(texts).encode()
    except UnicodeEncodeError as error:
        found = f"{error.object[error.start]!r}, half of a surrogate pair"
        raise InputError("`texts` must be valid Unicode", found, "Decode the file as UTF-8.") from None


def check_vectors(vectors: npt.ArrayLike, texts: Sequence[str], *, what: str = "embeddings") -> Vectors:
    """Return `vectors` as C-ordered float32 [len(texts), dim], or raise InputError.

    Refused are another row count, anything not two-dimensional and real, NaN, infinity and rows of zeros.

    >>> check_vectors([[1.0, 0.0]], ["Alien", "Heat"])
    Traceback (most recent call last):
    graphrec_lm.errors.InputError: `embeddings` must have one row a text (2), got 1. Keep the texts' order.
    """
    try:
        array = np.asarray(vectors)
    except ValueError as error:
        found = f"rows of different lengths ({error})"
        raise InputError(f"`{what}` must be numbers [texts, dim]", found, "Pad or cut the rows.") from None
    if array.ndim != 2 or array.shape[1] == 0 or array.dtype.kind not in "fiu":
        found = f"shape {array.shape} of {array.dtype}"
        raise InputError(
            f"`{what}` must be numbers [texts, dim]", found, "Pass a two-dimensional float array."
        )
    if len(array) != len(texts):
        raise InputError(
            f"`{what}` must have one row a text ({len(texts)})", len(array), "Keep the texts' order."
        )
    with np.errstate(over="ignore"):
        result = np.ascontiguousarray(array, dtype=np.float32)
    _check_rows(np.isfinite(result).all(axis=1), texts, f"`{what}` must be finite float32", "NaN or infinity")
    _check_rows(result.any(axis=1), texts, f"`{what}` must not be zero", "only zeros")
    return result


def _check_rows(good: npt.ArrayLike, texts: Sequence[str], required: str, found: str) -> None:
    rows = np.flatnonzero(np.logical_not(good)).tolist()
    if rows:
        named = first_few((texts[row] for row in rows), len(rows))
        remedy = "Encode those texts again, or leave them out."
        raise InputError(required, f"{found} in row {rows[0]}; such rows: {named}", remedy)


def unit_rows(vectors: Vectors) -> Vectors:
    """Scale each row to length one.

    >>> unit_rows(np.array([[3.0, 4.0]], np.float32))
    array([[0.6, 0.8]], dtype=float32)
    """
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    return (vectors / norms[:, None]).astype(np.float32)


def fingerprint_of(kind: str, **settings: object) -> str:
    """Hash what decides an encoder's vectors: 32 hexadecimal digits.

    >>> fingerprint_of("demo", dim=2) == fingerprint_of("demo", dim=3)
    False
    """
    text = json.dumps({"kind": kind, **settings}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
