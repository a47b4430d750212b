"""Texts to vectors: encoders, the cache on disk, and `embed`, the one way in; rows to texts: `Template`."""

from typing import TYPE_CHECKING, Any

from graphrec_lm.text.api import APIEncoder, APIError
from graphrec_lm.text.base import TextEncoder
from graphrec_lm.text.concat import ConcatEncoder
from graphrec_lm.text.embedding import embed
from graphrec_lm.text.locate import DEFAULT_ENCODER
from graphrec_lm.text.precomputed import PrecomputedEncoder
from graphrec_lm.text.resolve import resolve_encoder
from graphrec_lm.text.sentence import SentenceEncoder
from graphrec_lm.text.tfidf import TfidfEncoder
from graphrec_lm.text.transformer import TransformerEncoder

if TYPE_CHECKING:
    from graphrec_lm.text.template import Template

__all__ = [
    "DEFAULT_ENCODER",
    "APIEncoder",
    "APIError",
    "ConcatEncoder",
    "PrecomputedEncoder",
    "SentenceEncoder",
    "Template",
    "TextEncoder",
    "TfidfEncoder",
    "TransformerEncoder",
    "embed",
    "resolve_encoder",
]


def __getattr__(name: str) -> Any:
    """`Template` when it is asked for: it needs pyarrow, the encoders don't."""
    if name != "Template":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from graphrec_lm.text.template import Template

    return Template
