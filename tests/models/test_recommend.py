"""Properties of recommend, whatever is asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError, UnknownIdError
from graphrec_lm.models import EASE, Popularity, Random, TitleCosine
from tests.models.worlds import COLD_USER, N_ITEMS, N_USERS, checkerboard, encoder, untitled

WORLD = checkerboard()
TRAIN = WORLD.train
SEEN = {
    user: set(TRAIN.indices[slice(*TRAIN.indptr[code : code + 2])].tolist())
    for code, user in enumerate(TRAIN.users.ids)
}
MODELS = [model.fit(TRAIN) for model in (Popularity(), Random(), TitleCosine(encoder()))]
ITEM = st.integers(0, N_ITEMS)
ITEMS = st.lists(ITEM, max_size=25)
USERS = st.lists(
    st.sampled_from([*(f"u{user}" for user in range(N_USERS)), COLD_USER]), unique=True, max_size=6
)
OPTIONAL = {"candidates": st.none() | ITEMS, "filter_seen": st.booleans(), "k": st.integers(1, 30)}


def assert_lists(found: pd.DataFrame, people, seen, k, candidates, filter_seen, excluded) -> None:
    """Each person's list is as long as it can be, ranked, and free of what must not be in it."""
    for person in people:
        rows = found[found["user_id"] == person]
        allowed = set(range(N_ITEMS + 1)) if candidates is None else set(candidates)
        allowed -= set(excluded(person)) | (seen(person) if filter_seen else set())
        assert len(rows) == min(k, len(allowed))
        assert set(rows["item_id"]) <= allowed and rows["item_id"].is_unique
        assert rows["rank"].tolist() == list(range(1, len(rows) + 1))
        assert rows["score"].is_monotonic_decreasing and np.isfinite(rows["score"]).all()
    assert set(found["user_id"]) <= set(people)


@settings(max_examples=60)
@given(model=st.sampled_from(MODELS), users=USERS, exclude=st.none() | ITEMS, **OPTIONAL)
def test_for_users(model, users, exclude, k, candidates, filter_seen):
    found = model.recommend(users, k, filter_seen=filter_seen, candidates=candidates, exclude=exclude)
    assert_lists(found, users, SEEN.get, k, candidates, filter_seen, lambda person: exclude or ())


@settings(max_examples=60)
@given(model=st.sampled_from(MODELS), users=USERS, data=st.data(), **OPTIONAL)
def test_for_users_with_pairs_to_exclude(model, users, data, k, candidates, filter_seen):
    pairs = data.draw(st.lists(st.tuples(st.sampled_from(list(SEEN)), ITEM), max_size=30))
    frame = pd.DataFrame(pairs, columns=["user_id", "item_id"]).astype({"item_id": int})
    found = model.recommend(users, k, filter_seen=filter_seen, candidates=candidates, exclude=frame)
    excluded = frame.groupby("user_id")["item_id"].apply(list).to_dict() if pairs else {}
    assert_lists(found, users, SEEN.get, k, candidates, filter_seen, lambda person: excluded.get(person, ()))


@settings(max_examples=60)
@given(
    model=st.sampled_from(MODELS),
    users=USERS,
    data=st.data(),
    exclude=st.none() | ITEMS,
    k=st.integers(1, 30),
    filter_seen=st.booleans(),
)
def test_for_users_with_candidates_of_their_own(model, users, data, exclude, k, filter_seen):
    pairs = data.draw(st.lists(st.tuples(st.sampled_from(list(SEEN)), ITEM), max_size=40))
    frame = pd.DataFrame(pairs, columns=["user_id", "item_id"]).astype({"item_id": int})
    found = model.recommend(users, k, filter_seen=filter_seen, candidates=frame, exclude=exclude)
    for user in users:
        own = {item for person, item in pairs if person == user}
        rows = found[found["user_id"] == user]
        assert_lists(rows, [user], SEEN.get, k, own, filter_seen, lambda person: exclude or ())
        alone = model.recommend([user], k, filter_seen=filter_seen, candidates=sorted(own), exclude=exclude)
        assert rows["item_id"].tolist() == alone["item_id"].tolist()
    lists = {user: iter(rows["item_id"]) for user, rows in frame.groupby("user_id")}
    again = model.recommend(users, k, filter_seen=filter_seen, candidates=lists, exclude=exclude)
    pd.testing.assert_frame_equal(again, found)


