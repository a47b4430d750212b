"""From what pydantic objects to, to an error that names the key and the nearest valid one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import NoneType
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticUndefined

from graphrec_lm.errors import InputError, did_you_mean

Section = TypeVar("Section", bound=BaseModel)


def validated(kind: type[Section], values: Mapping[str, Any], source: str, prefix: str = "") -> Section:
    """Return `values` as a `kind`, or raise InputError on the first key that is wrong.

    Parameters
    ----------
    kind : pydantic model class
    values : mapping
    source : str
        The file, for the error.
    prefix : str
        Dotted path of `values` within the file, "" for the top.

    Examples
    --------
    >>> from graphrec_lm.config.schema import EvaluateConfig
    >>> validated(EvaluateConfig, {"K": 10}, "run.yaml", "evaluate")
    Traceback (most recent call last):
    graphrec_lm.errors.InputError: run.yaml: a key of `evaluate` must be one that it has, got `evaluate.K`.
    Valid: k, metrics.
    """
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        problems = error.errors(include_url=False)
    first = min(problems, key=lambda problem: problem["type"] != "extra_forbidden")
    raise _as_input_error(kind, dict(first), source, prefix) from None


def _as_input_error(kind: type[BaseModel], problem: dict[str, Any], source: str, prefix: str) -> InputError:
    place = _readable(problem["loc"], kind)
    name = ".".join(filter(None, [prefix, *place]))
    section = _section(kind, place[:-1])
    if problem["type"] == "extra_forbidden":
        owner = ".".join(filter(None, [prefix, *place[:-1]]))
        whose = f"a key of `{owner}`" if owner else "a key"
        remedy = did_you_mean(place[-1], list(section.model_fields))
        return InputError(f"{source}: {whose} must be one that it has", f"`{name}`", remedy)
    if problem["type"] == "missing":
        return InputError(f"{source}: `{name}` must be given", "nothing", _example(section, place[-1], name))
    required = re.sub(r"^Input should be", f"`{name}` must be", problem["msg"])
    if required == problem["msg"]:
        required = f"`{name}`: {problem['msg']}"
    required = re.sub(r" or (an )?instance of \w+$", "", required).replace(
        "valid dictionary", "mapping of keys"
    )
    return InputError(f"{source}: {required}", repr(problem["input"]), _remedy(section, place, problem))


def _readable(loc: tuple[str | int, ...], kind: type[BaseModel]) -> list[str]:
    """The keys of a location: pydantic appends the branch of a union, such as "str", to it."""
    keys: list[str] = []
    section: type[BaseModel] | None = kind
    for part in loc:
        keys.append(str(part))
        if section is None or str(part) not in section.model_fields:
            break
        section = _nested(section, str(part))
        if section is None:
            rest = loc[len(keys) :]
            return keys + [str(index) for index in rest[:1] if isinstance(index, int)]
    return keys


def _section(kind: type[BaseModel], keys: list[str]) -> type[BaseModel]:
    for key in keys:
        kind = _nested(kind, key) or kind
    return kind


def _nested(section: type[BaseModel], key: str) -> type[BaseModel] | None:
    annotation = section.model_fields[key].annotation if key in section.model_fields else None
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _remedy(section: type[BaseModel], place: list[str], problem: dict[str, Any]) -> str:
    """Name the nearest valid value: of a list of choices, of the right type, or the default."""
    found = problem["input"]
    if problem["type"] == "literal_error":
        return did_you_mean(str(found), re.findall(r"'([^']*)'", problem["ctx"]["expected"]))
    field = section.model_fields.get(place[-1])
    if field is None:
        return "Change its type."
    annotation: Any = field.annotation
    try:
        near = TypeAdapter(annotation).validate_python(found, strict=False)
    except ValidationError:
        return _example(section, place[-1], ".".join(place))
    if near == found and type(near) is type(found):
        return _example(section, place[-1], ".".join(place))
    return f"Write `{place[-1]}: {_yaml(near)}`."


def _example(section: type[BaseModel], key: str, name: str) -> str:
    field = section.model_fields[key]
    if field.default is not PydanticUndefined and field.default is not None:
        return f"Write for example `{key}: {_yaml(field.default)}`."
    nested = _nested(section, key)
    if nested is not None:
        return f"Write it as `{key}:` with keys of {', '.join(nested.model_fields)}."
    kinds = [getattr(k, "__name__", str(k)) for k in get_args(field.annotation) or [field.annotation]]
    return (
        f"Write `{key}: ...` with a value of type {' or '.join(k for k in kinds if k != NoneType.__name__)}."
    )


def _yaml(value: Any) -> str:
    """A simple value as YAML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_yaml, value))}]"
    return f"{value}"
