"""Whether matrices of items × items fit in memory."""

from __future__ import annotations

import math
import os
from pathlib import Path

from graphrec_lm.errors import InputError

MATRICES = 3  # alive at once while a dense model is fitted
CONTAINER = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # versions 2 and 1


def physical_gib() -> float:
    """Memory of the machine, or of the container if that is less; infinite where the system does not say."""
    if not hasattr(os, "sysconf"):
        return math.inf
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([pages, *(_number_in(Path(file)) for file in CONTAINER)]) / 2**30


def _number_in(file: Path) -> float:
    """The number in a file; infinity if there is no such file or another word, such as "max"."""
    try:
        return float(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return math.inf


def dense_gib(n_items: int) -> float:
    """What a dense model of so many items takes while it is fitted.

    >>> round(dense_gib(40_000))
    18
    """
    return MATRICES * 4 * n_items**2 / 2**30


def fits_dense(n_items: int, memory_gib: float | None = None) -> bool:
    """Whether a dense model of so many items takes no more than that; None: half of the machine's memory."""
    return dense_gib(n_items) <= (physical_gib() / 2 if memory_gib is None else memory_gib)


def check_dense(n_items: int) -> None:
    """Raise InputError if a dense model of so many items cannot fit in this machine's memory."""
    if dense_gib(n_items) > physical_gib():
        required = f"items² numbers must fit in memory, {dense_gib(n_items):,.0f} GiB for {n_items:,} items"
        remedy = "Use TextRidge(solver='sparse'), SLIM(neighbors=100) or ChebyCF."
        raise InputError(required, f"{physical_gib():.0f} GiB", remedy)
