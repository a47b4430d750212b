"""Encoders without a language model, and tiny language models, for tests."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from graphrec_lm.text import TextEncoder


class CountingEncoder(TextEncoder):
    """Vectors from the hash of a text; remembers what it was asked."""

    dim = 8
    name = "counting"

    def __init__(self, fingerprint: str = "counting-1", chunk_size: int = 4, seconds: float = 0.0) -> None:
        self.fingerprint, self.chunk_size, self.seconds = fingerprint, chunk_size, seconds
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        time.sleep(self.seconds)
        self.asked.extend(texts)
        return expected(texts)


def expected(texts: Sequence[str]) -> np.ndarray:
    """Return the vectors of CountingEncoder."""
    digests = b"".join(hashlib.sha256(text.encode()).digest()[:8] for text in texts)
    return np.frombuffer(digests, np.uint8).reshape(-1, 8).astype(np.float32) + 1


WORDS = (
    "the a of alien heat fargo seven matrix toy story big night day man men black white red blue war".split()
)


def tiny_tokenizer(folder: Path, side: str = "right") -> None:
    """Save a whitespace tokenizer over WORDS; RoBERTa's order of special tokens suits every model."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = ["[CLS]", "[PAD]", "[SEP]", "[UNK]"]
    vocabulary = {token: code for code, token in enumerate(special + WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 0), ("[SEP]", 2)]
    )
    names = {"cls_token": "[CLS]", "pad_token": "[PAD]", "sep_token": "[SEP]", "unk_token": "[UNK]"}
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, padding_side=side, model_max_length=10**6, **names
    )
    fast.save_pretrained(folder)


def tiny_model(kind: str, folder: Path, side: str = "right") -> Path:
    """Save a random model of `kind` ("bert", "distilbert", "roberta", "gpt2") and its tokenizer."""
    import torch
    import transformers

    common: dict[str, Any] = {"vocab_size": 4 + len(WORDS), "pad_token_id": 1}
    usual = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    configs = {
        "bert": lambda: transformers.BertConfig(**common, **usual, max_position_embeddings=24),
        "roberta": lambda: transformers.RobertaConfig(**common, **usual, max_position_embeddings=24),
        "distilbert": lambda: transformers.DistilBertConfig(
            **common, dim=16, n_layers=2, n_heads=2, hidden_dim=32, max_position_embeddings=24
        ),
        "gpt2": lambda: transformers.GPT2Config(
            vocab_size=4 + len(WORDS), n_embd=16, n_layer=2, n_head=2, n_positions=24
        ),
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.AutoModel.from_config(configs[kind]())
    model.save_pretrained(folder)
    tiny_tokenizer(folder, side)
    return folder
