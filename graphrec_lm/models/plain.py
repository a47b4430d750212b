"""Parameters of models as JSON, and back."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from graphrec_lm.errors import check_choice
from graphrec_lm.models.params import Parameters
from graphrec_lm.models.text import SavedEncoder


def plain(value: Any) -> Any:
    """A parameter as JSON: an encoder becomes its name and fingerprint, a model its name and parameters."""
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Parameters):
        return {"model": type(value).__name__, "params": plain_parameters(value.get_params())}
    return {"encoder": value.name, "fingerprint": value.fingerprint}


def plain_parameters(params: dict[str, Any]) -> dict[str, Any]:
    """All parameters of a model as JSON."""
    return {name: plain(value) for name, value in params.items()}


def parameter(saved: Any) -> Any:
    """The reverse of `plain`."""
    if isinstance(saved, list):
        return [parameter(part) for part in saved]
    if isinstance(saved, dict) and "model" in saved:
        return make(saved["model"], saved["params"])
    return SavedEncoder(saved["encoder"], saved["fingerprint"]) if isinstance(saved, dict) else saved


def is_registered(model: type) -> bool:
    """Whether `make` makes models of this class."""
    from graphrec_lm.models.registry import MODELS

    return MODELS.get(model.__name__) is model


def make(name: str, params: dict[str, Any]) -> Any:
    """The model of that name with these parameters, as `plain` wrote them; not fitted."""
    from graphrec_lm.models.registry import MODELS

    check_choice("model", name, list(MODELS))
    return MODELS[name]().set_params(**{key: parameter(value) for key, value in params.items()})