def test_a_mapping_says_what_each_may_not_see():
    model = MODELS[2]
    lists = {"u1": [2, 4], "u2": {7}}
    frame = pd.DataFrame({"user_id": ["u1", "u1", "u2"], "item_id": [2, 4, 7]})
    expected = model.recommend(["u1", "u2"], k=21, exclude=frame)
    pd.testing.assert_frame_equal(model.recommend(["u1", "u2"], k=21, exclude=lists), expected)
    assert not set(expected.loc[expected["user_id"] == "u1", "item_id"]) & {2, 4}


def test_wishes_among_candidates_of_ones_own():
    model = TitleCosine(encoder()).fit(TRAIN)
    frame = pd.DataFrame({"user_id": ["u0"] * 4, "item_id": [3, 4, 13, 14]})
    found = model.recommend(["u0"], intent="south 13", alpha=1.0, candidates=frame, filter_seen=False)
    expected = model.recommend(
        ["u0"], intent="south 13", alpha=1.0, candidates=[3, 4, 13, 14], filter_seen=False
    )
    assert found["item_id"].tolist() == expected["item_id"].tolist() and found["item_id"][0] == 13


def test_a_batch_takes_what_recommend_takes(tmp_path):
    model, users = Popularity().fit(TRAIN), ["u3", COLD_USER]
    frame = pd.DataFrame({"user_id": ["u3", "u3", COLD_USER], "item_id": [1, 2, 5]})
    for how in ({"candidates": frame}, {"exclude": frame}, {"candidates": [1, 2, 14]}):
        model.recommend_batch(tmp_path / "b", k=3, users=users, **how)
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "b"), model.recommend(users, k=3, **how))


