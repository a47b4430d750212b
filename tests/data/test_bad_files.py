"""Bad files: each error names the file, and the line of a broken row; nothing is written."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphrec_lm.data import (
    load_dataset,
    read_amazon,
    read_csv,
    read_lightgcn,
    read_movielens,
    read_parquet,
    read_recbole,
)
from graphrec_lm.errors import InputError
from tests.data.messages import check

HEAD = "user_id,item_id,rating\n1,7,4\n"
FILES = {
    "too few fields": (
        read_csv,
        "r.csv",
        HEAD + "2,8\n3,9,1\n",
        "r.csv, line 3: a row must have 3 fields",
        "2: '2,8'",
        "Repair",
    ),
    "too many fields": (
        read_csv,
        "r.csv",
        HEAD + "2,8,1\n3,9,1,1\n",
        "r.csv, line 4: a row must have 3 fields",
        "4: '3,9,1,1'",
        "quotes",
    ),
    "after a quoted line end": (
        read_csv,
        "r.csv",
        HEAD + '2,"8\n8",1\n3\n',
        "r.csv, line 5: a row must have 3 fields",
        "1: '3'",
        "Repair",
    ),
    "after a blank line": (
        read_csv,
        "r.csv",
        HEAD + "\n2\n",
        "line 4: a row must have 3 fields",
        "1: '2'",
        "Repair",
    ),
    "an open quote": (
        read_csv,
        "r.csv",
        HEAD + '2,"8,1\n3,9,1\n',
        "line 3: a row must have 3 fields",
        "2: '2,8",
        "Repair",
    ),
    "an unparsable rating": (
        read_csv,
        "r.csv",
        HEAD + "2,8,good\n",
        "r.csv, line 3: `rating` must be a number",
        "'good'",
        "Repair",
    ),
    "a rating after a quoted line end": (
        read_csv,
        "r.csv",
        HEAD + '2,"8\n8",1\n3,9,4;5\n',
        "line 5: `rating` must be a number",
        "'4;5'",
        "Repair",
    ),
    "an unparsable time": (
        read_csv,
        "r.csv",
        "user_id,item_id,timestamp\n1,2,5\n2,3,soon\n",
        "line 3: `timestamp` must be a number",
        "'soon'",
        "Repair",
    ),
    "a broken date": (
        read_csv,
        "r.csv",
        "user_id,item_id,timestamp\n1,2,2020-01-01\n2,3,01/02/20\n",
        "line 3: `timestamp` must be a date",
        "'01/02/20'",
        "Repair",
    ),
    "a date that does not exist": (
        read_csv,
        "r.csv",
        "user_id,item_id,timestamp\n1,2,2020-01-01\n2,3,2020-13-41\n",
        "line 3: `timestamp` must be a date",
        "'2020-13-41'",
        "Repair",
    ),
    "an empty file": (read_csv, "r.csv", "", "must not be empty", "an empty file", "whole"),
    "a header alone": (
        read_csv,
        "r.csv",
        "user_id,item_id\n",
        "must have rows",
        "an empty table",
        "Check the file",
    ),
    "an empty id": (
        read_csv,
        "r.csv",
        HEAD + ",8,1\n",
        "`user_id` must have no null ids",
        "1 (1)",
        "Drop or fill",
    ),
    "bytes of another encoding": (
        read_csv,
        "r.csv",
        b"user_id,item_id\n1,a\n2,\xe9t\xe9\n",
        "line 3: the text must be utf-8",
        "xe9",
        'encoding="latin-1"',
    ),
    "no Parquet file": (
        read_parquet,
        "r.parquet",
        "user_id,item_id",
        "must be a Parquet file",
        "magic",
        "whole",
    ),
    "an empty Parquet file": (read_parquet, "r.parquet", "", "must be a Parquet file", "0 bytes", "whole"),
    "a list with a word": (
        read_lightgcn,
        "train.txt",
        "0 1 2\n\n1 x 2\n",
        "train.txt, line 3: each id must be an integer",
        "'x'",
        "Repair",
    ),
    "a list with a negative id": (
        read_lightgcn,
        "train.txt",
        "0 1 2\n1 -4\n",
        "line 2: each id must be an integer",
        "'-4'",
        "Repair",
    ),
    "a column twice": (
        read_csv,
        "a.csv",
        "user_id,item_id,item_id\na,1,7\nb,2,8\n",
        "a.csv, line 1: columns must have distinct names",
        "'item_id' twice",
        "Rename",
    ),
    "a header without types": (
        read_recbole,
        "a.inter",
        "user_id\titem_id\n1\t2\n",
        "each column must be name:type",
        "'user_id'",
        "Valid: token",
    ),
    "a misspelt type": (
        read_recbole,
        "a.inter",
        "user_id:tokn\titem_id:token\n1\t2\n",
        "each column must be name:type",
        "'user_id:tokn'",
        "Did you mean 'token'",
    ),
    "an atomic file with a broken number": (
        read_recbole,
        "a.inter",
        "user_id:token\titem_id:token\tr:float\n1\t2\t3\n2\t3\tx\n",
        "a.inter, line 3: `r` must be a number",
        "'x'",
        "Repair",
    ),
    "Amazon without items": (
        read_amazon,
        "a.csv",
        "user_id,asin,rating\na,b,1\nc,d,1\n",
        "must have a column 'item_id'",
        "none",
        "`columns`",
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_bad_files(case, tmp_path):
    read, name, content, *words = FILES[case]
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as error:
        read(path)
    check(error, words)
    assert [p.name for p in tmp_path.iterdir()] == [name]


FOLDERS = {
    "a missing file": (
        lambda p: read_csv(p / "no.csv"),
        "there must be a file at",
        "nothing",
        "Check the path",
    ),
    "a folder as a file": (lambda p: read_csv(p), "there must be a file at", "a folder", "Check the path"),
    "a frame for a reader": (
        lambda p: read_csv(pd.DataFrame({"user_id": [1]})),
        "must be given a path",
        "DataFrame",
        "from_frame",
    ),
    "a MovieLens folder without files": (
        lambda p: read_movielens(p),
        "must hold ratings.csv",
        "['other.txt']",
        "grouplens.org",
    ),
    "a MovieLens folder that is not there": (
        lambda p: read_movielens(p / "ml"),
        "must hold ratings.csv",
        "no such folder",
        "grouplens.org",
    ),
    "a RecBole folder without files": (
        lambda p: read_recbole(p),
        "must hold one .inter file",
        "[]",
        "Pass the file",
    ),
    "lists without train.txt": (
        lambda p: read_lightgcn(p),
        "must hold train.txt",
        "['other.txt']",
        "folder of the lists",
    ),
    "a dataset folder that is not there": (
        lambda p: load_dataset("movielens-100k", root=p),
        "must be the folder of 'movielens-100k'",
        "no such folder",
        "download=True",
    ),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_bad_folders(case, tmp_path):
    (tmp_path / "other.txt").write_text("x")
    act, *words = FOLDERS[case]
    with pytest.raises(InputError) as error:
        act(tmp_path)
    check(error, words)


@pytest.mark.parametrize("ending", ["csv.gz", "parquet"])
def test_half_a_file(ending, tmp_path):
    path = tmp_path / f"rows.{ending}"
    frame = pd.DataFrame({"user_id": np.random.default_rng(0).permutation(5000), "item_id": np.arange(5000)})
    frame.to_parquet(path) if ending == "parquet" else frame.to_csv(path, index=False)
    whole = path.read_bytes()
    broken = whole[: len(whole) // 2]
    path.write_bytes(broken if ending == "csv.gz" else broken[:100] + bytes(1000) + whole[1100:])
    with pytest.raises(InputError, match=f"rows.{ending} must be .* Check that the file is whole"):
        (read_parquet if ending == "parquet" else read_csv)(path)


def test_a_broken_movie_line_is_named(tmp_path):
    (tmp_path / "ratings.dat").write_text("1::10::5::100\n2::20::4\n")
    with pytest.raises(
        InputError, match=r"ratings.dat, line 2: a row must have 4 fields, got 3: '2::20::4'\."
    ):
        read_movielens(tmp_path)


def test_broken_metadata_of_amazon(tmp_path):
    (tmp_path / "r.csv").write_text("user_id,parent_asin,rating,timestamp\na,b,1,1\nc,d,1,1\n")
    (tmp_path / "m.jsonl").write_text('{"parent_asin": "b", "title"\n')
    with pytest.raises(InputError, match="must hold one JSON object a line"):
        read_amazon(tmp_path / "r.csv", tmp_path / "m.jsonl")
