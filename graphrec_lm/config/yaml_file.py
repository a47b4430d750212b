"""YAML read with bounds: no alias, tag or repeated key, nothing large or deep: no file can be a bomb."""

from __future__ import annotations

import os
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from graphrec_lm.errors import InputError

MAX_BYTES = 64 * 1024
MAX_DEPTH = 12

_OPENING = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSING = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


class _Loader(yaml.SafeLoader):
    """The safe loader, with unique text keys and YAML 1.2 numbers such as 1e-3."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key, line = key_node.value, key_node.start_mark.line + 1
            if not key_node.tag.endswith(":str"):
                shown = repr(key) if isinstance(key, str) else "a list or mapping"
                raise _Refused("every key must be a text", f"{shown} in line {line}", "Quote the key.")
            if key in seen:
                raise _Refused("every key must be given once", f"{key!r} again in line {line}", "Drop one.")
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


class _Refused(Exception):
    """A rule of this module that the text breaks: required, found, remedy."""


def read_yaml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the mapping that a YAML file holds.

    The file is bounded before anything is built from it: at most 64 KiB and 12 levels, no aliases (one is
    enough for a "billion laughs") and no tags.

    Parameters
    ----------
    path : path

    Raises
    ------
    InputError
        If the file is missing, too large or too deep, is not UTF-8 or not YAML, repeats a key, or holds no
        mapping; with the line where there is one.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "run.yaml"
    ...     _ = path.write_text("fit: {checkpoint: run.safetensors}")
    ...     read_yaml(path)
    {'fit': {'checkpoint': 'run.safetensors'}}
    """
    text = _bounded_text(Path(path))
    try:
        _check_events(text)
        content = yaml.load(text, Loader=_Loader)
    except _Refused as refusal:
        required, found, remedy = refusal.args
        raise InputError(f"{path}: {required}", found, remedy) from None
    except (yaml.YAMLError, ValueError) as error:
        remedy = "Check indentation, colons and quotes."
        raise InputError(f"{path} must be readable YAML", _described(error), remedy) from None
    if not isinstance(content, dict):
        found = "an empty file" if content is None else f"a {type(content).__name__}"
        remedy = "Start with the keys `data:`, `model:` and `output:`."
        raise InputError(f"{path} must hold a mapping at the top level", found, remedy)
    return content


def _bounded_text(path: Path) -> str:
    if not path.is_file():
        found = "a folder" if path.is_dir() else "nothing"
        raise InputError(f"there must be a configuration file at {path}", found, "Check the path.")
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        remedy = "A configuration is a page of text: check that this is the right file."
        raise InputError(f"{path} must have at most {MAX_BYTES // 1024} KiB", "a larger file", remedy)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = f"{content[error.start : error.start + 4]!r} at byte {error.start}"
        raise InputError(f"{path} must be UTF-8 text", found, "Save it as UTF-8.") from None


def _check_events(text: str) -> None:
    """Refuse aliases, tags and depth while the text streams by, before any of it is built."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, _OPENING) - isinstance(event, _CLOSING)
        place = f"line {event.start_mark.line + 1 if event.start_mark else '?'}"
        if depth > MAX_DEPTH:
            raise _Refused(f"the nesting must be at most {MAX_DEPTH} deep", f"more in {place}", "Flatten it.")
        if isinstance(event, yaml.AliasEvent):
            raise _Refused("YAML aliases are not allowed", f"`*{event.anchor}` in {place}", "Write it out.")
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise _Refused("YAML tags are not allowed", f"`{tag}` in {place}", "Drop the tag.")


def _described(error: Exception) -> str:
    """Say in one line what the YAML library objects to, and where."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"{problem} in line {mark.line + 1}" if mark is not None else problem
