"""From what a user writes as `encoder=` to a TextEncoder."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from graphrec_lm.errors import InputError
from graphrec_lm.text.api import APIEncoder
from graphrec_lm.text.base import TextEncoder
from graphrec_lm.text.concat import ConcatEncoder
from graphrec_lm.text.locate import as_folder
from graphrec_lm.text.sentence import SentenceEncoder
from graphrec_lm.text.tfidf import FORMAT as TFIDF_FORMAT
from graphrec_lm.text.tfidf import TfidfEncoder
from graphrec_lm.text.transformer import TransformerEncoder

EncoderSpec = str | os.PathLike[str] | TextEncoder | Sequence["str | os.PathLike[str] | TextEncoder"]

_REMEDY = "Pass a model name, a model folder, a TextEncoder, or a list of them."
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.\-]*(/[A-Za-z0-9][\w.\-]*)?", re.ASCII)


def resolve_encoder(spec: EncoderSpec) -> TextEncoder:
    """Return the TextEncoder that `spec` stands for, without loading a language model.

    Parameters
    ----------
    spec : str, path, TextEncoder or list of them
        - a name: "all-MiniLM-L6-v2" and other sentence-transformers models;
          "transformer:cls:bert-base-uncased" (mean, cls or last pooling); "api:text-embedding-3-large"
          (OpenAI); "tfidf:128"; "a + b" for two of them;
        - a folder that sentence-transformers, transformers (mean pooling) or `TfidfEncoder.save` wrote;
        - a TextEncoder: returned as it is;
        - a list: unit rows of each, concatenated.

        So `resolve_encoder(encoder.name)` rebuilds an encoder of default settings.

    Raises
    ------
    InputError
        For anything else. Whether a hub has the model shows when the first text is encoded.

    Examples
    --------
    >>> resolve_encoder(["all-MiniLM-L6-v2", "tfidf:64"]).name
    'all-MiniLM-L6-v2 + tfidf:64'
    """
    if isinstance(spec, TextEncoder):
        return _checked(spec)
    if isinstance(spec, str | os.PathLike):
        return _from_name(spec)
    if isinstance(spec, list | tuple):
        return _from_list(spec)
    raise InputError("`encoder` must be a name, a folder, a TextEncoder or a list", repr(spec), _REMEDY)


def _checked(encoder: TextEncoder) -> TextEncoder:
    """Refuse an encoder whose author forgot what identifies it."""
    missing = [name for name in ("name", "fingerprint", "dim") if not hasattr(type(encoder), name)]
    missing = [name for name in missing if name not in vars(encoder)]
    if missing:
        required = f"{type(encoder).__name__} must have `name`, `fingerprint` and `dim`"
        raise InputError(required, f"no {', '.join(missing)}", "Add them as attributes or properties.")
    return encoder


def _from_list(specs: Sequence[EncoderSpec]) -> TextEncoder:
    if not specs:
        raise InputError("a list of encoders must not be empty", repr(specs), _REMEDY)
    encoders = [resolve_encoder(part) for part in specs]
    return encoders[0] if len(encoders) == 1 else ConcatEncoder(encoders)


def _from_name(spec: str | os.PathLike[str]) -> TextEncoder:
    text = os.fspath(spec)
    kind, _, rest = text.partition(":")
    if isinstance(spec, str) and " + " in spec and not Path(spec).is_dir():
        return _from_list(spec.split(" + "))
    if kind == "transformer" and rest.count(":"):
        pooling, source = rest.split(":", 1)
        return TransformerEncoder(source, pooling=pooling)
    if kind == "api" and rest:
        return APIEncoder(rest)
    if kind == "tfidf" and rest.isascii() and rest.isdecimal():
        return TfidfEncoder(int(rest))
    folder = as_folder(spec)
    if folder is not None:
        return _from_folder(spec, folder)
    if not _HUB_NAME.fullmatch(text):
        raise InputError("`encoder` must be a model name or a folder", repr(text), _REMEDY)
    return SentenceEncoder(text)


def _from_folder(spec: str | os.PathLike[str], folder: Path) -> TextEncoder:
    if (folder / "modules.json").is_file():
        return SentenceEncoder(spec)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(
            "config.json of a model folder must be JSON",
            f"{error} in {str(folder)!r}",
            "Save the model again.",
        ) from error
    if isinstance(config, dict) and config.get("format") == TFIDF_FORMAT:
        return TfidfEncoder.load(folder)
    return TransformerEncoder(spec)
