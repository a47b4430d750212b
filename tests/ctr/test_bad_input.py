"""What click models refuse, and what they say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphrec_lm.ctr import (
    AFM,
    GMF,
    AutoInt,
    BoostedTrees,
    DeepFM,
    Field,
    Fields,
    GraphFeatures,
    TextFeatures,
    load,
)
from graphrec_lm.errors import InputError, NotFittedError
from tests.ctr.worlds import COMMON, FIELDS, rows, text

ROWS = rows(400)


def fit(data: pd.DataFrame = ROWS, fields: Fields = FIELDS, **options: object) -> DeepFM:
    return DeepFM(fields, **COMMON | {"epochs": 1} | options).fit(data)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(text=text(item="{titel} is a film.")), r"'titel'. Did you mean 'title'\?"),
        (dict(label_threshold=9), "must be of both classes, got 0 in all 400 rows"),
        (dict(label_threshold=None), "without `label_threshold` the label 'rating' must be 0 or 1, got"),
        (dict(label="stars"), "the rows must have the label, got no 'stars'"),
        (dict(fields=Fields(user=["aeg"])), r"got no 'aeg'. Did you mean 'age'"),
        (dict(fields=None), "`fields` must be Fields, got NoneType"),
        (dict(raw=False), "a model must have features"),
        (dict(dropout=1.5), "`dropout` must be a number >= 0 and <= 0.99"),
        (dict(hidden=(0,)), "`hidden` must be an integer >= 1"),
        (dict(graph=GraphFeatures()), "`model` must be a fitted model of this library"),
        (dict(device="cuda"), "`device` must be one of"),
        (dict(hidden=64), "`hidden` must be widths of layers"),
        (dict(text="all-MiniLM-L6-v2"), "`text` must be TextFeatures, got str"),
        (dict(graph=object()), "`graph` must be GraphFeatures, got object"),
        (dict(fields=Fields(context=["rating"])), "the label must not be a feature, got 'rating'"),
        (dict(text=text(context="rated {rating}")), "the label must not be a feature, got 'rating'"),
        (dict(fields=Fields(user=[Field("job", "number")])), "'job' must hold numbers, got type"),
    ],
)
def test_fit_refuses(options: dict, message: str):
    with pytest.raises(InputError, match=message):
        fit(**options)


def test_ids_that_are_not_there_can_be_left_out():
    with pytest.raises(InputError, match=r"no 'user_id'. Pass Fields\(..., user_id=None\) to do without"):
        fit(ROWS.drop(columns="user_id"))


def test_nan_in_a_number_names_column_and_row():
    data = ROWS.assign(age=ROWS["age"].astype(float))
    data.loc[7, "age"] = np.nan
    with pytest.raises(InputError, match=r"'age' must be finite, got NaN, .* in 1 rows, the first 7"):
        fit(data)


@pytest.mark.parametrize("values", [pd.Timestamp("2020-01-01"), b"tall"])
def test_a_category_that_no_file_could_name(values):
    with pytest.raises(InputError, match="the values of 'size' must be text, numbers or yes/no, got type"):
        fit(ROWS.assign(size=values), Fields(user=[Field("size", "category")]))


def test_a_field_of_records():
    with pytest.raises(InputError, match="a field must hold values or lists of values, got type struct"):
        fit(ROWS.assign(size=[{"width": 1}] * len(ROWS)), Fields(user=["size"]))


def test_a_list_is_separated_by_something():
    with pytest.raises(InputError, match="`separator` must be"):
        Field("genres", "list", separator="")


def test_a_time_that_is_missing_everywhere_is_unknown():
    model = fit()
    late = model.predict_proba(ROWS[:3].assign(timestamp=None))
    np.testing.assert_array_equal(late, model.predict_proba(ROWS[:3].assign(timestamp=np.nan)))


def test_a_failed_fit_leaves_the_model_as_it_was():
    model = fit()
    before = model.predict_proba(ROWS)
    with pytest.raises(InputError):
        model.fit(ROWS.assign(rating=1))
    np.testing.assert_array_equal(model.predict_proba(ROWS), before)


@pytest.mark.parametrize(
    ("column", "values"),
    [("job", 3), ("user_id", "ann"), ("genres", 1.5), ("age", "old"), ("user_id", 1.5), ("job", b"cook")],
)
def test_a_column_of_another_type_at_predict(column: str, values: object):
    model = fit()
    with pytest.raises(InputError, match=rf"'{column}' must hold the type it was fitted with"):
        model.predict_proba(ROWS.assign(**{column: values}))


def test_unseen_values_are_unknown_and_counted():
    model = fit(text=text())
    new = ROWS[:10].assign(user_id=999, job="pilot", genres="Western")
    p = model.predict_proba(new)
    assert model.unseen_ == {"user_id": 10, "job": 10, "genres": 10}
    assert np.isfinite(p).all()
    missing = model.predict_proba(ROWS[:10].assign(job=None).astype({"job": "string"}))
    assert model.unseen_ == {}
    assert np.isfinite(missing).all()
    nothing = model.predict_proba(ROWS[:10].assign(job=None, genres=None))
    assert model.unseen_ == {} and np.isfinite(nothing).all()


def test_unknown_people_count_where_only_tastes_know_them():
    model = fit(text=text(user=[]), raw=False, statistics=False)
    model.predict_proba(ROWS[:10].assign(user_id=999))
    assert model.unseen_ == {"user_id": 10}


def test_integers_of_any_width_are_the_same_ids():
    model = fit()
    expected = model.predict_proba(ROWS[:20])
    narrow = ROWS[:20].astype({"user_id": "int8", "item_id": "uint8", "year": "int16"})
    np.testing.assert_array_equal(model.predict_proba(narrow), expected)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (AFM(Fields(user_id=None, item_id="item_id")), "at least two fields, got 1"),
        (GMF(Fields(user_id=None, item_id="item_id")), "a field of user and item, got no user's"),
        (AutoInt(FIELDS, dim=9), "`dim` must be a multiple of `heads`"),
        (AutoInt(Fields(item=["title"], user_id=None, item_id=None)), "there must be a field to attend to"),
        (BoostedTrees(Fields(item=["title"], user_id=None, item_id=None)), "trees need a column"),
    ],
)
def test_models_say_what_they_need(model, message: str):
    model.set_params(label="rating", label_threshold=4, verbose=False)
    with pytest.raises(InputError, match=message):
        model.fit(ROWS)


def test_trees_need_rows_of_either_label_to_calibrate():
    few = pd.concat([ROWS[ROWS["rating"] < 4], ROWS[ROWS["rating"] >= 4][:3]])
    with pytest.raises(InputError, match="calibration needs 5 rows of either label, got 3"):
        BoostedTrees(FIELDS, label="rating", label_threshold=4, verbose=False).fit(few)


def test_text_parameters():
    for options in (dict(style="poem"), dict(components=0), dict(ridge=0), dict(shuffle="letters")):
        with pytest.raises(InputError):
            TextFeatures(**options)


def test_not_fitted_and_not_a_frame():
    with pytest.raises(NotFittedError):
        DeepFM(FIELDS).predict_proba(ROWS)
    with pytest.raises(InputError, match="`rows` must be a dataframe"):
        fit([1, 2])
    with pytest.raises(InputError, match="`rows` must hold rows"):
        fit(ROWS[:0])


def test_damaged_folders(tmp_path):
    with pytest.raises(InputError, match="must hold a whole saved click model"):
        load(tmp_path / "nothing")
    fit().save(tmp_path / "m")
    tensors = tmp_path / "m" / "model.safetensors"
    content = bytearray(tensors.read_bytes())
    content[-1] ^= 1
    tensors.write_bytes(bytes(content))
    with pytest.raises(InputError, match="must be the file that was saved"):
        load(tmp_path / "m")
    with pytest.raises(InputError, match="must hold"):
        (tmp_path / "m" / "config.json").write_text("{}")
        load(tmp_path / "m")
