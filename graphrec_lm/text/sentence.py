"""Sentence-transformers models, by name or from a folder."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from graphrec_lm.errors import InputError, check_number
from graphrec_lm.text.base import TextEncoder, Vectors, check_texts, check_vectors, fingerprint_of
from graphrec_lm.text.loading import loading, pick_device
from graphrec_lm.text.locate import (
    DEFAULT_ENCODER,
    as_folder,
    folder_hash,
    hub_id,
    hub_name,
    packaged_folder,
)
from graphrec_lm.text.windows import beyond_window


class SentenceEncoder(TextEncoder):
    """A sentence-transformers model, loaded when the first text is encoded.

    Parameters
    ----------
    source : str or path
        A hub name ("all-MiniLM-L6-v2") or a local folder. A model that an installed package carries is found
        offline. Code that comes with a model is never run.
    prompt : str
        Put before every text, for models trained with one ("query: ").
    normalize : bool
        Scale rows to length one; many models do so themselves.
    max_length : int, optional
        Longest text in tokens; None keeps the model's own limit.
    revision : str, optional
        A commit or tag of the hub repository.
    batch_size : int
        Texts a forward pass.
    device : str
        "auto", or a torch device.

    Raises
    ------
    InputError
        If the folder holds no model, or (when encoding) if the model is neither installed nor reachable.

    References
    ----------
    Reimers and Gurevych, Sentence-BERT, EMNLP 2019.

    Examples
    --------
    >>> SentenceEncoder("all-MiniLM-L6-v2")
    SentenceEncoder('all-MiniLM-L6-v2')
    """

    def __init__(
        self,
        source: str | os.PathLike[str] = DEFAULT_ENCODER,
        *,
        prompt: str = "",
        normalize: bool = False,
        max_length: int | None = None,
        revision: str | None = None,
        batch_size: int = 64,
        device: str = "auto",
    ) -> None:
        check_number("batch_size", batch_size, least=1, integer=True)
        if max_length is not None:
            check_number("max_length", max_length, least=1, integer=True)
        self.source, self.prompt, self.normalize, self.max_length = source, prompt, normalize, max_length
        self.revision, self.batch_size, self.device = revision, batch_size, device
        self._folder = as_folder(source)
        self._content = ""  # hash of the folder when it was loaded: another model may be saved there later
        self._model: Any = None

    @property
    def name(self) -> str:
        return os.fspath(self.source)

    @property
    def fingerprint(self) -> str:
        settings = {"prompt": self.prompt, "normalize": self.normalize, "max_length": self.max_length}
        if self._folder is not None:
            return fingerprint_of("sentence", content=self._content or folder_hash(self._folder), **settings)
        return fingerprint_of("sentence", name=hub_name(self.name), revision=self.revision, **settings)

    @property
    def dim(self) -> int:
        model = self._loaded()
        ask = getattr(model, "get_embedding_dimension", None) or model.get_sentence_embedding_dimension
        return int(ask())

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return float32 [len(texts), dim]."""
        listed = check_texts(texts)
        vectors = self._loaded().encode(
            [self.prompt + text for text in listed],
            prompt="",
            batch_size=self.batch_size,
            normalize_embeddings=self.normalize,
            show_progress_bar=False,
            convert_to_numpy=True,
        )
        return check_vectors(vectors, listed)

    def overlong(self, texts: Sequence[str]) -> list[str]:
        """Texts of more tokens than the model's window holds."""

        def load() -> tuple[Any, int]:
            model = self._loaded()
            return model.tokenizer, int(model.max_seq_length)

        return beyond_window(texts, self.prompt, self.max_length, load)

    def _loaded(self) -> Any:
        if self._model is None:
            content = "" if self._folder is None else folder_hash(self._folder)
            self._model, self._content = self._load(), content
        return self._model

    def _load(self) -> Any:
        folder = self._folder or (packaged_folder(self.name) if self.revision is None else None)
        if folder is not None:
            _refuse_custom_code(folder)
        with loading(self.name, "sentence-transformers", local=folder is not None):
            from sentence_transformers import SentenceTransformer

            place = str(folder) if folder is not None else hub_id(self.name)
            model = SentenceTransformer(place, device=pick_device(self.device), revision=self.revision)
        if self.max_length is not None:
            model.max_seq_length = self.max_length
        return model


def _refuse_custom_code(folder: Path) -> None:
    """Raise InputError if the modules of a local model are not sentence-transformers' own."""
    file = folder / "modules.json"
    if not file.is_file():
        return
    types = [str(module.get("type")) for module in json.loads(file.read_text(encoding="utf-8"))]
    foreign = [kind for kind in types if not kind.startswith("sentence_transformers.")]
    if foreign:
        raise InputError(
            "a model folder must use sentence-transformers' own modules",
            repr(foreign[0]),
            "Write a TextEncoder that runs this model, and pass it as `encoder`.",
        )
