"""Sentence-transformers models, by name or from a folder."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from graphrec_lm.errors import InputError, check_number
from graphrec_lm.products import fast_products
from graphrec_lm.text.base import Vectors, check_texts, check_vectors
from graphrec_lm.text.loading import loading, pick_device
from graphrec_lm.text.locate import DEFAULT_ENCODER, hub_name
from graphrec_lm.text.opened import OpensModel
from graphrec_lm.text.windows import beyond_window, check_window, positions_of


class SentenceEncoder(OpensModel):
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
        super().__init__(source, revision)
        self.prompt, self.normalize, self.max_length = prompt, normalize, max_length
        self.batch_size, self.device = batch_size, device

    @property
    def name(self) -> str:
        return os.fspath(self.source)

    @property
    def fingerprint(self) -> str:
        settings = {"prompt": self.prompt, "normalize": self.normalize, "max_length": self.max_length}
        return self._fingerprint("sentence", hub_name(self.name), **settings)

    @property
    def dim(self) -> int:
        model = self._loaded()
        ask = getattr(model, "get_embedding_dimension", None) or model.get_sentence_embedding_dimension
        return int(ask())

    @fast_products()
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

    def _load(self) -> Any:
        place, is_local = self._place()
        if is_local:
            _refuse_custom_code(Path(place))
        with loading(self.name, "sentence-transformers", local=is_local):
            from sentence_transformers import SentenceTransformer

            model = SentenceTransformer(place, device=pick_device(self.device), revision=self.revision)
        if self.max_length is not None:
            inner = getattr(model[0], "auto_model", None)
            check_window(self.max_length, None if inner is None else positions_of(inner), self.name)
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
