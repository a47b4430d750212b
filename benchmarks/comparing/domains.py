"""A dataset under its protocol, and the vectors of its titles, the controls among them.

A folder has one of the LAYOUTS, by which the plan's `reader` reads it. Encoders by name: "minilm" is that
file of the layout (`titles.minilm.f16.npy`); "minilm+mpnet" has both, side by side; "shuffled minilm" gives
each title the vector of another; "random 384" gives it a random one; "tfidf 384" is TF-IDF and SVD of the
titles, without a language model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from common import read_dataset, read_vectors

import graphrec_lm as gl
from graphrec_lm.data import alpharec_vectors, read_alpharec
from graphrec_lm.text import PrecomputedEncoder, TfidfEncoder

_CONTROL_SEED = 0

Vectors = Callable[[str], Any]  # of a language model by name, one row an item of the dataset


class Layout(NamedTuple):
    """How a dataset's folder is read, and the file in it with a language model's vectors."""

    read: Callable[[Path], tuple[gl.Dataset, Vectors]]
    vectors: str


def _tables(folder: Path) -> tuple[gl.Dataset, Vectors]:
    dataset, ranked = read_dataset(folder)
    return dataset, partial(read_vectors, folder, ranked=ranked)


def _alpharec(folder: Path) -> tuple[gl.Dataset, Vectors]:
    return read_alpharec(folder), lambda name: alpharec_vectors(folder, f"{name}.npy")


LAYOUTS = {
    "tables": Layout(_tables, "titles.{}.f16.npy"),
    "alpharec": Layout(_alpharec, "item_info/{}.npy"),
}


class Domain(NamedTuple):
    """A dataset under its protocol, and what gives its titles' vectors."""

    split: gl.Split
    vectors: Vectors

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
            rows = dict(zip(titles, self.vectors(rest), strict=True))
            order = generator.permutation(len(rows))
            return PrecomputedEncoder(texts=list(rows), embeddings=np.stack(list(rows.values()))[order])
        return PrecomputedEncoder(texts=titles, embeddings=self.vectors(name))


def lacking(folder: Path, encoder: str, reader: str = "tables") -> str:
    """Say which file an encoder needs that the folder lacks; "" if it has all."""
    for part in encoder.split("+"):
        kind, _, rest = part.partition(" ")
        lm = {"tfidf": "", "random": "", "shuffled": rest}.get(kind, part)
        file = LAYOUTS[reader].vectors.format(lm)
        if lm and not (folder / file).exists():
            return f"no {file} in {folder.name}"
    return ""


def joint_encoder(several: Sequence[Domain], name: str) -> Any:
    """The encoder of that name, or a list of several, for the titles of several domains."""
    texts = [title for domain in several for title in domain.split.train.titles]
    made = [
        PrecomputedEncoder(texts=texts, embeddings=np.concatenate([domain.vectors(lm) for domain in several]))
        for lm in name.split("+")
    ]
    return made if len(made) > 1 else made[0]


def read(
    folder: Path | str,
    split: dict[str, Any],
    known_users: bool = False,
    reader: str = "tables",
    label: str = "",
) -> Domain:
    """Read a folder and split it; `label` goes before every title, so that domains have none in common."""
    dataset, vectors = LAYOUTS[reader].read(Path(folder))
    if label:
        titles = pa.array([label + title for title in dataset.titles], pa.large_string())
        table = dataset.item_table
        table = table.set_column(table.column_names.index("title"), "title", titles)
        dataset = replace(dataset, item_table=table)
    parts = dataset.split(**split)
    return Domain(parts.known_users() if known_users else parts, vectors)
