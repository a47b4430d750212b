"""Content hashes: of a Dataset, and of several together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

import numpy as np


def content_hash(parts: Iterable[np.ndarray | list[str] | None]) -> str:
    """Return the hex hash of arrays, lists of texts and absences, each with its type and length.

    >>> content_hash([np.arange(2), ["a"]]) == content_hash([np.arange(2), ["a", ""]])
    False
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        kind, content = _bytes(part)
        digest.update(f"{kind}:{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()


def _bytes(part: np.ndarray | list[str] | None) -> tuple[str, bytes | memoryview]:
    if part is None:
        return "none", b""
    if isinstance(part, np.ndarray) and part.dtype.kind != "O":
        return part.dtype.str, np.ascontiguousarray(part).view(np.uint8).data
    return "text", json.dumps(list(part)).encode()
