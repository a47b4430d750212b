"""Checkerboard data with a known answer: two blocks that never meet, in the graph and in the titles."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from graphrec_lm.data import Dataset
from graphrec_lm.text import PrecomputedEncoder

N_USERS, N_ITEMS = 24, 20
COLD_USER, COLD_ITEM = "nobody", 20


class World(NamedTuple):
    """A Dataset, held-out interactions, and an encoder that knows the titles."""

    train: Dataset
    valid: Dataset
    test: Dataset
    encoder: PrecomputedEncoder


def block(user: str) -> str:
    """The block of a user, which is the first word of the titles they like."""
    return "north" if int(user[1:]) % 2 == 0 else "south"


def titles() -> list[str]:
    """20 items in two blocks, and one that nobody touched."""
    return [f"{'north' if item < N_ITEMS // 2 else 'south'} {item}" for item in range(N_ITEMS + 1)]


def encoder() -> PrecomputedEncoder:
    """Titles of a block point the same way, up to noise."""
    noise = np.random.default_rng(0).standard_normal((N_ITEMS + 1, 8))
    centres = [[4.0, 0.0] if title.startswith("north") else [0.0, 4.0] for title in titles()]
    return PrecomputedEncoder(texts=titles(), embeddings=noise + np.pad(centres, ((0, 0), (0, 6))))


def frames() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Interactions with a `split`, items, users; one user and one item have no interaction."""
    rng, rows = np.random.default_rng(1), []
    parts = ["train"] * 5 + ["valid"] + ["test"] * 2
    for user in range(N_USERS):
        own = rng.permutation(N_ITEMS // 2)[: len(parts)] + (user % 2) * N_ITEMS // 2
        rows += [(f"u{user}", item, part) for item, part in zip(own.tolist(), parts, strict=True)]
    interactions = pd.DataFrame(rows, columns=["user_id", "item_id", "split"])
    items = pd.DataFrame({"item_id": range(N_ITEMS + 1), "title": titles()})
    users = pd.DataFrame({"user_id": [*interactions["user_id"].unique(), COLD_USER]})
    return interactions, items, users


def native(frame: pd.DataFrame, backend: str) -> Any:
    """The frame in the library of that name."""
    if backend == "polars":
        import polars as pl

        return pl.from_dict(frame.to_dict("list"))
    if backend == "pyarrow":
        import pyarrow as pa

        return pa.Table.from_pydict(frame.to_dict("list"))
    return frame


def checkerboard(backend: str = "pandas") -> World:
    """The checkerboard, split."""
    tables = (native(frame, backend) for frame in frames())
    return World(*Dataset.from_frame(*tables).split("from_column"), encoder())


def untitled() -> Dataset:
    """The same interactions without an item table."""
    return Dataset.from_frame(frames()[0])


def files_in(folder: Path) -> dict[str, bytes]:
    """All files below a folder by relative name."""
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}
