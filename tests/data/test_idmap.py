"""IdMap: a bijection between ids and codes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrec_lm.data import IdMap
from graphrec_lm.errors import InputError, UnknownIdError

texts = st.text(min_size=1).filter(lambda t: t.strip() != "" and t.isprintable())
integers = st.integers(min_value=-(2**63), max_value=2**63 - 1)
nearby = st.sampled_from((-(2**63), 0, 7, 2**63 - 40)).flatmap(
    lambda base: st.lists(st.integers(base, base + 39))
)
distinct_ids = st.one_of(st.lists(integers, unique=True), st.lists(texts, unique=True, min_size=1))


@given(distinct_ids)
def test_ids_and_codes_are_inverse(ids):
    idmap = IdMap(ids)
    codes = idmap.codes(ids)
    assert codes.dtype == np.int32
    assert codes.tolist() == list(range(len(ids)))
    assert idmap.ids[codes].tolist() == ids


@given(st.one_of(nearby, st.lists(integers)), st.one_of(nearby, st.lists(integers)))
def test_unknown_ids_are_marked(known, asked):
    idmap = IdMap.from_values(np.array(known, dtype=np.int64))
    codes = idmap.codes(np.array(asked, dtype=np.int64), on_unknown="mark")
    for id_, code in zip(asked, codes.tolist(), strict=True):
        assert (code == -1) == (id_ not in known)
        assert code == -1 or idmap.ids[code] == id_


@given(st.one_of(st.lists(texts, min_size=1), nearby), st.randoms())
def test_from_values_is_sorted_and_ignores_order(values, rng):
    shuffled = list(values)
    rng.shuffle(shuffled)
    assert IdMap.from_values(values).ids.tolist() == sorted(set(values))
    assert IdMap.from_values(values) == IdMap.from_values(shuffled)


@pytest.mark.parametrize(
    "make",
    [list, tuple, np.array, pd.Series, pl.Series, pa.array, lambda v: pa.chunked_array([v[:1], v[1:]]),
     lambda v: pd.Series(v, dtype="category"), lambda v: np.array(v, dtype=object)],
)  # fmt: skip
@pytest.mark.parametrize("ids", [[5, 2, 9], ["b", "a", "c"]])
def test_every_kind_of_column_gives_the_same_codes(make, ids):
    assert IdMap(make(ids)) == IdMap(ids)
    assert IdMap(ids).codes(make(ids[::-1])).tolist() == [2, 1, 0]


def test_narrow_integers_are_widened():
    assert IdMap(np.array([3, 1], dtype=np.uint8)).ids.dtype == np.int64


def test_it_is_frozen_and_keeps_the_callers_array_writable():
    ids = np.array([3, 1])
    idmap = IdMap(ids)
    ids[0] = 7
    assert idmap.ids.tolist() == [3, 1]
    with pytest.raises(ValueError, match="read-only"):
        idmap.ids[0] = 1
    with pytest.raises(AttributeError):
        idmap.ids = ids


def test_empty_query_and_length():
    idmap = IdMap(["a", "b"])
    assert len(idmap) == 2
    assert idmap.codes([]).shape == (0,)
    assert repr(idmap) == "IdMap(2 str ids: 'a', 'b')"


def test_equality():
    assert IdMap([1, 2]) != IdMap([2, 1])
    assert IdMap([1, 2]) != IdMap(["1", "2"])
    assert IdMap([1, 2]) != [1, 2]


def test_unknown_ids_are_named_with_their_count():
    with pytest.raises(
        UnknownIdError,
        match=r"every user id must be one of the 2 known, got unknown 6 \(3, 4, 5, 6, 7, ...\)",
    ):
        IdMap([1, 2]).codes([1, 3, 4, 5, 6, 7, 8, 8], what="user")


def test_ids_of_another_type_say_so():
    with pytest.raises(UnknownIdError, match=r"The known ids are int, these are str: convert them\."):
        IdMap([1, 2]).codes(["1"])


@pytest.mark.parametrize(("known", "asked"), [([1, 2], ["1", "9"]), (["1", "2"], [1, 9])])
def test_ids_of_another_type_are_an_error_under_any_policy(known, asked):
    for policy in ("raise", "mark"):
        with pytest.raises(
            UnknownIdError, match=r"got unknown 2 \('?1'?, '?9'?\)\. The known ids are .*: conv"
        ):
            IdMap(known).codes(asked, on_unknown=policy)
    for nothing in ([], np.array([], dtype=object), pa.array([], pa.string()), pd.Series([], dtype=int)):
        assert IdMap(known).codes(nothing, on_unknown="mark").shape == (0,)
    assert IdMap([]).codes(["1"], on_unknown="mark").tolist() == [-1]


def test_misspelt_policy():
    with pytest.raises(InputError, match="Did you mean 'mark'"):
        IdMap([1, 2]).codes([1], on_unknown="marc")
