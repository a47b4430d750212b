"""Constructor parameters in scikit-learn's manner, so that `clone` and Optuna work."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from typing import Any, Self

from graphrec_lm.errors import InputError, did_you_mean


class Parameters:
    """Base of objects whose constructor only stores its keyword parameters.

    Examples
    --------
    >>> class Model(Parameters):
    ...     def __init__(self, dim=64):
    ...         self.dim = dim
    >>> Model().set_params(dim=8)
    Model(dim=8)
    """

    @classmethod
    def parameter_names(cls) -> list[str]:
        """Names of the constructor's parameters."""
        return list(_parameters(cls))  # type: ignore[arg-type]  # classes are hashable

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's parameters by name (`deep` is accepted for scikit-learn's sake)."""
        return {name: getattr(self, name) for name in self.parameter_names()}

    def set_params(self, **params: Any) -> Self:
        """Change parameters; the next `fit` uses them.

        Raises
        ------
        InputError
            For a name that is no parameter; nothing is changed then.
        """
        names = self.parameter_names()
        for name in params:
            if name not in names:
                required = f"{type(self).__name__} must be given its own parameters"
                raise InputError(required, repr(name), did_you_mean(name, names))
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = _parameters(type(self))  # type: ignore[arg-type]
        changed = [(n, v) for n, v in self.get_params().items() if v is not defaults[n].default]
        shown = ", ".join(f"{n}={v!r}" for n, v in changed if repr(v) != repr(defaults[n].default))
        return f"{type(self).__name__}({shown})"


@functools.cache
def _parameters(cls: type) -> Mapping[str, inspect.Parameter]:
    """Of the constructor; kept, as reading them takes longer than scoring a few thousand items."""
    return inspect.signature(cls).parameters
