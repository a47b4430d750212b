"""Queries about held-out items never repeat their titles, and test's templates are not validation's."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

import graphrec_lm as gl


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four films whose genres and tags partly repeat their titles."""
    root = tmp_path_factory.mktemp("films")
    titles = ["Comedy of Errors (1983)", "Dark Night (1998)", "Space Dogs", "Heat (1995)"]
    genres = ["Comedy|Drama", "Thriller|Drama", "(no genres listed)", "Crime"]
    items = pd.DataFrame({"item_id": range(4), "title": titles, "genres": genres})
    items.to_csv(root / "items.csv.gz", index=False)
    tags = pd.DataFrame({"userId": 1, "movieId": [0, 1, 1, 2], "tag": ["funny", "dark", "tense", None]})
    tags.to_csv(root / "tags.csv.gz", index=False)
    return root


def split_of(folder: Path) -> gl.Split:
    parts = ["train", "valid", "test"]
    rows = [(user, (user + n) % 4, parts[n % 3]) for user in range(40) for n in range(4)]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "split"])
    return gl.Dataset.from_frame(frame, pd.read_csv(folder / "items.csv.gz")).split("from_column")


@pytest.mark.parametrize("part", ["valid", "test"])
def test_no_word_of_the_title_is_in_a_query(folder, part):
    from intent_queries import KINDS, queries

    table = queries(folder, split_of(folder), part)
    assert table.groupby("kind").size().eq(40).all() and set(table["kind"]) == set(KINDS)
    titles = pd.read_csv(folder / "items.csv.gz").set_index("item_id")["title"]
    for row in table[table["kind"].isin(["attributes", "sentence"])].itertuples():
        said = set(re.findall(r"[a-z0-9]+", row.intent.lower())) - {"a", "of", "the", "and", "like"}
        title = set(re.findall(r"[a-z]+", re.sub(r"\(\d+\)", "", titles[row.item_id]).lower()))
        assert not said & title, (row.intent, titles[row.item_id])
    circular = table[table["kind"] == "circular"].iloc[0]
    assert titles[circular["item_id"]] in circular["intent"]
    pd.testing.assert_frame_equal(table, queries(folder, split_of(folder), part))


def test_templates_are_disjoint():
    from intent_queries import CIRCULAR, SENTENCES, VAGUE

    for texts in (SENTENCES, VAGUE):
        assert not set(texts["valid"]) & set(texts["test"])
    assert CIRCULAR["valid"] != CIRCULAR["test"]


def test_the_mix():
    from intent_queries import mixed

    values = {"attributes": 0.3, "sentence": 0.6, "vague": 0.6, "unrelated": 0.0, "circular": 9.0}
    assert mixed(values) == pytest.approx(0.4)
