"""Which folder the cache on disk lives in."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from graphrec_lm.errors import InputError
from graphrec_lm.text.base import TextEncoder
from graphrec_lm.text.cache import DiskCache

logger = logging.getLogger("graphrec_lm")

CacheSpec = str | os.PathLike[str] | bool | None


def open_cache(cache: CacheSpec, encoder: TextEncoder) -> DiskCache | None:
    """Return the disk cache that `cache` (see `embed`) asks for; None means: keep nothing.

    Raises
    ------
    InputError
        If the folder was named and cannot be used. An unusable default folder is logged and done without.
    """
    if cache is False:
        return None
    if cache is None or cache is True:
        return _open_default(encoder)
    try:
        return DiskCache(os.fspath(cache), encoder)
    except (OSError, RuntimeError, TypeError) as error:
        required, found = "`cache` must be a folder that can be written", f"{cache!r} ({error})"
        raise InputError(required, found, "Name another folder, or pass cache=False.") from error


def _open_default(encoder: TextEncoder) -> DiskCache | None:
    try:
        return DiskCache(default_folder(), encoder)
    except (OSError, RuntimeError) as error:
        logger.warning("texts are not cached (%s); set GRAPHREC_LM_CACHE to a folder of yours", error)
        return None


def default_folder() -> Path:
    """Return the folder named by GRAPHREC_LM_CACHE, or the one in the platform's place for caches."""
    if named := os.environ.get("GRAPHREC_LM_CACHE"):
        return Path(named) / "texts"
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        base = Path(local)
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "graphrec_lm" / "texts"
