"""A dataset under its protocol, and the vectors of its titles, the controls among them.

Encoders by name: "minilm" is the file `titles.minilm.f16.npy` of the dataset; "minilm+mpnet" has both, side
by side; "shuffled minilm" gives each title the vector of another; "random 384" gives it a random one;
"tfidf 384" is TF-IDF and SVD of the titles, without a language model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from common import read_dataset, read_vectors

import graphrec_lm as gl
from graphrec_lm.text import PrecomputedEncoder, TfidfEncoder

_CONTROL_SEED = 0


class Domain(NamedTuple):
    """A dataset under its protocol; `ranked` says which rows of the item table are ranked."""

    folder: Path
    split: gl.Split
    ranked: Any

    def encoder(self, name: str) -> Any:
        """The encoder of that name, or a list of several; see the module."""
        made = [self._encoder(part) for part in name.split("+")]
        return made if len(made) > 1 else made[0]

    def _encoder(self, name: str) -> Any:
        kind, _, rest = name.partition(" ")
        if kind == "tfidf":
            return TfidfEncoder(int(rest))
        titles = self.split.train.titles
        generator = np.random.default_rng(_CONTROL_SEED)
        if kind == "random":
            texts = list(dict.fromkeys(titles))
            vectors = generator.standard_normal((len(texts), int(rest)))
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            return PrecomputedEncoder(texts=texts, embeddings=vectors)
        if kind == "shuffled":
            rows = dict(zip(titles, read_vectors(self.folder, rest, self.ranked), strict=True))
            order = generator.permutation(len(rows))
            return PrecomputedEncoder(texts=list(rows), embeddings=np.stack(list(rows.values()))[order])
        vectors = read_vectors(self.folder, name, self.ranked)
        return PrecomputedEncoder(texts=titles, embeddings=vectors)


def lacking(folder: Path, encoder: str) -> str:
    """Say which file an encoder needs that the folder lacks; "" if it has all."""
    for part in encoder.split("+"):
        kind, _, rest = part.partition(" ")
        lm = {"tfidf": "", "random": "", "shuffled": rest}.get(kind, part)
        if lm and not (folder / f"titles.{lm}.f16.npy").exists():
            return f"no titles.{lm}.f16.npy in {folder.name}"
    return ""


def read(folder: Path, split: dict[str, Any], known_users: bool = False) -> Domain:
    """Read a folder and split it."""
    dataset, ranked = read_dataset(folder)
    parts = dataset.split(**split)
    if known_users:
        parts = gl.Split(parts.train, _of_known(parts.train, parts.valid), _of_known(parts.train, parts.test))
    return Domain(folder, parts, ranked)


def pairs(dataset: gl.Dataset) -> Any:
    """A Dataset's positive pairs as a frame of external ids."""
    users = np.repeat(np.arange(dataset.n_users), dataset.user_counts)
    columns = {"user_id": dataset.users.ids[users], "item_id": dataset.items.ids[dataset.indices]}
    return dataset.frame(columns)


def _of_known(train: gl.Dataset, part: gl.Dataset) -> gl.Dataset:
    """The part without users that `train` knows nothing of."""
    frame = pairs(part)
    known = np.repeat(train.user_counts > 0, part.user_counts)
    return train.align(frame[known])
