"""Bad questions to a fitted model: what was required, what was found, what to do."""

from __future__ import annotations

import pandas as pd
import pytest

from graphrec_lm.errors import InputError, UnknownIdError
from graphrec_lm.models import TitleCosine
from tests.data.messages import check
from tests.models.worlds import checkerboard, encoder

WORLD = checkerboard()
MODEL = TitleCosine(encoder()).fit(WORLD.train)
STRANGERS = [f"s{n}" for n in range(7)]


def recommend(**arguments):
    return lambda: MODEL.recommend(**{"users": ["u1"], **arguments})


def history(people, **arguments):
    return lambda: MODEL.recommend(history=people, **arguments)


def pairs(**columns):
    return pd.DataFrame(columns)


ASKED = {
    "an unknown user": (
        recommend(users=["u1", "ann"]),
        "every user id must be one of",
        "1 ('ann')",
        "users of",
    ),
    "many unknown users": (
        recommend(users=STRANGERS),
        "the 25 known",
        "7 ('s0', 's1', 's2', 's3', 's4', ..",
        "on_unknown='drop'",
    ),
    "users of another type": (
        recommend(users=[1, 2]),
        "every user id",
        "unknown 2 (1, 2)",
        "these are int: convert",
    ),
    "one user without a list": (recommend(users="u1"), "user ids must come as a list", "'u1'", "['u1']"),
    "a number for users": (recommend(users=5), "user ids must come as a list", "5", "[5]"),
    "a user that is null": (recommend(users=["u1", None]), "must have no null ids", "1 (1)", "Drop or fill"),
    "a frame for users": (
        recommend(users=pairs(user_id=["u1"])),
        "user ids must come as a list",
        "a DataFrame",
        "one of its columns",
    ),
    "k of zero": (recommend(k=0), "`k` must be an integer >= 1", "0", "in that range"),
    "a negative k": (recommend(k=-3), "`k` must be an integer >= 1", "-3", "in that range"),
    "half a k": (recommend(k=2.5), "`k` must be an integer >= 1", "2.5", "in that range"),
    "a k of text": (recommend(k="10"), "`k` must be an integer >= 1", "'10'", "in that range"),
    "a k of truth": (recommend(k=True), "`k` must be an integer >= 1", "True", "in that range"),
    "no k": (recommend(k=None), "`k` must be an integer >= 1", "None", "in that range"),
    "k of a batch": (lambda: MODEL.recommend_batch("never", k=0), "`k` must be", "0", "in that range"),
    "a policy of a batch": (
        lambda: MODEL.recommend_batch("never", on_unknown="skip"),
        "`on_unknown` must be one of",
        "'skip'",
        "raise",
    ),
    "users and history": (recommend(history=[[1]]), "either `users` or `history`", "both", "twice"),
    "a flat history": (
        history([1, 2]),
        "one list of item ids a person",
        "the bare id 1",
        "[[item, item, ...]]",
    ),
    "a history of text": (history("12"), "one list of item ids a person", "'12'", "[[item, item, ...]]"),
    "a history of texts": (history(["12"]), "one list of item ids a person", "the bare id '12'", "[[item"),
    "a Series of items as its index": (
        history([pd.Series([3, 1], index=pd.Index([1, 2], name="item_id"))]),
        "one list of item ids a person",
        "a Series of person 0 whose index holds them",
        "list(series.index)",
    ),
    "a mapping of users": (recommend(users={"u1": 1}), "user ids must come as a list", "a dict", "list(...)"),
    "an item for each user": (
        recommend(candidates={"u1": 1}),
        "candidates of 'u1' must come as a list",
        "1",
        "[1]",
    ),
    "lists for users without their ids": (
        recommend(candidates=[[1, 2], [3]]),
        "integers or strings",
        "list<",
        "as a mapping or a frame",
    ),
    "a split": (
        lambda: TitleCosine().fit(WORLD.train.split("random")),
        "must be a Dataset",
        "a Split",
        "split.train",
    ),
    "an unknown item in a history": (history([[1, 777]]), "every item id", "unknown 1 (777)", "items of"),
    "an unknown candidate": (recommend(candidates=[1, 777]), "every item id", "unknown 1 (777)", "items of"),
    "a candidate without a list": (recommend(candidates=3), "item ids must come as a list", "3", "[3]"),
    "an unknown exclusion": (recommend(exclude=[777]), "every item id", "unknown 1 (777)", "items of"),
    "pairs to exclude without items": (
        recommend(exclude=pairs(user_id=["u1"], item=[1])),
        "`exclude` must have columns user_id and item_id",
        "['user_id', 'item']",
        "plain list",
    ),
    "pairs to exclude of an unknown user": (
        recommend(exclude=pairs(user_id=["ann"], item_id=[1])),
        "every user id",
        "unknown 1 ('ann')",
        "users of",
    ),
    "pairs to exclude of nobody in the history": (
        history([[1]], exclude=pairs(user_id=[1], item_id=[1])),
        "every user id must be one of the 1 known",
        "unknown 1 (1)",
        "on_unknown='drop'",
    ),
    "pairs to exclude of users by name for a history": (
        history([[1]], exclude=pairs(user_id=["u1"], item_id=[1])),
        "every user id",
        "unknown 1 ('u1')",
        "convert",
    ),
    "another policy": (recommend(on_unknown="skip"), "`on_unknown` must be one of", "'skip'", "raise, drop"),
    "another policy for everyone": (
        recommend(users=None, on_unknown="x"),
        "`on_unknown` must be",
        "'x'",
        "drop",
    ),
    "an unknown item to compare": (lambda: MODEL.similar_items([3, 777]), "every item id", "777", "items of"),
    "items of another type": (lambda: MODEL.similar_items(["3"]), "every item id", "1 ('3')", "convert"),
    "one item without a list": (lambda: MODEL.similar_items(3), "must come as a list", "3", "[3]"),
    "no neighbours": (lambda: MODEL.similar_items([3], k=0), "`k` must be", "0", "in that range"),
    "an unknown user to predict": (lambda: MODEL.predict([("ann", 1)]), "every user id", "'ann'", "users of"),
    "an unknown item to predict": (lambda: MODEL.predict([("u1", 777)]), "every item id", "777", "items of"),
    "pairs that are none": (lambda: MODEL.predict(["u1", "u2"]), "(user_id, item_id) tuples", "'u1'", "[("),
    "pairs of three": (
        lambda: MODEL.predict([("u1", 1, 2)]),
        "(user_id, item_id) tuples",
        "('u1', 1, 2)",
        "[(",
    ),
    "pairs without items": (
        lambda: MODEL.predict(pairs(user_id=["u1"])),
        "`pairs` must have columns user_id and item_id",
        "['user_id']",
        "Rename",
    ),
    "a text for pairs": (lambda: MODEL.predict("u1"), "(user_id, item_id) tuples", "'u', '1'", "[("),
    "another metric": (
        lambda: MODEL.evaluate(WORLD.test, metrics=("ncdg",)),
        "metrics",
        "'ncdg'",
        "Did you mean 'ndcg'",
    ),
    "k of an evaluation": (lambda: MODEL.evaluate(WORLD.test, k=0), "`k` must be", "0", "in that range"),
    "a test of unknown users": (
        lambda: MODEL.evaluate(pairs(user_id=["ann"], item_id=[1])),
        "every user id",
        "'ann'",
        "users of",
    ),
    "a test that is a path": (lambda: MODEL.evaluate("test.csv"), "must be a dataframe", "str", "read"),
    "a test without positives": (
        lambda: MODEL.evaluate(pairs(user_id=["u1"], item_id=[1])[:0]),
        "`test` must hold at least one positive interaction",
        "0",
        "larger",
    ),
}


@pytest.mark.parametrize("name", ASKED)
def test_of_a_fitted_model(name):
    call, *words = ASKED[name]
    with pytest.raises(InputError) as error:
        call()
    check(error, words)
    assert isinstance(error.value, UnknownIdError) == ("unknown" in str(error.value.found))


def test_what_a_model_cannot_explain():
    with pytest.raises(NotImplementedError, match="see similar_items"):
        MODEL.explain("u1", 3)


def test_an_intent_needs_an_encoder_that_reads_it():
    with pytest.raises(InputError, match=r"must have a precomputed embedding, got 1 .* or give `model`"):
        MODEL.recommend(["u1"], intent="a northern thing")
