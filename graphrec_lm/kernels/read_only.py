"""Inputs of one kind: numba compiles a function anew for arrays that can and that cannot be written."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray


def read_only(*arrays: NDArray[Any]) -> list[NDArray[Any]]:
    """Views of the arrays that cannot be written, whatever the arrays themselves are.

    >>> import numpy as np
    >>> read_only(np.zeros(1))[0].flags.writeable
    False
    """
    views = [array.view() for array in arrays]
    for view in views:
        view.flags.writeable = False
    return views
