"""Whole fits on a pretended second device, in a process of their own: `python -m tests.models.second_device`.

The device computes on the processor but, as a GPU would, refuses operations on tensors of two devices.
Says how far each model's vectors are from numba's, and how often the host asked the device for a number.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import torch
from torch.utils import _pytree as trees
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

HERE, NAME = torch.device("cpu"), "pretended"
ASKED = []
MODELS = "AlphaRec", "AlphaRec linear", "LightGCN", "MF shared"


class Far(torch.Tensor):
    """A tensor on the second device; `near` is what it holds, on the processor."""

    near: torch.Tensor

    @staticmethod
    def __new__(cls, near: torch.Tensor) -> Far:
        layout = {"strides": near.stride(), "storage_offset": near.storage_offset(), "dtype": near.dtype}
        far = torch.Tensor._make_wrapper_subclass(cls, near.shape, **layout, device=torch.device(NAME, 0))
        far.near = near
        return far

    def tolist(self) -> Any:
        ASKED.append("tolist")
        return self.near.tolist()

    @classmethod
    def __torch_dispatch__(cls, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return run(op, args, kwargs or {})


class Factories(TorchDispatchMode):
    """Lets operations without a tensor, such as `zeros(device=...)`, reach the device."""

    def __torch_dispatch__(self, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        is_far = any(isinstance(leaf, Far) for leaf in trees.tree_leaves((args, kwargs)))
        return run(op, args, kwargs) if is_far or kwargs.get("device") else op(*args, **kwargs)


def run(op: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Compute on the processor; wrap what belongs on the device."""
    name, leaves = op.overloadpacket.__name__, trees.tree_leaves((args, kwargs))
    far = {id(leaf.near): leaf for leaf in leaves if isinstance(leaf, Far)}
    mixed = [x for x in leaves if isinstance(x, torch.Tensor) and not isinstance(x, Far) and x.ndim]
    if far and mixed and name not in ("_to_copy", "copy_"):
        raise RuntimeError(f"{op} met tensors of two devices")
    target = kwargs.get("device")
    args, kwargs = trees.tree_map(lambda x: x.near if isinstance(x, Far) else x, (args, kwargs))
    out = op(*args, **(kwargs | ({"device": HERE} if target is not None else {})))
    if name in ("_local_scalar_dense", "equal", "nonzero"):
        ASKED.append(name)
    is_far = bool(far) if target is None else torch.device(target).type == NAME

    known = far | {id(leaf): leaf for leaf in mixed}  # what came in and was changed in place

    def wrapped(x: Any) -> Any:
        if not isinstance(x, torch.Tensor) or not is_far:
            return x
        return known[id(x)] if id(x) in known else Far(x)

    return trees.tree_map(wrapped, out)


def main() -> None:
    """Fit each model here and there; print one JSON object."""
    _setup_privateuseone_for_python_backend(NAME)
    from graphrec_lm.models.trained import TrainedRecommender
    from tests.models.test_device import MAKERS, vectors
    from tests.models.worlds import checkerboard

    world, found = checkerboard(), {}
    for name in MODELS:
        fits = []
        for device in (None, torch.device(NAME, 0)):
            TrainedRecommender._device = lambda model, chosen=device: chosen
            ASKED.clear()
            with Factories():
                fits.append(MAKERS[name](epochs=1, valid_every=1).fit(world.train, valid=world.valid))
        distance = float(np.abs(vectors(fits[0]) - vectors(fits[1])).max())
        found[name] = {"distance": distance, "asked": len(ASKED)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
