"""Bad input: each error says what was required, what was found, and what to do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from graphrec_lm.data import Dataset, IdMap, load_dataset
from graphrec_lm.errors import InputError
from tests.data.messages import check

ROWS = {"user_id": [1, 2, 1, 3], "item_id": [10, 20, 20, 30], "rating": [5.0, 4.0, 1.0, 3.0]}
ITEMS = {"item_id": [10, 20, 30], "title": ["A", "B", "C"]}


def from_frame(rows=None, items=None, drop=(), **options):
    frame = pd.DataFrame({**ROWS, **(rows or {})}).drop(columns=list(drop))
    return Dataset.from_frame(frame, None if items is None else pd.DataFrame({**ITEMS, **items}), **options)


def mixed():
    return pd.DataFrame({"user_id": pd.Series([1, "a", 2, 3], dtype=object), "item_id": [1, 2, 3, 4]})


def repeated_columns():
    return pd.DataFrame([[1, 2, 3]], columns=["user_id", "item_id", "user_id"])


def many_untitled():
    items = pd.DataFrame({"item_id": range(10, 40), "title": [None] * 7 + ["x"] * 23})
    return Dataset.from_frame(pd.DataFrame(ROWS), items)


two = IdMap([1, 2])
FRAMES = {
    "a path instead of a frame": (
        lambda: Dataset.from_frame("rows.csv"),
        "must be a dataframe",
        "str",
        "read_",
    ),
    "a lazy frame": (
        lambda: Dataset.from_frame(pl.LazyFrame(ROWS)),
        "must be a dataframe",
        "LazyFrame",
        "collected",
    ),
    "repeated columns": (
        lambda: Dataset.from_frame(repeated_columns()),
        "distinct columns",
        "user_id",
        "Rename or drop",
    ),
    "a column of two types": (
        lambda: Dataset.from_frame(mixed()),
        "must hold one type",
        "user_id",
        "Convert",
    ),
    "no rows": (
        lambda: Dataset.from_frame(pd.DataFrame(ROWS)[:0]),
        "must have rows",
        "an empty table",
        "filter",
    ),
    "missing user_id": (
        lambda: from_frame(drop=["user_id"]),
        "must have a column 'user_id'",
        "none",
        "`columns`",
    ),
    "misspelt item_id": (
        lambda: from_frame({"item_idd": [1] * 4}, drop=["item_id"]),
        "a column 'item_id'",
        "none",
        "Did you mean 'item_idd'",
    ),
    "items without item_id": (
        lambda: Dataset.from_frame(pd.DataFrame(ROWS), pd.DataFrame({"itemid": [10, 20, 30]})),
        "`items` must have a column 'item_id'",
        "none",
        "Did you mean 'itemid'",
    ),
    "misspelt title": (
        lambda: (
            Dataset.from_frame(
                pd.DataFrame(ROWS), pd.DataFrame({"item_id": [10, 20, 30], "titel": list("abc")})
            ).titles
        ),
        "must have a column 'title'",
        "none",
        "Did you mean 'titel'",
    ),
    "unknown key of columns": (
        lambda: from_frame(columns={"usr": "user_id"}),
        "each key of `columns`",
        "'usr'",
        "Did you mean 'user_id'",
    ),
    "columns the wrong way round": (
        lambda: from_frame({"who": [1] * 4}, drop=["user_id"], columns={"user_id": "who"}),
        "each key of `columns`",
        "'user_id'",
        "from your name to the library's: {'who': 'user_id'}",
    ),
    "columns that collide": (
        lambda: from_frame({"who": [1] * 4}, columns={"who": "user_id"}),
        "one column of each name",
        "user_id",
        "Drop one",
    ),
    "null user ids": (
        lambda: from_frame({"user_id": [1, None, 2, None]}),
        "`user_id` must have no null ids",
        "null at rows 2 (1, 3)",
        "Drop or fill",
    ),
    "null text ids": (
        lambda: from_frame({"item_id": ["a", None, "b", "c"]}),
        "`item_id` must have no null ids",
        "1 (1)",
        "Drop or fill",
    ),
    "empty ids": (
        lambda: from_frame({"item_id": ["a", "", "b", " "]}),
        "`item_id` must have no empty ids",
        "empty text at rows 2 (1, 3)",
        "Drop or fill",
    ),
    "float ids": (
        lambda: from_frame({"user_id": [1.0, 2.0, 1.0, 3.0]}),
        "`user_id` must hold integers or strings",
        "double",
        ".astype(int)",
    ),
    "boolean ids": (
        lambda: from_frame({"user_id": [True, False] * 2}),
        "must hold integers or strings",
        "bool",
        "Convert",
    ),
    "date ids": (
        lambda: from_frame({"user_id": pd.to_datetime(["2020-01-01"] * 4)}),
        "must hold integers or strings",
        "timestamp",
        "Convert",
    ),
    "ids beyond int64": (
        lambda: from_frame({"user_id": np.array([1, 2, 3, 2**63], dtype=np.uint64)}),
        "64-bit signed",
        str(2**63),
        "strings",
    ),
    "duplicate items": (
        lambda: from_frame(items={"item_id": [10, 20, 10], "title": list("abc")}),
        "`item_id` must be distinct",
        "repeated 1 (10)",
        "Keep one row",
    ),
    "duplicate users": (
        lambda: Dataset.from_frame(pd.DataFrame(ROWS), users=pd.DataFrame({"user_id": [1, 2, 3, 3]})),
        "`user_id` must be distinct in the user table",
        "1 (3)",
        "Keep one row",
    ),
    "null item ids in the table": (
        lambda: from_frame(items={"item_id": [10, None, 30]}),
        "`item_id` must have no null ids",
        "1 (1)",
        "Drop",
    ),
    "titles missing": (
        many_untitled,
        "every item must have a title",
        "no title for 7 (10, 11, 12, 13, 14, ...)",
        "Fill them in",
    ),
    "titles blank": (
        lambda: from_frame(items={"title": ["A", " ", ""]}),
        "every item must have a title",
        "2 (20, 30)",
        "Fill them in",
    ),
    "titles NaN": (
        lambda: from_frame(items={"title": ["A", np.nan, "C"]}),
        "every item must have a title",
        "1 (20)",
        "Fill them in",
    ),
    "titles that are numbers": (
        lambda: from_frame(items={"title": [1, 2, 3]}),
        "`title` must hold texts",
        "int64",
        ".astype(str)",
    ),
    "an item table that lacks items": (
        lambda: Dataset.from_frame(
            pd.DataFrame(ROWS), pd.DataFrame({"item_id": [10, 11], "title": ["A", "B"]})
        ),
        "must hold every item of the interactions",
        "missing 2 (20, 30)",
        "Add them",
    ),
    "a user table that lacks users": (
        lambda: Dataset.from_frame(pd.DataFrame(ROWS), users=pd.DataFrame({"user_id": [1, 9]})),
        "must hold every user of the interactions",
        "missing 2 (2, 3)",
        "Add them",
    ),
    "ids of two types": (
        lambda: from_frame(items={"item_id": ["10", "20", "30"]}),
        "must hold every item",
        "missing 3 (10, 20, 30)",
        "The table's ids are str, those of the interactions are int",
    ),
    "one user": (lambda: from_frame({"user_id": [1] * 4}), "at least 2 users", "1", "more rows"),
    "one item": (lambda: from_frame({"item_id": [1] * 4}), "at least 2 items", "1", "more rows"),
    "NaN weights": (
        lambda: from_frame({"weight": [1, np.nan, 2, 3]}),
        "every `weight` must be finite and > 0",
        "nan at row 1",
        "Repair",
    ),
    "infinite weights": (
        lambda: from_frame({"weight": [1, 2, np.inf, 3]}),
        "finite and > 0",
        "inf at row 2",
        "Repair",
    ),
    "negative weights": (
        lambda: from_frame({"weight": [1, 2, 3, -1.5]}),
        "finite and > 0",
        "-1.5 at row 3",
        "weight > 0",
    ),
    "zero weights": (
        lambda: from_frame({"weight": [0, 2, 3, 1]}),
        "finite and > 0",
        "0.0 at row 0",
        'positive="weight > 0"',
    ),
    "text weights": (
        lambda: from_frame({"weight": list("abcd")}),
        "`weight` must hold numbers",
        "string",
        ".astype(float)",
    ),
    "no positive row": (
        lambda: from_frame(positive="rating > 9"),
        '`positive` ("rating > 9") must hold for some row',
        "none of 4 rows",
        "wider rule",
    ),
    "rule without operator": (
        lambda: from_frame(positive="rating 4"),
        "column operator value",
        "'rating 4'",
        "rating >= 4",
    ),
    "rule with code": (
        lambda: from_frame(positive="rating >= __import__('os')"),
        "column operator value",
        "__import__",
        "Write e.g.",
    ),
    "rule with two comparisons": (
        lambda: from_frame(positive="rating >= 4 and rating < 5"),
        "column operator value",
        "and",
        "Write e.g.",
    ),
    "rule with an assignment": (
        lambda: from_frame(positive="rating = 4"),
        "column operator value",
        "'rating = 4'",
        "Write e.g.",
    ),
    "rule that is no text": (lambda: from_frame(positive=4), "column operator value", "4", "Write e.g."),
    "rule on a missing column": (
        lambda: from_frame(positive="ratings >= 4"),
        "must name a column",
        "'ratings'",
        "Did you mean 'rating'",
    ),
    "number rule on a text": (
        lambda: from_frame({"rating": list("5431")}, positive="rating >= 4"),
        "must compare a numeric column",
        "string",
        "convert the column",
    ),
    "text rule on a number": (
        lambda: from_frame(positive="rating == 'high'"),
        "must compare a text column",
        "double",
        "Quote",
    ),
    "duplicate ids of a map": (
        lambda: IdMap(["a", "b", "a"]),
        "ids must be distinct",
        "repeated 1 ('a')",
        "Keep one row",
    ),
    "a scalar instead of ids": (lambda: two.codes("a"), "must be a list or column of ids", "'a'", "Wrap it"),
    "ids of mixed types": (
        lambda: two.codes([1, "a"]),
        "must hold ids of one type",
        "Could not convert",
        "Convert",
    ),
    "codes out of range": (
        lambda: Dataset.from_codes(two, two, [0, 2], [0, 1]),
        "must be in 0 .. 1",
        "0 to 2",
        "IdMap",
    ),
    "codes that are floats": (
        lambda: Dataset.from_codes(two, two, [0.0], [0]),
        "1-D array of integers",
        "float64",
        "IdMap",
    ),
    "codes of two lengths": (
        lambda: Dataset.from_codes(two, two, [0, 1], [0]),
        "one length",
        "[2, 1]",
        "each pair",
    ),
    "coded weights NaN": (
        lambda: Dataset.from_codes(two, two, [0], [0], weights=[np.nan]),
        "finite and > 0",
        "nan",
        "Repair",
    ),
    "a table of another length": (
        lambda: Dataset.from_codes(two, two, [0], [0], item_table=pa.table({"item_id": [1]})),
        "must have 2 rows",
        "1 rows",
        "code order",
    ),
    "unknown split": (
        lambda: from_frame().split("randon"),
        "`method` must be one of",
        "'randon'",
        "Did you mean 'random'",
    ),
    "unknown split option": (
        lambda: from_frame().split("random", sed=1),
        "an option of the split 'random'",
        "'sed'",
        "Did you mean 'seed'",
    ),
    "fractions too large": (
        lambda: from_frame().split("random", valid=0.5, test=0.5),
        "must be < 1",
        "1.0",
        "0.1 and 0.1",
    ),
    "a negative fraction": (
        lambda: from_frame().split("global_time", test=-0.1),
        "`test` must be a number >= 0",
        "-0.1",
        "range",
    ),
    "a negative seed": (
        lambda: from_frame().split("random", seed=-1),
        "`seed` must be an integer >= 0",
        "-1",
        "range",
    ),
    "no time column": (
        lambda: from_frame({"time": range(4)}).split("leave_last_out"),
        "must have a column 'timestamp'",
        "none",
        "Did you mean 'time'",
    ),
    "text times": (
        lambda: from_frame({"timestamp": list("abcd")}).split("global_time"),
        "must hold numbers or dates",
        "string",
        "Convert",
    ),
    "null times": (
        lambda: from_frame({"timestamp": [1, None, 2, 3]}).split("leave_last_out"),
        "no nulls in positive rows",
        "1 (1)",
        "Fill",
    ),
    "null dates": (
        lambda: from_frame(
            {"timestamp": pd.to_datetime(["2020-01-01", None, "2020-01-02", "2020-01-03"])}
        ).split("global_time"),
        "no nulls in positive rows",
        "1 (1)",
        "Fill",
    ),
    "one moment": (
        lambda: from_frame({"timestamp": [7] * 4}).split("global_time"),
        "must leave edges for train",
        "no edge",
        "smaller fractions",
    ),
    "unknown parts": (
        lambda: from_frame({"split": ["train", "test", "validation", "x"]}).split("from_column"),
        "must hold only 'train', 'valid', 'test'",
        "2 ('validation', 'x')",
        "Did you mean 'valid'",
    ),
    "no train part": (
        lambda: from_frame({"split": ["test"] * 4}).split("from_column"),
        "must have positive rows of 'train'",
        "none",
        "`train=`",
    ),
    "align without item_id": (
        lambda: from_frame().align(pd.DataFrame({"user_id": [1]})),
        "must have a column 'item_id'",
        "none",
        "`columns`",
    ),
    "align without the rated column": (
        lambda: from_frame(positive="rating >= 4").align(pd.DataFrame({"user_id": [1], "item_id": [10]})),
        "must name a column",
        "'rating'",
        "Valid: user_id, item_id",
    ),
    "unknown dataset": (
        lambda: load_dataset("movielens-smal"),
        "the name of a dataset",
        "'movielens-smal'",
        "Did you mean 'movielens-small'",
    ),
    "no root": (lambda: load_dataset("movielens-1m"), "needs `root`", "None", "grouplens.org"),
    "unknown option of a dataset": (
        lambda: load_dataset("movielens-small", positve="rating > 1"),
        "an option of 'movielens-small'",
        "'positve'",
        "Did you mean 'positive'",
    ),
}


@pytest.mark.parametrize("case", FRAMES)
def test_bad_frames(case):
    act, *words = FRAMES[case]
    with pytest.raises(InputError) as error:
        act()
    check(error, words)


SURROGATES = pd.Series(["\ud800", "a", "b", "c"], dtype=object)


@pytest.mark.parametrize("column", [pd.arrays.SparseArray([0, 1, 0, 1]), np.array([1j, 2, 3, 4]), SURROGATES])
def test_columns_that_arrow_cannot_hold(column):
    with pytest.raises(InputError, match=r"`interactions` must hold .* (Drop that column|Convert it)"):
        from_frame({"other": column})
