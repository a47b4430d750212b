"""Suggestions: each goal names a model that can be fitted, with a reason."""

from __future__ import annotations

import pandas as pd
import pytest

from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError
from graphrec_lm.models import EASE, SLIM, Blend, ItemKNN, LightGCN, TextRidge, WhiteGCN
from graphrec_lm.models.suggest import suggest_model


def dataset(n=2000, titles=True, items=40):
    users, touched = [i // 10 for i in range(n)], [(i * 7) % items for i in range(n)]
    rows = pd.DataFrame({"user_id": users, "item_id": touched})
    table = pd.DataFrame({"item_id": range(items), "title": [f"title {i}" for i in range(items)]})
    return Dataset.from_frame(rows, table if titles else table[["item_id"]])


def test_a_frame_is_no_dataset():
    with pytest.raises(
        InputError, match=r"must be a Dataset, got DataFrame. Make one with Dataset.from_frame"
    ):
        suggest_model(pd.DataFrame({"user_id": [1], "item_id": [2]}))


@pytest.mark.parametrize(
    ("goal", "model"),
    [
        ("accuracy", Blend),
        ("speed", TextRidge),
        ("no training", WhiteGCN),
        ("cold items", TextRidge),
        ("new domains", WhiteGCN),
        ("streaming", WhiteGCN),
    ],
)
def test_goals(goal, model):
    found = suggest_model(dataset(), goal=goal)
    assert type(found.model) is model and found.reason.endswith(".")


def test_what_does_not_fit_in_memory_is_sparse():
    found = suggest_model(dataset(), goal="accuracy", memory_gib=1e-6)
    assert isinstance(found.model, TextRidge) and found.model.solver == "sparse"


def test_little_data_is_not_worth_learning_from():
    assert isinstance(suggest_model(dataset(200)).model, WhiteGCN)
    assert isinstance(suggest_model(dataset(200), goal="cold items").model, TextRidge)


def test_without_titles():
    assert isinstance(suggest_model(dataset(titles=False)).model, EASE)
    assert isinstance(suggest_model(dataset(titles=False), memory_gib=1e-6).model, LightGCN)
    assert isinstance(suggest_model(dataset(titles=False), goal="no training").model, ItemKNN)
    assert isinstance(suggest_model(dataset(titles=False), goal="speed", memory_gib=1e-6).model, SLIM)
    assert suggest_model(dataset(titles=False), memory_gib=1e-6).model.epochs < 100
    with pytest.raises(InputError, match="goal='cold items' must be given titles"):
        suggest_model(dataset(titles=False), goal="cold items")


@pytest.mark.parametrize("bad", [{"goal": "fame"}, {"memory_gib": 0}])
def test_bad_wishes_are_refused(bad):
    with pytest.raises(InputError, match="must be"):
        suggest_model(dataset(), **bad)
