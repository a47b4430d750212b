"""Where a model is trained: by numba on the processor, or by torch on a CUDA device."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec_lm.errors import InputError, check_choice
from graphrec_lm.kernels import on_device, topk

DEVICES = ("auto", "cpu", "cuda")


def check_device(device: str) -> None:
    """Raise InputError unless `device` is one of `DEVICES` and there.

    >>> check_device("tpu")
    Traceback (most recent call last):
    graphrec_lm.errors.InputError: `device` must be one of 'auto', 'cpu', 'cuda', got 'tpu'. ...
    """
    check_choice("device", device, DEVICES)
    if device == "cuda" and not torch.cuda.is_available():
        found = "none" if torch.version.cuda else "a torch that was built without CUDA"
        remedy = "Use device='auto' or 'cpu', or install a driver and a torch for it."
        raise InputError("`device='cuda'` must find a CUDA device", found, remedy)


def training_device(device: str, model: str, runs_on_cuda: bool) -> torch.device | None:
    """The device whose memory holds the weights while they are trained; None: the processor, by numba.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda"}
        "auto" is "cuda" where there is a device and the model can use it.
    model : str
        Its name.
    runs_on_cuda : bool

    Raises
    ------
    InputError
        If it is "cuda", and there is none or the model cannot use it.
    """
    check_device(device)
    if device == "cuda" and not runs_on_cuda:
        raise InputError(f"`device` must be 'auto' or 'cpu' for {model}", "'cuda'", "It has no path there.")
    if device == "cpu" or not runs_on_cuda or not torch.cuda.is_available():
        return None
    return torch.device("cuda", torch.cuda.current_device())


def top_codes(
    queries: NDArray[np.float32], items: NDArray[np.float32], k: int, seen: Any, device: torch.device | None
) -> NDArray[np.int32]:
    """The codes of `kernels.topk`, found on the device if there is one.

    >>> top_codes(np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32), 1, None, None)
    array([[0],
           [1]], dtype=int32)
    """
    if device is None:
        return topk(queries, items, k, seen=seen)[0]
    moved = [torch.tensor(array, device=device) for array in (queries, items, *(seen or ()))]
    codes = on_device.topk(moved[0], moved[1], k, seen=(moved[2], moved[3]) if seen else None)[0]
    return np.asarray(codes.cpu())
