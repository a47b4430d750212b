"""A configuration file as a checked Config."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Sequence
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model

from graphrec_lm.config.problems import validated
from graphrec_lm.config.schema import Config, DataConfig, ModelConfig
from graphrec_lm.config.yaml_file import read_yaml
from graphrec_lm.data.splits import METHODS
from graphrec_lm.errors import InputError, did_you_mean


def read_config(path: str | os.PathLike[str]) -> Config:
    """Return the configuration in a YAML file, with every key and type checked.

    The options of `split` are checked against the split's function, the parameters of `model` against the
    constructor of the model.

    Parameters
    ----------
    path : path

    Raises
    ------
    InputError
        On an unknown key, a wrong type or value: naming file, dotted key and the nearest valid one; and as
        `read_yaml`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> text = "data: {dataset: movielens-small}\\nmodel: {name: AlphaRec, layers: 3}\\noutput: run"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "run.yaml"
    ...     _ = path.write_text(text)
    ...     read_config(path).model.options
    {'layers': 3}
    """
    source = os.fspath(path)
    config = validated(Config, read_yaml(path), source)
    _check_data(config.data, source)
    method = _chosen(METHODS, config.split.method, "split.method", source)
    validated(_section_of(method, skip=("dataset",)), config.split.options, source, "split")
    _check_model(config.model, source, "model")
    return config


def _check_model(config: ModelConfig, source: str, key: str) -> None:
    """Check the parameters of a model and, of a blend, those of its members."""
    from graphrec_lm.models import MODELS

    model = _chosen(MODELS, config.name, f"{key}.name", source)
    validated(_section_of(model), config.options, source, key)
    for place, member in enumerate(config.members):
        own = f"{key}.members.{place}"
        _check_model(validated(ModelConfig, member, source, own), source, own)


def _chosen(options: dict[str, Any], name: str, key: str, source: str) -> Any:
    if name not in options:
        required = f"{source}: `{key}` must be one of those there are"
        raise InputError(required, repr(name), did_you_mean(name, list(options)))
    return options[name]


def _section_of(function: Callable[..., Any], skip: tuple[str, ...] = ()) -> type[BaseModel]:
    """The keyword parameters of a function or constructor as a section of their own."""
    hints = get_type_hints(function.__init__ if inspect.isclass(function) else function)
    fields: dict[str, Any] = {
        name: (_written(hints[name]), parameter.default)
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in skip
    }
    strict = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)
    return create_model(function.__name__, __config__=strict, **fields)


def _written(hint: Any) -> Any:
    """The type a parameter has in a file: what takes any object takes a name, or a list of names, there.

    A model among others is a name, or has its parameters beside its `name`.
    """
    from graphrec_lm.models import Recommender

    if hint == Sequence[Recommender] | None:
        return list[str | dict[str, Any]] | None
    return str | list[str] if hint is Any else hint


def _check_data(data: DataConfig, source: str) -> None:
    """Refuse a mixture of a named dataset and files."""
    if (data.dataset is None) == (data.interactions is None):
        found = "neither" if data.dataset is None else "both"
        remedy = "Write `dataset: movielens-small`, or `interactions: rows.csv` and `items: items.csv`."
        raise InputError(f"{source}: `data` must have one of `dataset` and `interactions`", found, remedy)
    belong = ("items", "users", "format", "columns") if data.dataset else ("root", "download")
    stray = [name for name in belong if name in data.model_fields_set]
    if stray:
        what, other = ("files", "dataset") if data.dataset else ("a named dataset", "interactions")
        required = f"{source}: `data.{stray[0]}` must come with {what}"
        raise InputError(required, f"it beside `data.{other}`", f"Drop `{stray[0]}` or `{other}`.")
