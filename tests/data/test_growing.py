"""Datasets with more items and more interactions: codes stay, and they equal the Dataset made at once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from graphrec_lm.data import Dataset, IdMap
from graphrec_lm.errors import InputError, UnknownIdError
from graphrec_lm.models import Popularity

ROWS = pd.DataFrame({"who": ["b", "a", "a", "b"], "item_id": [1, 1, 2, 3], "rating": [5, 4, 1, 5]})
ITEMS = pd.DataFrame({"item_id": [3, 1, 2], "title": ["C", "A", "B"], "year": [1990, 1991, None]})
USERS = pd.DataFrame({"who": ["b", "a"], "age": [30, 40]})
RULES = {"columns": {"who": "user_id"}, "positive": "rating >= 4"}


def made(rows: pd.DataFrame = ROWS, items: pd.DataFrame = ITEMS, users: pd.DataFrame = USERS) -> Dataset:
    return Dataset.from_frame(rows, items, users, **RULES)


def test_more_items_are_those_of_the_longer_table():
    more = pd.DataFrame({"title": ["E", "D"], "item_id": [9, 4], "colour": ["red", "blue"]})
    grown = made().with_items(more)
    assert grown.fingerprint == made(items=pd.concat([ITEMS, more[["item_id", "title"]]])).fingerprint
    assert grown.item_table.column_names == ["item_id", "title", "year"]
    assert grown.item_table["year"].to_pylist()[-2:] == [None, None]
    assert grown.item_counts.tolist() == [1, 2, 0, 0, 0]
    assert made().with_items(more[:0]).fingerprint == made().fingerprint
    named = Dataset.from_frame(
        pd.DataFrame({"user_id": ["a", "b"], "item_id": ["x", "y"]}), pd.DataFrame({"item_id": ["x", "y"]})
    )
    assert named.with_items(pd.DataFrame({"item_id": []})).n_items == 2


def test_more_interactions_are_those_of_the_longer_table():
    more = pd.DataFrame({"who": ["z", "a", "c", "b"], "item_id": [2, 2, 1, 1], "rating": [5, 4, 2, 4]})
    grown = made().with_interactions(more)
    users = pd.concat([USERS, pd.DataFrame({"who": ["c", "z"], "age": [None, None]})])
    union = made(rows=pd.concat([ROWS, more]), users=users)
    assert grown.fingerprint == union.fingerprint
    assert grown.users.ids.tolist() == ["b", "a", "c", "z"]
    assert grown.user_table["age"].to_pylist() == [30, 40, None, None]
    np.testing.assert_array_equal(grown.interactions.item_codes, union.interactions.item_codes)
    np.testing.assert_array_equal(grown.interactions.positive, union.interactions.positive)
    assert grown.interactions.column("rating").to_pylist() == [5, 4, 1, 5, 5, 4, 2, 4]


def test_categories_take_new_ids():
    """A categorical column has a type of its own; what is added to it need not."""
    users, items = USERS.assign(who=USERS["who"].astype("category")), ITEMS.astype({"title": "category"})
    items["item_id"] = items["item_id"].astype("category")
    dataset = Dataset.from_frame(ROWS, items, users, **RULES)
    more = pd.DataFrame({"who": ["z"], "item_id": [2], "rating": [5]})
    for rows in (more, more.astype({"who": "category"}), pa.Table.from_pandas(more)):
        assert dataset.with_interactions(rows).user_table["user_id"].to_pylist() == ["b", "a", "z"]
    new = pd.DataFrame({"item_id": [9], "title": ["D"]})
    for rows in (new, new.astype("category")):
        grown = dataset.with_items(rows)
        assert grown.item_table["item_id"].to_pylist() == [3, 1, 2, 9]
        assert grown.titles == ["C", "A", "B", "D"]


def test_no_interactions_change_nothing():
    for nothing in (ROWS[:0], pd.DataFrame(columns=list(ROWS)), pa.Table.from_pandas(ROWS[:0])):
        grown = made().with_interactions(nothing)
        assert grown.fingerprint == made().fingerprint
        assert len(grown.interactions) == len(ROWS) and grown.user_table == made().user_table
    model = Popularity().fit(made())
    before = model.recommend(k=3, filter_seen=False)
    pd.testing.assert_frame_equal(model.update(ROWS[:0]).recommend(k=3, filter_seen=False), before)


def test_weights_add_up():
    rows = pd.DataFrame({"user_id": [1, 2], "item_id": [1, 2], "weight": [1.0, 2.0]})
    grown = Dataset.from_frame(rows).with_interactions(rows.assign(weight=[0.5, 0.25])[:1])
    assert grown.weights.tolist() == [1.5, 2.0]


def test_a_dataset_without_other_columns_takes_rows_with_some():
    bare = Dataset.from_codes(made().users, made().items, [0, 1], [0, 1])
    grown = bare.with_interactions(pa.table({"user_id": ["a"], "item_id": [1], "rating": [5]}))
    assert (grown.n_interactions, len(grown.interactions)) == (2, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda d: d.with_items(ITEMS[1:]), r"2 \(1, 2\) already there"),
        (lambda d: d.with_items(pd.DataFrame({"item_id": [7, 7], "title": ["x", "y"]})), "repeated"),
        (lambda d: d.with_items(pd.DataFrame({"item_id": ["x"], "title": ["x"]})), "must be int"),
        (lambda d: d.with_items(pd.DataFrame({"item_id": [7]})), "title"),
        (lambda d: d.with_items(pd.DataFrame({"item_id": [7], "title": [""]})), "must have a title"),
        (lambda d: d.with_items("table"), "must be a dataframe"),
        (
            lambda d: d.with_items(pd.DataFrame({"item_id": [7], "title": ["x"], "year": ["old"]})),
            "columns of new items must be of the type",
        ),
        (lambda d: d.with_interactions(ROWS[:0][["who", "item_id"]]), "rating"),
        (lambda d: d.with_interactions(ROWS[:0][["who", "rating"]]), "item_id"),
        (lambda d: d.with_interactions(ROWS[:0].assign(weight=[])), "if and only if"),
        (lambda d: d.with_interactions(ROWS.assign(who=[1, 2, 3, 4])), "users must be str"),
        (lambda d: d.with_interactions(ROWS[["who", "item_id"]]), "rating"),
        (lambda d: d.with_interactions(ROWS.assign(weight=1.0)), "if and only if"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call(made())


def test_unknown_items_are_named():
    with pytest.raises(UnknownIdError, match="77"):
        made().with_interactions(ROWS.assign(item_id=[1, 77, 2, 3]))


def test_rows_of_unknown_items_may_be_dropped():
    dataset = Dataset.from_codes(IdMap([7, 8]), IdMap([1, 2]), [0, 1], [1, 1])
    rows = pa.table({"user_id": [7, 9, 10], "item_id": [1, 3, 2]})
    with pytest.raises(UnknownIdError, match="unknown 1"):
        dataset.with_interactions(rows)
    grown = dataset.with_interactions(rows, on_unknown="drop")
    assert grown.users.ids.tolist() == [7, 8, 10] and grown.n_interactions == 4
    assert dataset.with_interactions(rows[1:2], on_unknown="drop") is dataset
