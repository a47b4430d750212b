"""Vectors that the user already has, looked up by exact text."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from graphrec_lm.errors import InputError, first_few
from graphrec_lm.text.base import TextEncoder, Vectors, check_texts, check_vectors
from graphrec_lm.text.embedding import embed
from graphrec_lm.text.resolve import resolve_encoder

AGREEMENT = 1e-3
_SAME = 0.02  # of the largest entry: vectors may have been kept in float16, or computed elsewhere


class PrecomputedEncoder(TextEncoder):
    """Vectors computed elsewhere, keyed by exact text.

    Parameters
    ----------
    texts : sequence of str
        The texts that were encoded.
    embeddings : array [len(texts), dim]
        Their vectors, finite and not zero. Equal texts must have vectors that agree within 1e-3 (of the
        larger of one and their largest entry); the first is used.
    model : name, folder or TextEncoder, optional
        What they were computed with. It encodes texts that are not there (titles of new items, intents), and
        vectors by `PrecomputedEncoder`s of one model are known to lie in one space.

    Raises
    ------
    InputError
        For wrong shapes or values, for equal texts that disagree, and (when encoding) for texts that are
        not there, if no `model` is given or it gives other vectors.

    Examples
    --------
    >>> encoder = PrecomputedEncoder(texts=["Alien", "Heat"], embeddings=[[1.0, 0.0], [0.0, 1.0]])
    >>> encoder.encode(["Heat"])
    array([[0., 1.]], dtype=float32)
    """

    cacheable = False
    name = "precomputed"

    def __init__(self, *, texts: Sequence[str], embeddings: npt.ArrayLike, model: Any = None) -> None:
        listed = check_texts(texts)
        self._model = None if model is None else resolve_encoder(model)
        self._agrees = False
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
        if self._model is not None:
            return self._model.fingerprint
        digest = hashlib.sha256(b"precomputed")
        for text, row in self._rows.items():
            digest.update(hashlib.sha256(text.encode()).digest())
            digest.update(self._vectors[row].tobytes())
        return digest.hexdigest()[:32]

    def overlong(self, texts: Sequence[str]) -> list[str]:
        """Texts that are too long for the model, of those it is needed for."""
        return [] if self._model is None else self._model.overlong([t for t in texts if t not in self._rows])

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of `texts`, float32 [len(texts), dim]."""
        listed = check_texts(texts)
        rows = np.array([self._rows.get(text, -1) for text in listed], np.int64)
        if (rows >= 0).all():
            return self._vectors[rows]
        absent = np.flatnonzero(rows < 0)
        vectors = self._vectors[np.maximum(rows, 0)]
        vectors[absent] = self._encode([listed[row] for row in absent])
        return vectors

    def _encode(self, texts: list[str]) -> Vectors:
        """Vectors of texts that are not there, by the model, once it has given the first text's again."""
        if self._model is None:
            missing = list(dict.fromkeys(texts))
            found = f"{first_few(missing, len(missing))} without one"
            remedy = "Add them to `texts` and `embeddings` (texts are compared exactly), or give `model`."
            raise InputError("every text must have a precomputed embedding", found, remedy)
        if not self._agrees:
            self._check_model(embed([next(iter(self._rows))], self._model)[0])
            self._agrees = True
        return embed(texts, self._model)

    def _check_model(self, vector: Vectors) -> None:
        """Refuse a model that gives the first text another vector."""
        ours = self._vectors[0]
        if vector.shape != ours.shape or np.abs(vector - ours).max() > _SAME * np.abs(ours).max():
            required = "`model` must be the one that `embeddings` were computed with"
            found = f"another vector for {next(iter(self._rows))!r}"
            raise InputError(required, found, "Name that model, or leave `model` out.")

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
