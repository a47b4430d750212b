"""The kernels as callers see them: numba's on arrays, torch's on tensors, where the tensors lie."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec_lm.kernels import on_device
from graphrec_lm.kernels.gram import gram as _gram
from graphrec_lm.kernels.patterns import take_rows as _take_rows
from graphrec_lm.kernels.patterns import transpose as _transpose
from graphrec_lm.kernels.rows import add_rows as _add_rows
from graphrec_lm.kernels.sampling import draw_negatives as _draw_negatives
from graphrec_lm.kernels.sampling import draw_positives as _draw_positives
from graphrec_lm.kernels.sampling import hash_uniform as _hash_uniform
from graphrec_lm.kernels.softmax import sampled_softmax as _sampled_softmax
from graphrec_lm.kernels.softmax_full import full_softmax as _full_softmax
from graphrec_lm.kernels.spmm import spmm as _spmm
from graphrec_lm.kernels.topk import topk as _topk

F = TypeVar("F", bound=Callable[..., Any])


def are_tensors(codes: object) -> bool:
    """Whether these codes are a tensor, so that torch computes, on their device; else numba does.

    >>> are_tensors(np.zeros(1, np.int32)), are_tensors(torch.zeros(1))
    (False, True)
    """
    return isinstance(codes, torch.Tensor)


def _places_of(codes: NDArray[np.int32]) -> NDArray[np.int32]:
    """0, 1, ... for each of the codes.

    >>> _places_of(np.array([7, 7], dtype=np.int32))
    array([0, 1], dtype=int32)
    """
    return np.arange(len(codes), dtype=np.int32)


def _either(on_arrays: F, on_tensors: Callable[..., Any]) -> F:
    """A kernel that chooses by its first argument of codes."""
    names = list(inspect.signature(on_arrays).parameters)
    name = next(name for name in names if name in ("indptr", "codes", "user_codes", "queries", "rows"))
    place = names.index(name)

    @wraps(on_arrays)
    def kernel(*args: Any, **kwargs: Any) -> Any:
        codes = args[place] if len(args) > place else kwargs.get(name)
        return (on_tensors if are_tensors(codes) else on_arrays)(*args, **kwargs)

    return cast(F, kernel)


add_rows = _either(_add_rows, on_device.add_rows)
draw_negatives = _either(_draw_negatives, on_device.draw_negatives)
draw_positives = _either(_draw_positives, on_device.draw_positives)
full_softmax = _either(_full_softmax, on_device.full_softmax)
gram = _either(_gram, on_device.gram)
hash_uniform = _either(_hash_uniform, on_device.hash_uniform)
places_of = _either(_places_of, on_device.places_of)
sampled_softmax = _either(_sampled_softmax, on_device.sampled_softmax)
spmm = _either(_spmm, on_device.spmm)
take_rows = _either(_take_rows, on_device.take_rows)
topk = _either(_topk, on_device.topk)
transpose = _either(_transpose, on_device.transpose)
