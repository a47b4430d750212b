"""A small fitted model on disk, its data as files, and `main` with its output."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from graphrec_lm import Dataset, Popularity, TitleCosine
from graphrec_lm.cli import main
from graphrec_lm.text import PrecomputedEncoder


class Ran(NamedTuple):
    """What a command returned and printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Run the command line in this process; wrong usage counts as its exit code."""
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")

    def run(*arguments: object) -> Ran:
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
        return Ran(code, *capsys.readouterr())

    return run


def rows() -> pd.DataFrame:
    """20 people, 12 items; even people like even items, each but two of them."""
    pairs = [(u, i) for u in range(20) for i in range(u % 2, 12, 2) if i // 2 not in (u % 6, (u + 1) % 6)]
    return pd.DataFrame(pairs, columns=["user_id", "item_id"]).assign(rating=5)


def titles() -> pd.DataFrame:
    """Titles of the 12 items."""
    return pd.DataFrame(
        {"item_id": range(12), "title": [f"{'even' if i % 2 == 0 else 'odd'} film {i}" for i in range(12)]}
    )


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with rows.csv, items.csv, test.csv and the saved models `cosine` and `popular`."""
    folder = tmp_path_factory.mktemp("home")
    rows().to_csv(folder / "rows.csv", index=False)
    titles().to_csv(folder / "items.csv", index=False)
    held_out = [(u, (u % 6) * 2 + u % 2, 5 if u < 10 else 1) for u in range(20)]
    pd.DataFrame(held_out, columns=["user_id", "item_id", "rating"]).to_csv(folder / "test.csv", index=False)
    dataset = Dataset.from_frame(rows(), titles())
    vectors = np.array([[i % 2, 1 - i % 2, i / 100] for i in range(12)], dtype=np.float32)
    encoder = PrecomputedEncoder(texts=dataset.titles, embeddings=vectors)
    TitleCosine(encoder=encoder).fit(dataset).save(folder / "cosine")
    Popularity().fit(dataset).save(folder / "popular")
    return folder
