"""Whether matrices of items × items fit in memory."""

from __future__ import annotations

import math
import os

from graphrec_lm.errors import InputError

MATRICES = 3  # alive at once while a dense model is fitted


def physical_gib() -> float:
    """Memory of the machine; infinite where the system does not say."""
    if not hasattr(os, "sysconf"):
        return math.inf
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


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
