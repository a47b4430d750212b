"""Several encoders side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphrec_lm.text.base import TextEncoder, Vectors, fingerprint_of, unit_rows


class ConcatEncoder(TextEncoder):
    """The vectors of several encoders, each row scaled to length one, then concatenated.

    Parameters
    ----------
    encoders : sequence of TextEncoder
        At least one; their order is the order of the columns.

    Examples
    --------
    >>> from graphrec_lm.text import PrecomputedEncoder
    >>> a = PrecomputedEncoder(texts=["Alien"], embeddings=[[2.0, 0.0]])
    >>> b = PrecomputedEncoder(texts=["Alien"], embeddings=[[3.0]])
    >>> ConcatEncoder([a, b]).encode(["Alien"])
    array([[1., 0., 1.]], dtype=float32)
    """

    cacheable = False

    def __init__(self, encoders: Sequence[TextEncoder]) -> None:
        self.encoders = tuple(encoders)

    @property
    def name(self) -> str:
        return " + ".join(encoder.name for encoder in self.encoders)

    @property
    def fingerprint(self) -> str:
        return fingerprint_of("concat", parts=[encoder.fingerprint for encoder in self.encoders])

    @property
    def dim(self) -> int:
        return sum(encoder.dim for encoder in self.encoders)

    def overlong(self, texts: Sequence[str]) -> list[str]:
        """Texts that are too long for some part."""
        return list(dict.fromkeys(text for encoder in self.encoders for text in encoder.overlong(texts)))

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return float32 [len(texts), dim]; `embed` caches each part instead."""
        return join([encoder.encode(texts) for encoder in self.encoders])


def join(parts: Sequence[Vectors]) -> Vectors:
    """Concatenate the unit rows of `parts`, each [n, dim of the part].

    >>> join([np.array([[2.0]], np.float32), np.array([[0.0, 5.0]], np.float32)])
    array([[1., 0., 1.]], dtype=float32)
    """
    return np.concatenate([unit_rows(part) for part in parts], axis=1)
