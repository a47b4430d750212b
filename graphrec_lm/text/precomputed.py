"""Vectors that the user already has, looked up by exact text."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from graphrec_lm.errors import InputError, first_few
from graphrec_lm.text.base import TextEncoder, Vectors, check_texts, check_vectors

AGREEMENT = 1e-3


class PrecomputedEncoder(TextEncoder):
    """Vectors computed elsewhere, keyed by exact text.

    Parameters
    ----------
    texts : sequence of str
        The texts that were encoded.
    embeddings : array [len(texts), dim]
        Their vectors, finite and not zero. Equal texts must have vectors that agree within 1e-3 (of the
        larger of one and their largest entry); the first is used.

    Raises
    ------
    InputError
        For wrong shapes or values, for equal texts that disagree, and (when encoding) for texts that are
        not there.

    Examples
    --------
    >>> encoder = PrecomputedEncoder(texts=["Alien", "Heat"], embeddings=[[1.0, 0.0], [0.0, 1.0]])
    >>> encoder.encode(["Heat"])
    array([[0., 1.]], dtype=float32)
    """

    cacheable = False
    name = "precomputed"

    def __init__(self, *, texts: Sequence[str], embeddings: npt.ArrayLike) -> None:
        listed = check_texts(texts)
        self._vectors = check_vectors(embeddings, listed).copy()
        self._rows: dict[str, int] = {}
        for row, text in enumerate(listed):
            self._rows.setdefault(text, row)
        self._check_agreement(listed)

    @property
    def dim(self) -> int:
        return int(self._vectors.shape[1])

    @cached_property
    def fingerprint(self) -> str:  # type: ignore[override]
        digest = hashlib.sha256(b"precomputed")
        for text, row in self._rows.items():
            digest.update(hashlib.sha256(text.encode()).digest())
            digest.update(self._vectors[row].tobytes())
        return digest.hexdigest()[:32]

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of `texts`, float32 [len(texts), dim]."""
        listed = check_texts(texts)
        rows = [self._rows.get(text, -1) for text in listed]
        missing = list(dict.fromkeys(text for text, row in zip(listed, rows, strict=True) if row < 0))
        if missing:
            found = f"{first_few(missing, len(missing))} without one"
            raise InputError(
                "every text must have a precomputed embedding",
                found,
                "Add them to `texts` and `embeddings`; texts are compared exactly.",
            )
        return self._vectors[np.array(rows, np.int64)]

    def _check_agreement(self, texts: list[str]) -> None:
        first = np.fromiter((self._rows[text] for text in texts), np.int64, len(texts))
        repeats = np.flatnonzero(first != np.arange(len(texts)))
        ours, theirs = self._vectors[repeats], self._vectors[first[repeats]]
        allowed = AGREEMENT * np.maximum(1.0, np.abs(theirs).max(axis=1, initial=0.0))
        bad = repeats[np.abs(ours - theirs).max(axis=1, initial=0.0) > allowed]
        if len(bad):
            differing = dict.fromkeys(texts[row] for row in bad)
            required = f"equal texts must have embeddings that agree within {AGREEMENT}"
            found = f"{first_few(differing, len(differing))} that differ"
            raise InputError(required, found, "Encode each text once, or make the texts distinct.")
