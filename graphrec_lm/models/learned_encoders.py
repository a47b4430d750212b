"""Encoders that learn from texts (TF-IDF) stay with the fit: their name does not make them again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphrec_lm.errors import NotFittedError
from graphrec_lm.models.text import SavedEncoder
from graphrec_lm.text import ConcatEncoder, TextEncoder, TfidfEncoder

Learned = tuple[TfidfEncoder, ...]


def learned_parts(encoder: TextEncoder) -> Learned:
    """What has learned from texts: the encoder itself, or parts of a concatenation.

    >>> [part.name for part in learned_parts(TfidfEncoder(2).fit(["a b", "b c", "c a"]))]
    ['tfidf:2']
    """
    if isinstance(encoder, ConcatEncoder):
        return tuple(part for one in encoder.encoders for part in learned_parts(one))
    return (encoder,) if isinstance(encoder, TfidfEncoder) and _fingerprint(encoder) else ()


def with_learned(encoder: TextEncoder, learned: Sequence[TfidfEncoder]) -> TextEncoder:
    """The encoder with what was learned in place of parts of the same name that haven't learned anything.

    >>> known = TfidfEncoder(2).fit(["a b", "b c", "c a"])
    >>> with_learned(TfidfEncoder(2), [known]) is known
    True
    """
    if isinstance(encoder, ConcatEncoder):
        return ConcatEncoder([with_learned(one, learned) for one in encoder.encoders])
    if isinstance(encoder, TfidfEncoder | SavedEncoder):
        own = _fingerprint(encoder)
        for known in learned:
            if known.name == encoder.name and own in (None, known.fingerprint):
                return known
    return encoder


def _fingerprint(encoder: Any) -> str | None:
    """None if it hasn't learned anything yet."""
    try:
        return str(encoder.fingerprint)
    except NotFittedError:
        return None
