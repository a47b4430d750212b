"""Saved models: a folder of JSON, safetensors and Parquet, checked when it is read."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from graphrec_lm.data import Dataset, IdMap
from graphrec_lm.data.frames import BACKENDS
from graphrec_lm.data.positive import PositiveRule
from graphrec_lm.data.reading import Rules
from graphrec_lm.errors import InputError, check_choice, check_number
from graphrec_lm.files import CONFIG, ITEMS, TENSORS, USERS, atomic_folder, check_target, read_steadily
from graphrec_lm.models.base import Recommender
from graphrec_lm.models.fitted import Fitted
from graphrec_lm.models.learned_encoders import Learned
from graphrec_lm.models.plain import make, plain_parameters
from graphrec_lm.text import TfidfEncoder

FORMAT_VERSION = 1
_KINDS = {
    "model": str, "params": dict, "notes": dict, "history": list, "backend": str, "rules": dict,
    "dataset_fingerprint": str, "tensors": dict, "tensors_sha256": str,
}  # fmt: skip
_REMEDY = "Save the model again; the folder is damaged."


def save(model: Recommender, path: str | os.PathLike[str]) -> None:
    """Write `model` to the folder `path`, whole or not at all; see `Recommender.save`."""
    state = model._result
    check_target(path)
    tensors = _tensors(state)
    encoders, learned = _encoders(state)
    tensors |= learned
    config = {
        "format_version": FORMAT_VERSION,
        "model": type(model).__name__,
        "params": plain_parameters(state.params),
        "notes": state.notes,
        "encoders": encoders,
        "history": state.history,
        "dataset_fingerprint": state.dataset.fingerprint,
        "backend": state.dataset.backend,
        "rules": asdict(state.dataset.rules),
        "tensors": {name: [str(a.dtype), list(a.shape)] for name, a in tensors.items()},
        "versions": _versions(),
    }
    with atomic_folder(path) as folder:
        save_file(tensors, folder / TENSORS)
        config["tensors_sha256"] = _sha256(folder / TENSORS)
        (folder / CONFIG).write_text(json.dumps(config, indent=1), encoding="utf-8")
        pq.write_table(pa.table({"user_id": pa.array(state.dataset.users.ids)}), folder / USERS)
        pq.write_table(state.dataset.item_table, folder / ITEMS)


def load(path: str | os.PathLike[str]) -> Recommender:
    """Load a model that `save` wrote.

    Parameters
    ----------
    path : path
        The folder.

    Raises
    ------
    InputError
        If the folder is missing, damaged, from a newer format version, or its tensors don't match
        its configuration.
    """
    return read_steadily(path, _load)


def _load(folder: Path) -> Recommender:
    config = _read_config(folder)
    tensors = _read_tensors(folder, config)
    model: Recommender = make(config["model"], config["params"])
    model._fitted = _fitted(folder, config, model.get_params(), tensors)
    return model


def _versions() -> dict[str, str]:
    """What the model was saved with."""
    from graphrec_lm import __version__

    others = {package: version(package) for package in ("numpy", "torch")}
    return {"graphrec_lm": __version__, "python": platform.python_version(), **others}


def _tensors(state: Fitted) -> dict[str, Any]:
    """All arrays of a fit, by the names they have in the file."""
    data = {"indptr": state.dataset.indptr, "indices": state.dataset.indices}
    if state.dataset.weights is not None:
        data["weights"] = state.dataset.weights
    data |= {"valid.indptr": state.valid[0], "valid.indices": state.valid[1]}
    data |= {f"model.{name}": array for name, array in state.arrays.items()}
    return {name: np.ascontiguousarray(array) for name, array in data.items()}


def _encoders(state: Fitted) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What encoders have learned: a part for JSON and arrays."""
    described: list[dict[str, Any]] = []
    arrays: dict[str, Any] = {}
    for n, encoder in enumerate(state.encoders):
        own, learned = encoder.to_parts()
        described.append(own)
        arrays |= {f"encoder.{n}.{name}": np.ascontiguousarray(array) for name, array in learned.items()}
    return described, arrays


def _learned(config: dict[str, Any], tensors: dict[str, Any]) -> Learned:
    """The reverse of `_encoders`; folders of before have none."""
    names = "idf", "components", "mean"
    try:
        return tuple(
            TfidfEncoder.from_parts(own, {name: tensors[f"encoder.{n}.{name}"] for name in names})
            for n, own in enumerate(config.get("encoders", []))
        )
    except (KeyError, TypeError, ValueError) as error:
        found = f"{type(error).__name__}: {error}"
        raise InputError(f"the encoders in {CONFIG} must be whole", found, _REMEDY) from error


