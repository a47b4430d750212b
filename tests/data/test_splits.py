"""Splits: exact tables, the documented rules, reproducibility."""

from __future__ import annotations

import numpy as np
import pandas as pd
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
    assert rows(split.train) == [1, 2, 9, 8, 7, 6]
    assert split.train.interactions.positive.tolist() == [True, True, True, True, False, True]


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
    assert split.train.weights.tolist() == [10.0, 4.0, 5.0, 6.0]
    assert split.test.weights.tolist() == [1.0]


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
