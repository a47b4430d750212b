"""Any transformers model as a text encoder: BERT, DistilBERT, RoBERTa, decoder LLMs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graphrec_lm.errors import InputError, check_choice, check_number
from graphrec_lm.products import fast_products
from graphrec_lm.text.base import Vectors, check_texts, check_vectors, unit_rows
from graphrec_lm.text.loading import loading, pick_device
from graphrec_lm.text.locate import hub_id
from graphrec_lm.text.opened import OpensModel
from graphrec_lm.text.pooling import POOLINGS, pool
from graphrec_lm.text.windows import beyond_window, check_window, positions_of

if TYPE_CHECKING:
    import torch

DTYPES = ("float32", "bfloat16", "float16")
LONGEST = 512


class TransformerEncoder(OpensModel):
    """Pooled last hidden states of a transformers model, loaded when the first text is encoded.

    Texts are padded on the right whatever the tokenizer's habit, so that a text's vector does not depend on
    the texts beside it. Of an encoder-decoder the encoder is used. Code that comes with a model is never run.

    Parameters
    ----------
    source : str or path
        A hub name ("distilbert-base-uncased") or a local folder.
    pooling : str
        "mean" of the tokens, the first token ("cls"), or the "last" one (decoder models).
    prompt : str
        Put before every text.
    normalize : bool
        Scale rows to length one.
    max_length : int, optional
        Longest text in tokens; None takes the model's limit, at most 512.
    dtype : str
        "float32", "bfloat16" or "float16": the arithmetic of the model; vectors are float32 always.
    revision : str, optional
        A commit or tag of the hub repository.
    batch_size : int
        Texts a forward pass.
    device : str
        "auto", or a torch device.

    Raises
    ------
    InputError
        For a bad parameter, and (when encoding) if the model is neither on this machine nor reachable.

    Examples
    --------
    >>> TransformerEncoder("distilbert-base-uncased", pooling="cls")
    TransformerEncoder('transformer:cls:distilbert-base-uncased')
    """

    def __init__(
        self,
        source: str | os.PathLike[str],
        *,
        pooling: str = "mean",
        prompt: str = "",
        normalize: bool = False,
        max_length: int | None = None,
        dtype: str = "float32",
        revision: str | None = None,
        batch_size: int = 32,
        device: str = "auto",
    ) -> None:
        check_choice("pooling", pooling, POOLINGS)
        check_choice("dtype", dtype, DTYPES)
        check_number("batch_size", batch_size, least=1, integer=True)
        if max_length is not None:
            check_number("max_length", max_length, least=1, integer=True)
        super().__init__(source, revision)
        self.pooling, self.prompt, self.normalize = pooling, prompt, normalize
        self.max_length, self.dtype = max_length, dtype
        self.batch_size, self.device = batch_size, device

    @property
    def name(self) -> str:
        return f"transformer:{self.pooling}:{os.fspath(self.source)}"

    @property
    def fingerprint(self) -> str:
        settings = {
            "pooling": self.pooling,
            "prompt": self.prompt,
            "normalize": self.normalize,
            "max_length": self.max_length,
            "dtype": self.dtype,
        }
        return self._fingerprint("transformer", hub_id(os.fspath(self.source)), **settings)

    @property
    def dim(self) -> int:
        return int(self._loaded()[1].config.hidden_size)

    @fast_products()
    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return float32 [len(texts), dim]."""
        listed = check_texts(texts)
        order = sorted(range(len(listed)), key=lambda row: -len(listed[row]))
        parts = []
        for start in range(0, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]
            parts.append(self._forward([self.prompt + listed[row] for row in batch]).cpu().numpy())
        vectors = np.concatenate(parts)[np.argsort(order)]
        checked = check_vectors(vectors, listed)
        return unit_rows(checked) if self.normalize else checked

    def overlong(self, texts: Sequence[str]) -> list[str]:
        """Texts of more tokens than the model's window holds."""
        return beyond_window(texts, self.prompt, self.max_length, lambda: self._loaded()[::2])

    def _forward(self, texts: list[str]) -> torch.Tensor:
        import torch

        tokenizer, model, longest = self._loaded()
        tokens = tokenizer(texts, padding=True, truncation=True, max_length=longest, return_tensors="pt")
        ids, mask = tokens["input_ids"].to(model.device), tokens["attention_mask"].to(model.device)
        with torch.inference_mode():
            states = model(input_ids=ids, attention_mask=mask).last_hidden_state
        return pool(states.float(), mask, self.pooling)

    def _load(self) -> tuple[Any, Any, int]:
        source = os.fspath(self.source)
        place, is_local = self._place()
        with loading(source, "transformers", local=is_local):
            import torch
            from transformers import AutoModel, AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained(place, revision=self.revision)
            model = AutoModel.from_pretrained(place, revision=self.revision)
            model = model.get_encoder() if model.config.is_encoder_decoder else model
            model = model.eval().to(pick_device(self.device), getattr(torch, self.dtype))
        _pad_right(tokenizer, source)
        positions = positions_of(model)
        check_window(self.max_length, positions, source)
        said = positions or getattr(model.config, "max_position_embeddings", 0)
        usual = min(int(tokenizer.model_max_length), said if said and said > 0 else LONGEST, LONGEST)
        return tokenizer, model, self.max_length or usual


def _pad_right(tokenizer: Any, source: str) -> None:
    tokenizer.padding_side = "right"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    if tokenizer.pad_token is None:
        raise InputError(
            "a tokenizer must have a padding, end or unknown token",
            f"none in {source!r}",
            "Set `pad_token` and save the tokenizer again.",
        )
