"""Texts to vectors: encoders, the cache on disk, and `embed`, the one way in; rows to texts: `Template`."""

from graphrec_lm.text.api import APIEncoder, APIError
from graphrec_lm.text.base import TextEncoder
from graphrec_lm.text.concat import ConcatEncoder
from graphrec_lm.text.embedding import embed
from graphrec_lm.text.locate import DEFAULT_ENCODER
from graphrec_lm.text.precomputed import PrecomputedEncoder
from graphrec_lm.text.resolve import resolve_encoder
from graphrec_lm.text.sentence import SentenceEncoder
from graphrec_lm.text.template import Template
from graphrec_lm.text.tfidf import TfidfEncoder
from graphrec_lm.text.transformer import TransformerEncoder

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
