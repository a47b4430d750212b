"""A small world of ratings: taste follows genre and age, so that sentences and fields both carry signal."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from graphrec_lm.ctr import Field, Fields, TextFeatures
from graphrec_lm.text import TextEncoder

GENRES = ("Action", "Comedy", "Drama", "Horror")
FIELDS = Fields(
    user=["age", "job"], item=["title", Field("year", "category"), "genres"], context=["timestamp"]
)


class Words(TextEncoder):
    """A sum of one random vector a word; counts the sentences it encodes."""

    name, fingerprint, dim = "words", "words-1", 24

    def __init__(self) -> None:
        self.encoded = 0

    def encode(self, texts):
        self.encoded += len(texts)
        return np.stack([sum(map(self._word, text.split())) for text in texts]).astype(np.float32)

    def _word(self, word: str) -> np.ndarray:
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "little")
        return np.random.default_rng(seed).standard_normal(self.dim)


def rows(n: int = 1500, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    users, items = rng.integers(1, 41, n), rng.integers(1, 61, n)
    genre, like = items % 4, users % 4
    chance = np.where(genre == like, 0.95, 0.1)
    return pd.DataFrame(
        {
            "user_id": users,
            "item_id": items,
            "rating": np.where(rng.random(n) < chance, rng.integers(4, 6, n), rng.integers(1, 4, n)),
            "age": 18 + (users * 7) % 50,
            "job": np.array(["artist", "cook", "clerk"])[users % 3],
            "title": [f"Film {i}" for i in items],
            "year": 1960 + items,
            "genres": [
                GENRES[g] + ("|" + GENRES[(g + 2) % 4] if i % 5 == 0 else "")
                for g, i in zip(genre, items, strict=True)
            ],
            "timestamp": 880_000_000 + rng.integers(0, 10**7, n),
        }
    )


def text(**options: object) -> TextFeatures:
    return TextFeatures(**{"encoder": Words(), "components": 8, "context": [], "cache": False} | options)


COMMON = {"label": "rating", "label_threshold": 4, "dim": 8, "hidden": (16,), "epochs": 3, "batch_size": 128,
          "learning_rate": 0.02, "verbose": False}  # fmt: skip
