"""Dataset: exact tables from every kind of frame."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError, UnknownIdError
from graphrec_lm.models import ItemKNN, Popularity

ROWS = {
    "user_id": ["u2", "u1", "u1", "u3", "u1"],
    "item_id": [30, 20, 10, 10, 20],
    "rating": [5.0, 4.0, 2.0, None, 5.0],
    "timestamp": [5, 4, 3, 2, 1],
}
ITEMS = {"item_id": [30, 10, 20, 40], "title": ["C", "A", "B", "D"], "year": [2003, 2001, 2002, 2004]}
USERS = {"user_id": ["u3", "u2", "u1", "u9"], "age": [30, 20, 10, 90]}
FRAMES = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}


def make(backend="pandas", **options):
    build = FRAMES[backend]
    return Dataset.from_frame(build(ROWS), build(ITEMS), build(USERS), **options)


@pytest.mark.parametrize("backend", FRAMES)
@pytest.mark.parametrize("weighted", [False, True])
def test_pairs_come_back_as_a_frame_and_a_matrix(backend, weighted):
    rows = {name: ROWS[name] for name in ("user_id", "item_id")}
    rows |= {"weight": [1.0, 2.0, 0.5, 3.0, 4.0]} if weighted else {}
    dataset = Dataset.from_frame(FRAMES[backend](rows), FRAMES[backend](ITEMS), FRAMES[backend](USERS))
    frame, matrix = dataset.to_frame(), dataset.to_csr()
    assert isinstance(frame, type(FRAMES[backend](rows)))
    again = Dataset.from_frame(frame, FRAMES[backend](ITEMS), FRAMES[backend](USERS))
    assert again.fingerprint == dataset.fingerprint
    expected = np.zeros((4, 4), dtype=np.float32)
    for user, item, weight in zip(
        rows["user_id"], rows["item_id"], rows.get("weight", [1.0] * 5), strict=True
    ):
        at = USERS["user_id"].index(user), ITEMS["item_id"].index(item)
        expected[at] = expected[at] + weight if weighted else 1.0
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix.toarray(), expected)
    matrix.data[:] = 0  # a copy
    assert again.fingerprint == dataset.fingerprint and dataset.to_csr().sum() > 0


@pytest.mark.parametrize("backend", FRAMES)
def test_exact_content(backend):
    dataset = make(backend, positive="rating >= 4")
    assert dataset.users.ids.tolist() == ["u3", "u2", "u1", "u9"]
    assert dataset.items.ids.tolist() == [30, 10, 20, 40]
    assert dataset.indptr.tolist() == [0, 0, 1, 2, 2]
    assert dataset.indices.tolist() == [0, 2]
    assert dataset.indptr.dtype == np.int64 and dataset.indices.dtype == np.int32
    assert dataset.weights is None
    assert (dataset.n_users, dataset.n_items, dataset.n_interactions) == (4, 4, 2)
    assert dataset.interactions.user_codes.tolist() == [1, 2, 2, 0, 2]
    assert dataset.interactions.item_codes.tolist() == [0, 2, 1, 1, 2]
    assert dataset.interactions.positive.tolist() == [True, True, False, False, True]
    assert dataset.interactions.columns.to_pydict() == {k: ROWS[k] for k in ("rating", "timestamp")}
    assert dataset.titles == ["C", "A", "B", "D"]
    assert dataset.item_table.column_names == ["item_id", "title", "year"]
    assert dataset.user_table.to_pydict() == USERS
    assert dataset.user_counts.tolist() == [0, 1, 1, 0]
    assert dataset.item_counts.tolist() == [1, 0, 1, 0]


def test_frames_of_every_library_are_equal_and_come_back():
    datasets = {backend: make(backend, positive="rating >= 4") for backend in FRAMES}
    assert len({d.fingerprint for d in datasets.values()}) == 1
    for backend, dataset in datasets.items():
        frame = dataset.frame({"user_id": dataset.users.ids, "score": np.ones(4, dtype=np.float32)})
        assert dataset.backend == backend
        assert type(frame).__module__.split(".")[0] == backend
        assert (
            list(frame["user_id"]) == ["u3", "u2", "u1", "u9"]
            or frame["user_id"].to_pylist() == USERS["user_id"]
        )


def test_without_tables_the_universe_is_touched_and_sorted():
    dataset = Dataset.from_frame(pd.DataFrame(ROWS))
    assert dataset.users.ids.tolist() == ["u1", "u2", "u3"]
    assert dataset.items.ids.tolist() == [10, 20, 30]
    assert dataset.indptr.tolist() == [0, 2, 3, 4]
    assert dataset.indices.tolist() == [0, 1, 2, 0]
    assert dataset.item_table.to_pydict() == {"item_id": [10, 20, 30]}
    assert dataset.user_table is None
    assert not dataset.has_titles
    with pytest.raises(InputError, match="the item table must have a column 'title'"):
        _ = dataset.titles


def test_duplicates_merge_and_weights_are_summed():
    rows = pd.DataFrame({"user_id": [1, 2, 1, 1], "item_id": [7, 8, 7, 8], "weight": [1.0, 0.5, 2.0, 4.0]})
    dataset = Dataset.from_frame(rows)
    assert dataset.n_interactions == 3
    assert dataset.indices.tolist() == [0, 1, 1]
    assert dataset.weights.tolist() == [3.0, 4.0, 0.5]
    assert dataset.weights.dtype == np.float32
    assert len(dataset.interactions) == 4


def test_columns_are_renamed_as_in_pandas():
    frame = pd.DataFrame(ROWS).rename(columns={"user_id": "who", "item_id": "sku", "rating": "stars"})
    items = pd.DataFrame(ITEMS).rename(columns={"item_id": "sku", "title": "name"})
    columns = {"who": "user_id", "sku": "item_id", "name": "title", "stars": "rating"}
    dataset = Dataset.from_frame(frame, items, columns=columns, positive="rating >= 4")
    assert dataset.titles == ITEMS["title"]
    assert dataset.n_interactions == 2
    assert dataset.align(frame).fingerprint == dataset.fingerprint


@pytest.mark.parametrize(
    ("rule", "edges"),
    [("rating > 4", 2), ("rating >= 4", 2), ("rating <= 4", 2), ("rating < 4", 1), ("rating == 5.0", 2),
     ("rating != 5", 2), ("`timestamp`>1e0", 4), ("user_id == 'u1'", 2), (None, 4)],
)  # fmt: skip
def test_positive_rules(rule, edges):
    dataset = Dataset.from_frame(pd.DataFrame(ROWS), positive=rule)
    assert dataset.n_interactions == edges
    assert dataset.n_users == 3


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
@pytest.mark.parametrize(("rule", "edges"), [("r >= 4.1", 2), ("r == 4.1", 1), ("r < 1e300", 3)])
def test_a_rule_reads_its_number_as_the_column_holds_it(kind, rule, edges):
    frame = pd.DataFrame({"user_id": [1, 2, 3], "item_id": [1, 2, 3], "r": np.array([4.1, 4.5, 1], kind)})
    assert Dataset.from_frame(frame, positive=rule).n_interactions == edges


@pytest.mark.parametrize(
    ("rule", "edges"),
    [("clicked == 1", 2), ("clicked == True", 2), ("clicked >= true", 2), ("clicked > 0", 2),
     ("clicked != 1", 1), ("clicked == False", 1), ("clicked == false", 1), ("clicked < 1.5", 3),
     ("count == True", 1)],
)  # fmt: skip
@pytest.mark.parametrize("clicked", [pa.bool_(), pa.int64()])
def test_truth_counts_as_one_in_a_rule(rule, edges, clicked):
    table = pa.table({"user_id": [1, 2, 1, 2], "item_id": [1, 1, 2, 2], "count": [0, 1, 2, 3]})
    table = table.append_column("clicked", pa.array([True, False, None, True]).cast(clicked))
    assert Dataset.from_frame(table, positive=rule).n_interactions == edges


def test_a_rule_beyond_all_integers():
    frame = pd.DataFrame({"user_id": [1, 2], "item_id": [1, 2], "rating": [3, 4]})
    assert Dataset.from_frame(frame, positive="rating <= 1e30").n_interactions == 2


@pytest.mark.parametrize("backend", ["pyarrow", "polars"])
def test_frames_without_rows_have_the_types_of_the_others(backend):
    table = pa.table({"user_id": ["a", "b"], "item_id": ["x", "y"]})
    dataset = Dataset.from_frame(pl.from_arrow(table) if backend == "polars" else table)
    some, none = (Popularity().fit(dataset).recommend(["a"], candidates=c) for c in (["y"], []))
    assert some.schema == none.schema


def test_fingerprint_ignores_row_order_but_not_content():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"user_id": rng.integers(0, 20, 300), "item_id": rng.integers(0, 30, 300)})
    rows["weight"] = rng.random(300) + 0.1
    dataset = Dataset.from_frame(rows)
    again = Dataset.from_frame(rows.sample(frac=1, random_state=1))
    assert dataset.fingerprint == again.fingerprint
    changed = rows.assign(weight=rows["weight"].where(rows.index != 5, 9.0))
    assert dataset.fingerprint != Dataset.from_frame(changed).fingerprint
    assert dataset.fingerprint != Dataset.from_frame(rows.iloc[rows.index != 5]).fingerprint


def test_fingerprint_is_stable_across_versions():
    assert make(positive="rating >= 4").fingerprint == "4c3d0f5577348fc79682bd073cac41b6"


def test_titles_and_ids_change_the_fingerprint():
    rows, items = pd.DataFrame(ROWS), pd.DataFrame(ITEMS)
    base = Dataset.from_frame(rows, items).fingerprint
    assert base != Dataset.from_frame(rows, items.assign(title=list("CABX"))).fingerprint
    assert base != Dataset.from_frame(rows, items.drop(columns="title")).fingerprint
    assert base == Dataset.from_frame(rows.drop(columns="timestamp"), items.drop(columns="year")).fingerprint


def test_it_is_frozen():
    dataset = make()
    for array in (dataset.indptr, dataset.indices, dataset.interactions.positive, dataset.item_counts):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        dataset.indices = None


def test_from_codes_gives_back_the_same_edges():
    dataset = make(positive="rating >= 4")
    users = np.repeat(np.arange(4), np.diff(dataset.indptr))
    again = Dataset.from_codes(
        dataset.users, dataset.items, users, dataset.indices, item_table=dataset.item_table,
        user_table=dataset.user_table, backend="polars",
    )  # fmt: skip
    assert again.fingerprint == dataset.fingerprint
    assert again.backend == "polars"
    assert len(again.interactions) == 2 and again.interactions.positive.all()
    empty = Dataset.from_codes(dataset.users, dataset.items, [], [])
    assert empty.n_interactions == 0 and empty.indptr.tolist() == [0] * 5


def test_restrict_items_keeps_order_and_users():
    dataset = make().restrict_items([20, 30, 20])
    assert dataset.items.ids.tolist() == [30, 20]
    assert dataset.titles == ["C", "B"]
    assert dataset.n_users == 4
    assert dataset.indptr.tolist() == [0, 0, 1, 2, 2]
    assert dataset.indices.tolist() == [0, 1]
    assert dataset.interactions.columns["timestamp"].to_pylist() == [5, 4, 1]
    assert dataset.interactions.item_codes.tolist() == [0, 1, 1]


def test_restrict_items_to_unknown_or_too_few():
    with pytest.raises(UnknownIdError, match=r"unknown 1 \(99\)"):
        make().restrict_items([10, 99])
    with pytest.raises(InputError, match="at least 2 items, got 1"):
        make().restrict_items([10])


def test_align_a_dataset():
    dataset = make(positive="rating >= 4")
    assert dataset.align(dataset) is dataset
    other = Dataset.from_frame(pd.DataFrame(ROWS), positive="rating >= 4")
    aligned = dataset.align(other)
    assert aligned.users is dataset.users and aligned.items is dataset.items
    assert aligned.fingerprint == dataset.fingerprint
    assert aligned.interactions.user_codes.tolist() == dataset.interactions.user_codes.tolist()


def test_align_a_frame_by_the_rules_of_the_dataset():
    dataset = make(positive="rating >= 4")
    frame = pl.DataFrame({"user_id": ["u9", "u3"], "item_id": [40, 10], "rating": [5, 1]})
    aligned = dataset.align(frame)
    assert aligned.indptr.tolist() == [0, 0, 0, 0, 1]
    assert aligned.indices.tolist() == [3]
    assert dataset.align(frame[:0]).n_interactions == 0


IDS_OF_ANOTHER_KIND = {
    "users": lambda model, path: model.recommend([1], on_unknown="drop"),
    "candidates": lambda model, path: model.recommend(candidates=["10"], on_unknown="drop"),
    "exclude": lambda model, path: model.recommend(exclude=["10"], on_unknown="drop"),
    "exclude for each user": lambda model, path: model.recommend(
        exclude=pd.DataFrame({"user_id": ["u1"], "item_id": ["10"]}), on_unknown="drop"
    ),
    "exclude for each history": lambda model, path: model.recommend(
        history=[[10]], exclude=pd.DataFrame({"user_id": ["0"], "item_id": [10]}), on_unknown="drop"
    ),
    "history": lambda model, path: model.recommend(history=[["10"], []], on_unknown="drop"),
    "batch": lambda model, path: model.recommend_batch(path, exclude=["10"], on_unknown="drop"),
    "batch of users": lambda model, path: model.recommend_batch(path, users=[1], on_unknown="drop"),
    "similar items": lambda model, path: model.similar_items(["10"], on_unknown="drop"),
    "predict": lambda model, path: model.predict([("u1", "10")], on_unknown="nan"),
    "evaluate": lambda model, path: model.evaluate(
        pd.DataFrame({"user_id": ["u1"], "item_id": ["10"]}), on_unknown="drop"
    ),
    "evaluate a Dataset": lambda model, path: model.evaluate(
        Dataset.from_frame(pd.DataFrame({"user_id": [1, 2], "item_id": [10, 20]})), on_unknown="drop"
    ),
    "align": lambda model, path: make().align(
        pd.DataFrame({"user_id": [1], "item_id": [10]}), on_unknown="drop"
    ),
}


@pytest.mark.parametrize("call", IDS_OF_ANOTHER_KIND.values(), ids=IDS_OF_ANOTHER_KIND)
def test_ids_of_another_kind_are_never_dropped_in_silence(call, tmp_path):
    model = ItemKNN().fit(make())
    with pytest.raises(
        UnknownIdError, match=r"The known ids are (int|str), these are (int|str): convert them"
    ):
        call(model, tmp_path / "lists.parquet")
    assert not list(tmp_path.iterdir())
    nothing = model.recommend(["u1"], candidates=[10], exclude=[], on_unknown="drop", filter_seen=False)
    assert nothing["item_id"].to_list() == [10]


def test_align_refuses_unknown_ids():
    dataset = make()
    with pytest.raises(
        UnknownIdError, match=r"every user id must be one of the 4 known, got unknown 1 \('zz'\)"
    ):
        dataset.align(pd.DataFrame({"user_id": ["zz"], "item_id": [10]}))
    rows = pd.DataFrame({"user_id": ["u1", "u2"], "item_id": [10, 77]})
    with pytest.raises(
        UnknownIdError, match=r"every item id must be one of the 4 known, got unknown 1 \(77\)"
    ):
        dataset.align(Dataset.from_frame(rows))


def test_printing_shows_statistics():
    text = repr(make(positive="rating >= 4"))
    assert text.splitlines() == [
        "Dataset",
        "  users         4",
        "  items         4",
        "  interactions  2",
        "  rows          5",
        "  density       12.5000%",
        "  per user      mean 0.5, median 0.5, min 0, max 1",
        "  per item      mean 0.5, median 0.5, min 0, max 1",
        "  weights       no",
        "  titles        yes",
        "  time range    1 to 5",
        "  positive      rating >= 4",
    ]
    assert (
        "<th style='text-align:left'>positive</th><td>rating &gt;= 4</td>"
        in make(positive="rating >= 4")._repr_html_()
    )


def test_time_range_of_dates_seconds_and_milliseconds():
    rows = pd.DataFrame(ROWS)
    for times in (pd.to_datetime(["2020-01-01"] * 5), [1577836800] * 5, [1577836800000] * 5):
        text = repr(Dataset.from_frame(rows.assign(timestamp=times)))
        assert "2020-01-01 to 2020-01-01" in text


def test_pandas_index_and_odd_dtypes_do_not_matter():
    rows = pd.DataFrame(ROWS, index=list("vwxyz"))
    typed = rows.astype({"user_id": "category", "item_id": "Int32", "rating": "Float32"})
    assert typed["rating"].isna().sum() == 1
    assert Dataset.from_frame(typed).fingerprint == Dataset.from_frame(pd.DataFrame(ROWS)).fingerprint


def test_writing_to_the_source_frame_changes_nothing():
    times = np.arange(5)
    rows = pd.DataFrame(
        {"user_id": [1, 2, 3, 4, 5], "item_id": [5, 4, 3, 2, 1], "timestamp": times}, copy=False
    )
    dataset = Dataset.from_frame(rows)
    times[:] = 99
    rows.loc[:, "timestamp"] = 77
    assert dataset.interactions.columns["timestamp"].to_pylist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("backend", FRAMES)
def test_a_rating_that_is_no_number_is_never_positive(backend):
    rows = {"user_id": [1, 1, 2, 2], "item_id": [1, 2, 1, 2], "rating": [5.0, float("nan"), 3.0, 4.0]}
    assert Dataset.from_frame(FRAMES[backend](rows), positive="rating != 3").n_interactions == 2


@pytest.mark.parametrize("weight", [1e-60, 1e60])
def test_weights_must_be_numbers_of_float32(weight):
    rows = pd.DataFrame({"user_id": [1, 2], "item_id": [1, 2], "weight": [1.0, weight]})
    with pytest.raises(InputError, match="the weight of every pair must be finite and > 0 in float32"):
        Dataset.from_frame(rows)


@pytest.mark.parametrize("ids", [[1, 2, 3], [3, 1, 2], [1, 3, 5]])
def test_an_index_with_a_name_is_a_column(ids):
    rows = pd.DataFrame({"user_id": [1, 1, 2], "item_id": ids})
    items = pd.DataFrame({"item_id": ids, "title": list("xyz")}).set_index("item_id")
    assert Dataset.from_frame(rows, items).titles == ["x", "y", "z"]


@pytest.mark.parametrize("nothing", [{}, [{}], {"a": {}}])
def test_empty_records_are_refused_since_no_file_holds_them(nothing):
    items = pa.table({"item_id": [30, 10, 20], "title": ["C", "A", "B"], "x": [nothing] * 3})
    with pytest.raises(
        InputError, match="every column of `items` must hold something, got empty records in 'x'"
    ):
        Dataset.from_frame(pd.DataFrame(ROWS), items)