def _rules(saved: dict[str, Any]) -> Rules:
    """How frames are read, so that `evaluate` of a loaded model takes the frames that the fitted one took."""
    positive = saved["positive"]
    return Rules(saved["columns"], None if positive is None else PositiveRule(**positive))


def _read_config(folder: Path) -> dict[str, Any]:
    if not (folder / CONFIG).is_file():
        aside = folder.with_name(f".{folder.name}.old")
        remedy = "Give the folder that save(path) wrote."
        if (aside / CONFIG).is_file():
            remedy = f"An interrupted save left the older model in {aside}: rename it back."
        raise InputError(f"a saved model must be a folder with {CONFIG}", f"none in {folder}", remedy)
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        _check_kind(config)
        found = int(config["format_version"])
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise InputError(f"{CONFIG} must be whole", f"{type(error).__name__}: {error}", _REMEDY) from error
    check_number("format_version", found, least=1, integer=True)
    if found > FORMAT_VERSION:
        required = f"`format_version` must be <= {FORMAT_VERSION}"
        raise InputError(required, found, "Upgrade graphrec_lm to read this folder.")
    missing = sorted(key for key, kind in _KINDS.items() if not isinstance(config.get(key), kind))
    if missing:
        raise InputError(f"{CONFIG} must be whole", f"no usable {missing}", _REMEDY)
    check_choice("backend", config["backend"], BACKENDS)
    return dict(config)


def _check_kind(config: Any) -> None:
    """Refuse a saved click model or encoder with a word for what it is."""
    kind = str(config.get("format", "")) if isinstance(config, dict) else ""
    if kind.startswith("graphrec_lm"):
        loaders = {"graphrec_lm.ctr": "graphrec_lm.ctr.load", "graphrec_lm.tfidf": "TfidfEncoder.load"}
        remedy = f"Use {loaders.get(kind, 'what saved it')}."
        raise InputError("a saved model must be a recommender", f"a {kind!r}", remedy)


def _read_tensors(folder: Path, config: dict[str, Any]) -> dict[str, Any]:
    try:
        tensors = load_file(folder / TENSORS)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{TENSORS} must be whole", f"{type(error).__name__}: {error}", _REMEDY) from error
    found = {name: [str(array.dtype), list(array.shape)] for name, array in tensors.items()}
    if found != config["tensors"]:
        names = sorted(n for n in found | config["tensors"] if found.get(n) != config["tensors"].get(n))
        described = ", ".join(f"{n}: {found.get(n)} for {config['tensors'].get(n)}" for n in names[:3])
        raise InputError(f"{TENSORS} must match {CONFIG}", described, _REMEDY)
    if _sha256(folder / TENSORS) != config["tensors_sha256"]:
        raise InputError(f"{TENSORS} must be the file that was saved", "other values in it", _REMEDY)
    return dict(tensors)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fitted(folder: Path, config: dict[str, Any], params: dict[str, Any], tensors: dict[str, Any]) -> Fitted:
    dataset = _dataset(folder, config, tensors)
    if dataset.fingerprint != config["dataset_fingerprint"]:
        found = "ids, titles or histories that differ"
        raise InputError("the id tables must be the ones that were saved", found, _REMEDY)
    valid = tensors["valid.indptr"], tensors["valid.indices"]
    arrays = {n.removeprefix("model."): a for n, a in tensors.items() if n.startswith("model.")}
    notes = config["history"], config["notes"]
    return Fitted(dataset, valid, arrays, *notes, params, _learned(config, tensors))


def _dataset(folder: Path, config: dict[str, Any], tensors: dict[str, Any]) -> Dataset:
    """The fitted Dataset: ids, titles and histories (other interaction columns are not saved)."""
    try:
        users, items = pq.read_table(folder / USERS), pq.read_table(folder / ITEMS)
        rows = np.repeat(np.arange(users.num_rows, dtype=np.int32), np.diff(tensors["indptr"]))
        return Dataset.from_codes(
            IdMap(users["user_id"]),
            IdMap(items["item_id"]),
            rows,
            tensors["indices"],
            weights=tensors.get("weights"),
            item_table=items,
            backend=config["backend"],
            rules=_rules(config["rules"]),
        )
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        found = f"{type(error).__name__}: {error}"
        raise InputError(f"{USERS} and {ITEMS} must be whole", found, _REMEDY) from error
