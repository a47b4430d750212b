"""Splits: exact tables, the documented rules, reproducibility."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from graphrec_lm.data import Dataset, load_dataset
from graphrec_lm.errors import InputError, UnknownIdError

ROWS = pd.DataFrame(
    {
        "user_id": [1, 1, 1, 1, 2, 2, 3, 1],
        "item_id": [10, 20, 30, 40, 10, 20, 30, 20],
        "rating": [5, 5, 5, 5, 5, 5, 2, 5],
        "timestamp": [4, 1, 3, 2, 9, 8, 7, 6],
        "split": ["train", "train", "valid", "", "train", "test", None, "train"],
    }
)


@pytest.fixture
def dataset():
    return Dataset.from_frame(ROWS, positive="rating >= 4")


def pairs(part):
    users = part.users.ids[part.edges.users].tolist()
    return list(zip(users, part.items.ids[part.indices].tolist(), strict=True))


def rows(part):
    return part.interactions.columns["timestamp"].to_pylist()


def test_leave_last_out(dataset):
    split = dataset.split("leave_last_out")
    assert pairs(split.train) == [(1, 20), (1, 40), (2, 10), (2, 20)]
    assert pairs(split.valid) == [(1, 30)]
    assert pairs(split.test) == [(1, 10)]
    assert rows(split.train) == [1, 2, 9, 8, 7]  # 6 is (1, 20) again, after the test pair's 4
    assert split.train.interactions.positive.tolist() == [True, True, True, True, False]


def test_leave_last_out_breaks_ties_by_row_order():
    frame = pd.DataFrame({"user_id": [1, 1, 1, 2], "item_id": [30, 10, 20, 10], "timestamp": [5, 5, 5, 5]})
    split = Dataset.from_frame(frame).split("leave_last_out")
    assert (pairs(split.train), pairs(split.valid), pairs(split.test)) == (
        [(1, 30), (2, 10)],
        [(1, 10)],
        [(1, 20)],
    )


def test_global_time(dataset):
    split = dataset.split("global_time", valid=0.2, test=0.3)
    assert pairs(split.train) == [(1, 20), (1, 30), (1, 40)]
    assert pairs(split.valid) == [(1, 10)]
    assert pairs(split.test) == [(2, 10), (2, 20)]
    assert rows(split.test) == [9, 8]
    assert rows(split.valid) == [4, 7]
    assert split.valid.interactions.positive.tolist() == [True, False]


def test_global_time_keeps_a_moment_together_and_reads_dates():
    days = pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-03"])
    frame = pd.DataFrame({"user_id": [1, 2, 1, 2], "item_id": [10, 10, 20, 20], "timestamp": days})
    split = Dataset.from_frame(frame).split("global_time", valid=0, test=0.25)
    assert pairs(split.test) == [(1, 20), (2, 20)]
    assert pairs(split.train) == [(1, 10), (2, 10)]
    assert split.valid.n_interactions == 0


def test_from_column(dataset):
    split = dataset.split("from_column")
    assert pairs(split.train) == [(1, 10), (1, 20), (2, 10)]
    assert pairs(split.valid) == [(1, 30)]
    assert pairs(split.test) == [(2, 20)]
    assert rows(split.train) == [4, 1, 2, 9, 7, 6]
    assert split.train.interactions.positive.tolist() == [True, True, False, True, False, True]


def test_from_column_needs_three_names(dataset):
    with pytest.raises(
        InputError, match="`train`, `valid` and `test` must differ, got 'train', 'test', 'test'"
    ):
        dataset.split("from_column", valid="test")


def test_from_column_with_numbers():
    frame = pd.DataFrame({"user_id": [1, 1, 2], "item_id": [10, 20, 10], "fold": [0, 1, 2]})
    split = Dataset.from_frame(frame).split("from_column", column="fold", train=0, valid=1, test=2)
    assert [pairs(part) for part in split] == [[(1, 10)], [(1, 20)], [(2, 10)]]


def test_the_parts_share_ids_and_tables(dataset):
    for method in ("random", "leave_last_out", "global_time", "from_column"):
        for part in dataset.split(method):
            assert part.users is dataset.users and part.items is dataset.items
            assert part.item_table is dataset.item_table


def reference_counts(n, valid, test):
    """The documented rule of the random split for a user with n edges, in plain Python."""
    if n < 3:
        return n, 0, 0
    n_test = min(max(1, round(test * n)), n - 2) if test else 0
    n_valid = min(max(1, round(valid * n)), n - 1 - n_test) if valid else 0
    return n - n_valid - n_test, n_valid, n_test


@pytest.mark.parametrize(("valid", "test"), [(0.1, 0.1), (0.2, 0.3), (0.0, 0.25), (0.45, 0.5), (0.1, 0.0)])
def test_random_follows_the_documented_rule(valid, test):
    counts = np.concatenate([np.arange(1, 60), [1, 2, 3, 3]])
    users = np.repeat(np.arange(len(counts)), counts)
    items = np.concatenate([np.arange(n) for n in counts])
    dataset = Dataset.from_frame(pd.DataFrame({"user_id": users, "item_id": items}))
    split = dataset.split("random", valid=valid, test=test)
    expected = [reference_counts(int(n), valid, test) for n in counts]
    assert np.stack([part.user_counts for part in split], axis=1).tolist() == [list(e) for e in expected]
    together = sorted(pair for part in split for pair in pairs(part))
    assert together == pairs(dataset)


def test_random_on_the_sample_equals_the_fixed_sizes():
    dataset = load_dataset("movielens-small")
    split, fixed = dataset.split("random"), dataset.split("from_column")
    assert [p.n_interactions for p in split] == [p.n_interactions for p in fixed] == [38_830, 4_875, 4_875]
    for ours, theirs in zip(split, fixed, strict=True):
        assert ours.user_counts.tolist() == theirs.user_counts.tolist()


def test_random_is_reproducible_and_even():
    dataset = load_dataset("movielens-small")
    assert dataset.split("random", seed=3).hash == dataset.split("random", seed=3).hash
    assert dataset.split("random", seed=3).hash != dataset.split("random", seed=4).hash
    position = np.arange(dataset.n_interactions) - np.repeat(dataset.indptr[:-1], dataset.user_counts)
    relative = position / np.repeat(dataset.user_counts, dataset.user_counts)
    test = dataset.split("random").test
    chosen = np.isin(dataset.edges.users.astype(np.int64) * dataset.n_items + dataset.indices,
                     test.edges.users.astype(np.int64) * dataset.n_items + test.indices)  # fmt: skip
    assert abs(relative[chosen].mean() - relative.mean()) < 0.02


def test_random_does_not_depend_on_the_order_of_rows():
    shuffled = Dataset.from_frame(ROWS.sample(frac=1, random_state=0), positive="rating >= 4")
    assert (
        shuffled.split("random").hash == Dataset.from_frame(ROWS, positive="rating >= 4").split("random").hash
    )


def test_weights_go_with_their_pairs():
    frame = ROWS.assign(weight=[1, 2, 3, 4, 5, 6, 7, 8])
    split = Dataset.from_frame(frame, positive="rating >= 4").split("leave_last_out")
    assert split.train.weights.tolist() == [2.0, 4.0, 5.0, 6.0]  # without the later row of (1, 20), of 8
    assert split.test.weights.tolist() == [1.0]
    assert sum(part.weights.sum() for part in Dataset.from_frame(frame).split("random")) == 36


REPEATED = pd.DataFrame(
    [("a", 1, "2024-01-01")]
    + [("a", 1, f"2024-12-{1 + i % 28:02d}") for i in range(100)]
    + [("a", 2, "2024-02-15"), ("a", 3, "2024-03-15"), ("b", 1, "2024-01-15"), ("b", 2, "2024-04-15")]
    + [("b", 3, "2024-05-15"), ("c", 1, "2024-06-15"), ("c", 3, "2024-07-15"), ("c", 2, "2024-11-15")]
    + [("b", 4, "2024-11-15")],
    columns=["user_id", "item_id", "timestamp"],
).assign(weight=1.0, timestamp=lambda frame: pd.to_datetime(frame["timestamp"]))


def test_global_time_leaves_no_row_from_after_a_cut_in_train():
    split = Dataset.from_frame(REPEATED).split("global_time", valid=0.0, test=0.25)
    train, test = split.train, split.test
    assert repr(split) == "Split(train=8, valid=0, test=2)"
    assert max(rows(train)) < pd.Timestamp("2024-11-15") == min(rows(test))
    assert train.weights.tolist() == [1.0] * 8  # 101 of (a, 1), were they known
    assert len(train.interactions) == 8 and rows(test) == [pd.Timestamp("2024-11-15")] * 2


def test_leave_last_out_leaves_no_row_from_after_the_held_out_one_in_train():
    split = Dataset.from_frame(REPEATED).split("leave_last_out")
    assert [pairs(part) for part in split] == [
        [("a", 1), ("b", 1), ("b", 2), ("c", 1)],
        [("a", 2), ("b", 3), ("c", 3)],
        [("a", 3), ("b", 4), ("c", 2)],
    ]
    assert split.train.weights.tolist() == [1.0] * 4
    assert [len(part.interactions) for part in split] == [4, 3, 3]


def test_leave_last_out_puts_other_rows_by_their_time():
    frame = pd.DataFrame({"user_id": [1] * 7 + [2], "item_id": [1, 2, 3, 4, 4, 4, 2, 1]}).assign(
        timestamp=[1, 2, 3, 1, 2, 4, 3, 9], rating=[5, 5, 5, 1, 1, 1, 5, 1]
    )
    split = Dataset.from_frame(frame, positive="rating >= 4").split("leave_last_out")
    assert [rows(part) for part in split] == [[1, 1, 9], [2, 2], [3, 4]]
    assert [part.interactions.positive.tolist() for part in split] == [
        [True, False, False],
        [True, False],
        [True, False],
    ]


@pytest.mark.parametrize("method", ["global_time", "leave_last_out"])
def test_splits_by_time_are_those_of_the_first_rows(method):
    random = np.random.default_rng(0)
    frame = pd.DataFrame({name: random.integers(0, 12, 300) for name in ("user_id", "item_id", "timestamp")})
    frame["weight"] = random.random(300) + 0.5
    firsts = frame.loc[frame.groupby(["user_id", "item_id"])["timestamp"].idxmin().sort_values()]
    split = Dataset.from_frame(frame).split(method)
    plain = Dataset.from_frame(firsts).split(method)
    for ours, theirs in zip(split, plain, strict=True):
        assert pairs(ours) == pairs(theirs)
        columns = ours.interactions.columns.to_pandas()
        columns["user"], columns["item"] = ours.interactions.user_codes, ours.interactions.item_codes
        sums = columns.groupby(["user", "item"])["weight"].sum()
        np.testing.assert_allclose(ours.weights, sums, rtol=1e-6)
    if method == "global_time":
        assert max(rows(split.train)) < min(rows(split.valid))
        assert max(rows(split.valid)) < min(rows(split.test))


DAYS = Dataset.from_frame(
    pd.DataFrame(
        {
            "user_id": [1, 1, 2, 1, 2, 3],
            "item_id": [1, 2, 1, 3, 2, 3],
            "timestamp": pd.to_datetime(["2024-01-31", "2024-02-01", "2024-03-01", "2024-04-01"] * 2)[:6],
            "day": pd.to_datetime(["2024-01-31", "2024-02-01", "2024-03-01", "2024-04-01"] * 2)[:6].date,
            "second": [10, 20, 30, 40, 10, 20],
        }
    ).assign(zoned=lambda frame: frame["timestamp"].dt.tz_localize("Europe/Berlin"))
)


@pytest.mark.parametrize(
    ("moments", "sizes"),
    [
        ({"valid": "2024-02-01", "test": "2024-04-01"}, (2, 3, 1)),
        ({"valid": date(2024, 2, 15), "test": datetime(2024, 3, 1, 1)}, (4, 1, 1)),
        ({"valid": 0, "test": pd.Timestamp("2024-02-20")}, (4, 0, 2)),
        ({"valid": 0.2, "test": np.datetime64("2024-04-01")}, (4, 1, 1)),
        ({"valid": "2024-02-20T10:00", "test": 0.2}, (4, 1, 1)),
        ({"valid": "2024-02-01", "test": 0}, (2, 4, 0)),
        ({"by": "day", "valid": "2024-02-01T01:00", "test": "2024-04-01"}, (4, 1, 1)),
        ({"by": "second", "valid": 20, "test": 39.5}, (2, 3, 1)),
        ({"by": "zoned", "valid": "2024-02-01", "test": "2024-03-31T22:00+00:00"}, (2, 3, 1)),
        ({"by": "zoned", "valid": "2024-02-01", "test": "2024-03-31T00:00-09:00"}, (2, 3, 1)),
    ],
)
def test_global_time_takes_moments(moments, sizes):
    split = DAYS.split("global_time", **moments)
    assert tuple(part.n_interactions for part in split) == sizes


def test_rows_that_are_no_edges_keep_to_the_moment_given():
    frame = pd.DataFrame(
        {"user_id": [1, 1, 2, 2], "item_id": [1, 2, 1, 2], "timestamp": [1.0, 3, 4, 9], "good": [1, 0, 0, 1]}
    )
    split = Dataset.from_frame(frame, positive="good == 1").split("global_time", valid=0, test=3.5)
    assert [rows(part) for part in split] == [[1, 3], [], [4, 9]]


@pytest.mark.parametrize(
    ("moments", "message"),
    [
        (
            {"valid": "2024-04-01", "test": "2024-02-01"},
            "`valid` must begin before `test`, got valid='2024-04",
        ),
        ({"valid": "2024-04-01", "test": 0.4}, "`valid` must begin before `test`"),
        ({"test": "2025-01-01"}, "part 'test' must have edges, got no pair first seen from '2025-01-01' on"),
        ({"valid": "2024-03-02", "test": "2024-03-03"}, "part 'valid' must have edges"),
        ({"test": "2024-01-01"}, "must leave edges for train"),
        ({"by": "moment", "test": "2024-01-01"}, "must have a column 'moment'"),
        (
            {"test": "March"},
            "`test` must be a share or a date, as column 'timestamp' holds dates, got 'March'",
        ),
        ({"test": 1e9}, "a share or a date"),
        ({"test": pd.NaT}, "a share or a date"),
        ({"test": "2024-03-01T00:00Z"}, "with a zone only if the column has one"),
        (
            {"by": "second", "test": "2024-03-01"},
            "`test` must be a share or a number, as column 'second' holds",
        ),
        ({"by": "second", "test": float("inf")}, "must be a number > 1"),
        ({"test": True}, "`test` must be a number >= 0"),
    ],
)
def test_moments_that_are_refused(moments, message):
    with pytest.raises(InputError, match=message):
        DAYS.split("global_time", **moments)


def test_printing(dataset):
    assert repr(dataset.split("leave_last_out")) == "Split(train=4, valid=1, test=1)"


def test_a_pair_in_two_parts_is_an_error():
    frame = ROWS.assign(split=["train", "train", "valid", "", "train", "test", None, "test"])
    with pytest.raises(InputError, match=r"several for the pairs 1 \(\(1, 20\)\)"):
        Dataset.from_frame(frame).split("from_column")


def test_known_users_are_those_of_train():
    rows = pd.DataFrame(
        {"user_id": [1, 1, 2, 1, 2, 3, 3], "item_id": [1, 2, 1, 3, 2, 1, 2], "timestamp": range(7)}
    )
    split = Dataset.from_frame(rows).split("global_time", valid=0.28, test=0.28)
    assert split.test.user_counts.tolist() == [0, 0, 2]
    known = split.known_users()
    assert known.train is split.train and known.test.n_interactions == len(known.test.interactions) == 0
    assert known.valid.user_counts.tolist() == split.valid.user_counts.tolist() == [1, 1, 0]


def test_rows_of_strangers_may_be_left_out():
    dataset = Dataset.from_frame(pd.DataFrame({"user_id": [1, 2], "item_id": [1, 2]}))
    frame = pd.DataFrame({"user_id": [1, 1, 9], "item_id": [2, 9, 1]})
    for other in (frame, Dataset.from_frame(frame)):
        with pytest.raises(UnknownIdError):
            dataset.align(other)
        found = dataset.align(other, on_unknown="drop")
        assert found.indptr.tolist() == [0, 1, 1] and found.indices.tolist() == [1]
        assert len(found.interactions) == 1 and found.users is dataset.users


@pytest.mark.parametrize(
    "kind", ["int8", "uint8", "int16", "int32", "uint32", "Int32", "uint64", "float32", "float16"]
)
def test_splits_by_time_take_numbers_of_any_width(kind, dataset):
    rows = ROWS.assign(timestamp=ROWS["timestamp"].astype(kind))
    for method, options in (("leave_last_out", {}), ("global_time", {"valid": 0.2, "test": 0.0})):
        found, wanted = (
            each.split(method, **options)
            for each in (Dataset.from_frame(rows, positive="rating >= 4"), dataset)
        )
        assert [pairs(part) for part in found] == [pairs(part) for part in wanted]


def test_times_beyond_int64_are_refused():
    rows = ROWS.assign(timestamp=np.full(len(ROWS), 2**63, dtype=np.uint64))
    with pytest.raises(InputError, match=r"column 'timestamp' must hold numbers below 2\*\*63"):
        Dataset.from_frame(rows).split("leave_last_out")


@pytest.mark.parametrize("build", [pd.DataFrame, pl.DataFrame, pa.table])
def test_a_row_that_is_no_edge_may_be_without_a_time(build):
    columns = {"user_id": [1, 1, 1, 1, 2, 2], "item_id": [1, 2, 3, 4, 1, 2], "rating": [5, 5, 5, 1, 5, 1]}
    data = Dataset.from_frame(
        build({**columns, "at": [-3.0, -2.0, -1.0, np.nan, -3.0, np.nan]}), positive="rating >= 4"
    )
    last = data.split("leave_last_out", by="at")
    assert [len(part.interactions) for part in last] == [3, 1, 2]
    cut = data.split("global_time", by="at", valid=0.2, test=0.0)
    assert [len(part.interactions) for part in cut] == [3, 3, 0]


def test_truth_values_name_parts():
    rows = ROWS.assign(split=[False, False, False, False, False, True, False, False])
    split = Dataset.from_frame(rows).split("from_column", train=False, valid="none", test=True)
    assert [part.n_interactions for part in split] == [6, 0, 1]
    with pytest.raises(InputError, match="column 'split' must hold texts or numbers, got list"):
        Dataset.from_frame(rows.assign(split=[[1]] * len(rows))).split("from_column")


def test_moments_beyond_what_nanoseconds_can_tell():
    days = pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01"]).astype("datetime64[ns]")
    data = Dataset.from_frame(pd.DataFrame({"user_id": [1, 1, 2], "item_id": [1, 2, 3], "timestamp": days}))
    with pytest.raises(InputError, match="part 'test' must have edges, got no pair first seen from '2500"):
        data.split("global_time", valid=0.4, test="2500-01-01")
    with pytest.raises(InputError, match="must leave edges for train"):
        data.split("global_time", valid="1500-01-01", test="2024-03-01")