def test_a_batch_is_silent_if_asked(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("graphrec_lm.progress.SECONDS_BETWEEN_LINES", 0)
    model = Popularity().fit(TRAIN)
    with caplog.at_level("INFO", logger="graphrec_lm"):
        model.recommend_batch(tmp_path / "b", verbose=False)
        assert not caplog.records
        model.recommend_batch(tmp_path / "b")
    assert "recommend: " in caplog.text


def test_predictions_for_strangers():
    model = Popularity().fit(TRAIN)
    found = model.predict([("u0", 1), ("zoe", 1), ("u0", 999)], on_unknown="nan")
    assert found[0] == TRAIN.item_counts[1] and np.isnan(found[1:]).all()
    renamed = Dataset.from_frame(
        pd.DataFrame({"who": [1, 2], "what": [1, 2]}), columns={"who": "user_id", "what": "item_id"}
    )
    frame = pd.DataFrame({"who": [1, 2], "what": [2, 2]})
    np.testing.assert_array_equal(Popularity().fit(renamed).predict(frame), [1, 1])
    with pytest.raises(InputError, match="`on_unknown` must be one of"):
        model.predict([("u0", 1)], on_unknown="drop")


@settings(max_examples=60)
@given(model=st.sampled_from(MODELS), history=st.lists(ITEMS, max_size=5), data=st.data(), **OPTIONAL)
def test_for_histories(model, history, data, k, candidates, filter_seen):
    pairs = [(n, item) for n in range(len(history)) for item in data.draw(ITEMS)]
    exclude = pd.DataFrame(pairs, columns=["user_id", "item_id"]) if pairs else None
    options = dict(filter_seen=filter_seen, candidates=candidates, exclude=exclude)
    found = model.recommend(k=k, history=history, **options)
    excluded = {n: [item for person, item in pairs if person == n] for n in range(len(history))}
    assert_lists(
        found,
        range(len(history)),
        lambda person: set(history[person]),
        k,
        candidates,
        filter_seen,
        excluded.get,
    )


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_unknown_ids_are_dropped_if_asked(model):
    drop = {"on_unknown": "drop", "k": 4}
    pd.testing.assert_frame_equal(
        model.recommend(["u1", "stranger", "u2"], **drop), model.recommend(["u1", "u2"], k=4)
    )
    pd.testing.assert_frame_equal(
        model.recommend(history=[[1, 999], []], **drop), model.recommend(history=[[1], []], k=4)
    )
    pd.testing.assert_frame_equal(
        model.recommend(["u1"], candidates=[1, 2, 999], exclude=[2, 998], **drop),
        model.recommend(["u1"], candidates=[1], k=4),
    )
    frame = pd.DataFrame({"user_id": ["u1", "stranger", "u1"], "item_id": [2, 2, 999]})
    pd.testing.assert_frame_equal(
        model.recommend(["u1"], exclude=frame, **drop), model.recommend(["u1"], exclude=[2], k=4)
    )


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_a_history_of_nothing_known_is_empty_if_asked(model, caplog):
    found = model.recommend(history=[[1], [998, 999]], k=4, on_unknown="drop")
    pd.testing.assert_frame_equal(found, model.recommend(history=[[1], []], k=4))
    assert "no item of these histories is known, so they count as empty: 1 (1)" in caplog.text
    with pytest.raises(UnknownIdError, match=r"Use items of the Dataset, or pass on_unknown='drop'"):
        model.recommend(history=[[1], [998, 999]])


def test_an_empty_frame_has_the_types_of_a_full_one():
    model = MODELS[2]
    full = model.recommend(["u1"], k=2)
    for empty in (model.recommend(["u1"], candidates=[]), model.recommend([])):
        pd.testing.assert_series_equal(empty.dtypes, full.dtypes)


def test_pairs_to_predict_come_in_any_sequence():
    model, users, items = MODELS[2], ["u1", "u2"], [3, 4]
    expected = model.predict(pd.DataFrame({"user_id": users, "item_id": items}))
    pairs = list(zip(users, items, strict=True))
    for asked in (pairs, iter(pairs), tuple(pairs), [list(pair) for pair in pairs]):
        np.testing.assert_array_equal(model.predict(asked), expected)


def test_vectors_are_read_only_so_that_no_copy_of_a_model_changes():
    for rows in (MODELS[2].item_vectors_, MODELS[2].user_vectors_, EASE().fit(WORLD.train).item_weights_):
        with pytest.raises(ValueError, match="read-only"):
            rows[0] = 0


def test_ids_may_come_in_any_sequence():
    model, expected = MODELS[2], MODELS[2].recommend(["u1", "u2"], k=3)
    for users in (("u1", "u2"), np.array(["u1", "u2"]), pd.Series(["u1", "u2"]), pd.Index(["u1", "u2"])):
        pd.testing.assert_frame_equal(model.recommend(users, k=3), expected)
    pd.testing.assert_frame_equal(model.recommend(iter(["u1", "u2"]), k=np.int64(3)), expected)


def test_popularity_counts_users():
    counts = dict(enumerate(TRAIN.item_counts.tolist()))
    found = MODELS[0].recommend([COLD_USER], k=21)
    assert found["score"].tolist() == [counts[item] for item in found["item_id"]]
    assert found["item_id"].tolist() == sorted(counts, key=lambda item: (-counts[item], item))


def test_random_follows_its_seed():
    one, two = (Random(seed=seed).fit(TRAIN).recommend(k=5) for seed in (0, 1))
    assert not one.equals(two) and one.equals(MODELS[1].recommend(k=5))


def test_without_titles_there_is_no_title_column():
    model = Popularity().fit(untitled())
    assert list(model.recommend(k=1)) == ["user_id", "item_id", "rank", "score"]


def test_a_batch_without_any_row_has_its_types(tmp_path):
    everything = pd.DataFrame({"user_id": ["a", "a", "b", "b"], "item_id": ["x", "y", "x", "y"]})
    Popularity().fit(Dataset.from_frame(everything)).recommend_batch(tmp_path / "all.parquet")
    table = pq.read_table(tmp_path / "all.parquet")
    assert table.num_rows == 0
    assert [str(kind) for kind in table.schema.types] == ["string", "string", "int64", "float"]


def test_several_threads_may_ask_at_once():
    model, histories = (
        TitleCosine(encoder()).fit(TRAIN),
        [[n % N_ITEMS, (n * 7 + 1) % N_ITEMS] for n in range(60)],
    )

    def ask(history):
        return model.recommend(history=[history], k=5)

    with ThreadPoolExecutor(4) as pool:
        for found, history in zip(pool.map(ask, histories), histories, strict=True):
            pd.testing.assert_frame_equal(found, ask(history))
