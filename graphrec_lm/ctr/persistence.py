"""Saved click models: a folder of JSON and safetensors, checked when it is read."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as dump_tensors

from graphrec_lm.ctr.base import CTRModel, FittedCTR
from graphrec_lm.ctr.coding import Coder
from graphrec_lm.ctr.compress import Compressor
from graphrec_lm.ctr.features import Features
from graphrec_lm.ctr.fields import Fields
from graphrec_lm.ctr.graph_features import GraphBlock, GraphFeatures
from graphrec_lm.ctr.rates import Means, Rates
from graphrec_lm.ctr.tastes import Tastes
from graphrec_lm.ctr.text_features import TextBlock, TextFeatures
from graphrec_lm.errors import InputError, NotFittedError
from graphrec_lm.files import CONFIG, TENSORS, atomic_folder, check_target, read_steadily
from graphrec_lm.text import Template, TextEncoder, TfidfEncoder, resolve_encoder

FORMAT, VERSION = "graphrec_lm.ctr", 1
_REMEDY = "Save the model again; the folder is damaged."

Arrays = dict[str, NDArray[Any]]


def save(model: CTRModel, path: str | os.PathLike[str]) -> None:
    """Write `model` to the folder `path`, whole or not at all."""
    state = model._state
    check_target(path)
    described, arrays = _describe(state.features)
    arrays |= {f"weights/{name}": array for name, array in state.arrays.items()}
    content = dump_tensors({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    params = dict(state.params)
    params |= {"fields": params["fields"].to_dict(), "hidden": list(params["hidden"])}
    params |= {"text": params["text"] and params["text"].to_dict(), "graph": None}
    config = {
        "format": FORMAT,
        "version": VERSION,
        "model": type(model).__name__,
        "params": params,
        "features": described,
        "rule": state.rule,
        "history": state.history,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    with atomic_folder(path) as folder:
        (folder / TENSORS).write_bytes(content)
        (folder / CONFIG).write_text(json.dumps(config, indent=1, default=_plain), encoding="utf-8")


def load(path: str | os.PathLike[str], *, encoder: Any = None, of: type[CTRModel] | None = None) -> CTRModel:
    """Load a click model that `save` wrote.

    Parameters
    ----------
    path : path
    encoder : name, folder, TextEncoder or list of them, optional
        For sentences that the model has not seen, where its encoder was an object.
    of : class, optional
        Of a model that is not the library's; see `CTRModel.load`.

    Raises
    ------
    InputError
        If the folder is missing, damaged or from a newer version, or `encoder` is not that of the fit.
    """
    return read_steadily(path, lambda folder: _load(folder, encoder, of))


def _load(folder: Path, encoder: Any, of: type[CTRModel] | None) -> CTRModel:
    from graphrec_lm.ctr import MODELS

    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        content = (folder / TENSORS).read_bytes()
        if config["format"] != FORMAT or config["version"] > VERSION:
            found = f"{config['format']} {config['version']}"
            raise InputError("a saved click model must be of this format", found, "Upgrade graphrec_lm.")
        if hashlib.sha256(content).hexdigest() != config["sha256"]:
            raise InputError(f"{TENSORS} must be the file that was saved", "other values in it", _REMEDY)
        params, arrays = config["params"], load_tensors(content)
        params |= {"fields": Fields.from_dict(params["fields"])}
        params["text"] = params["text"] and TextFeatures(**params["text"])
        params["graph"] = GraphFeatures() if "graph" in config["features"] else None
        known = MODELS if of is None else {of.__name__: of, **MODELS}
        if config["model"] not in known:
            remedy = "Load it by its class: TheClass.load(path)."
            raise InputError("a saved model must be of a known class", repr(config["model"]), remedy)
        model: CTRModel = known[config["model"]](**params)
        features = _rebuild(config["features"], arrays, params, encoder)
        weights = {n.removeprefix("weights/"): a for n, a in arrays.items() if n.startswith("weights/")}
        fitted_as = model.get_params()
        model._fitted = FittedCTR(features, weights, config["rule"], config["history"], fitted_as)
    except InputError:
        raise
    except (OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
        found = f"{type(error).__name__}: {error}"
        raise InputError(f"{folder} must hold a whole saved click model", found, _REMEDY) from error
    return model


def _plain(value: Any) -> Any:
    """Numbers of numpy as JSON."""
    return value.item() if isinstance(value, np.generic) else os.fspath(value)


def _describe(features: Features) -> tuple[dict[str, Any], Arrays]:
    """What was learned about columns: a part for JSON and a part for tensors."""
    arrays: Arrays = {"scale": features.scale}
    described: dict[str, Any] = {
        "ids": {side: coder.to_dict() for side, coder in features.ids.items()},
        "columns": [coder.to_dict() for coder in features.columns],
        "tastes": [[group, place] for group, place, _ in features.tastes],
        "texts": [],
    }
    if features.rates is not None:
        described["mean"] = features.rates.mean
        for side in ("users", "items"):
            for name, array in asdict(getattr(features.rates, side)).items():
                arrays[f"rates/{side}/{name}"] = array
    for place, (_, _, tastes) in enumerate(features.tastes):
        arrays[f"tastes/{place}"] = tastes.weights
    for place, block in enumerate(features.texts):
        own = {"side": block.side, "template": block.template.text, "edges": dict(block.template.edges)}
        if isinstance(block.encoder, TfidfEncoder):
            own["tfidf"], state = block.encoder.to_parts()
            arrays |= {f"text/{place}/tfidf/{name}": array for name, array in state.items()}
        described["texts"].append(own | {"fingerprint": block.fingerprint})
        parts: Arrays = {"mean": block.compressor.mean, "components": block.compressor.components}
        parts |= {"keys": block.keys, "vectors": block.vectors}
        arrays |= {f"text/{place}/{name}": array for name, array in parts.items()}
    if features.graph is not None:
        described["graph"] = {side: ids.to_pylist() for side, ids in features.graph.ids.items()}
        described["product"] = features.graph.product
        arrays |= {f"graph/{side}": vectors for side, vectors in features.graph.vectors.items()}
    return described, arrays


def _rebuild(saved: dict[str, Any], arrays: Arrays, params: dict[str, Any], encoder: Any) -> Features:
    """The reverse of `_describe`."""
    features = Features(
        params["fields"],
        {side: Coder(**coder) for side, coder in saved["ids"].items()},
        [Coder(**coder) for coder in saved["columns"]],
        scale=arrays["scale"],
    )
    if "mean" in saved:
        sides = [Means(arrays[f"rates/{s}/mean"], arrays[f"rates/{s}/count"]) for s in ("users", "items")]
        features.rates = Rates(saved["mean"], *sides)
    tastes = enumerate(saved["tastes"])
    features.tastes = [(group, block, Tastes(arrays[f"tastes/{place}"])) for place, (group, block) in tastes]
    known: dict[str, TextEncoder | None] = {}  # by fingerprint: a language model is opened once
    for place, text in enumerate(saved["texts"]):
        mean, components, keys, vectors = (
            arrays[f"text/{place}/{name}"] for name in ("mean", "components", "keys", "vectors")
        )
        edges = {name: tuple(values) for name, values in text["edges"].items()}
        if "tfidf" in text:
            own = {name: arrays[f"text/{place}/tfidf/{name}"] for name in ("idf", "components", "mean")}
            found: TextEncoder | None = TfidfEncoder.from_parts(text["tfidf"], own)
        else:
            fingerprint = text["fingerprint"]
            if fingerprint not in known:
                known[fingerprint] = _encoder(
                    params["text"].encoder if encoder is None else encoder, fingerprint
                )
            found = known[fingerprint]
        if encoder is not None and found is None:
            required = "`encoder` must be the one that the model was fitted with"
            raise InputError(required, "another fingerprint", "Pass that one, or leave it out.")
        template, compressor = Template(text["template"], edges), Compressor(mean, components)
        parts = (
            text["side"],
            template,
            compressor,
            keys,
            vectors,
            found,
            text["fingerprint"],
            params["text"],
        )
        features.texts.append(TextBlock(*parts))
    if "graph" in saved:
        ids = {side: pa.array(values) for side, values in saved["graph"].items()}
        features.graph = GraphBlock(ids, {side: arrays[f"graph/{side}"] for side in ids}, saved["product"])
    return features


def _encoder(spec: Any, fingerprint: str) -> TextEncoder | None:
    """The encoder of that name, if it is the one that was fitted."""
    try:
        encoder = resolve_encoder(spec)
        return encoder if encoder.fingerprint == fingerprint else None
    except (InputError, NotFittedError):
        return None
