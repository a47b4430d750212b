"""Every click model: learns, is repeatable, saves and loads, takes raw, enriched and text features alone."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_is_fitted

from graphrec_lm.ctr import FM, MODELS, BoostedTrees, DeepFM, Field, Fields, load
from graphrec_lm.errors import InputError
from tests.ctr.worlds import COMMON, FIELDS, Words, rows, text

TRAIN, VALID, TEST = rows(), rows(300, 1), rows(400, 2)
NAMES = sorted(MODELS)


def fitted(name: str, **options: object):
    return MODELS[name](FIELDS, **COMMON | options).fit(TRAIN, valid=VALID)


@pytest.mark.parametrize("name", NAMES)
def test_enriched_learns_is_repeatable_and_survives_saving(name: str, tmp_path):
    model = fitted(name, text=text(), epochs=6, iterations=20) if name == "BoostedTrees" else None
    model = model or fitted(name, text=text(), epochs=6)
    figures = model.evaluate(TEST)
    assert figures["auc"] > 0.65
    assert figures["log_loss"] < 0.68
    model.save(tmp_path / "model")
    assert not list((tmp_path / "model").glob("*.p*"))
    loaded = load(tmp_path / "model")
    assert type(loaded) is type(model)
    np.testing.assert_array_equal(loaded.predict_proba(TEST), model.predict_proba(TEST))
    again = clone(model).fit(TRAIN, valid=VALID)
    np.testing.assert_array_equal(again.predict_proba(TEST), model.predict_proba(TEST))


@pytest.mark.parametrize(
    ("name", "new"), [("DeepFM", {"dim": 3, "seed": 9}), ("AutoInt", {"heads": 4}), ("MLP", {"hidden": (5,)})]
)
def test_new_parameters_wait_for_the_next_fit(name: str, new: dict, tmp_path):
    model = fitted(name, epochs=1, label="rating", label_threshold=4)
    expected = model.predict_proba(TEST)
    model._network = None  # as after loading
    model.set_params(**new, label="gone", label_threshold=None)
    np.testing.assert_array_equal(model.predict_proba(TEST), expected)
    assert model.evaluate(TEST).rule == "rating >= 4"
    model.save(tmp_path / "m")
    np.testing.assert_array_equal(load(tmp_path / "m").predict_proba(TEST), expected)


def test_prediction_leaves_the_network_as_it_was():
    model = fitted("DeepFM", epochs=1, dropout=0.5)
    assert model.unseen_ == {}
    first = model.predict_proba(TEST)
    assert not model._network.training
    np.testing.assert_array_equal(model.predict_proba(TEST), first)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["raw", "text alone"])
def test_raw_features_and_text_alone(name: str, how: str):
    options = {"text": None} if how == "raw" else {"text": text(), "raw": False, "statistics": False}
    if name == "BoostedTrees":
        options["iterations"] = 10
    p = fitted(name, epochs=1, **options).predict_proba(TEST)
    assert p.shape == (len(TEST), 2)
    np.testing.assert_allclose(p.sum(1), 1)
    assert 0 < p.min() < p.max() < 1


@pytest.mark.parametrize("name", ["DeepFM", "AutoInt", "xDeepFM", "AFM", "DCNv2", "BoostedTrees"])
def test_parameters_are_scikit_learns(name: str):
    model = MODELS[name](FIELDS, dropout=0.1)
    assert model.get_params()["dropout"] == 0.1
    assert clone(model).get_params() == model.get_params()
    assert repr(MODELS[name](dim=4)) == f"{name}(dim=4)"


def test_boosted_trees_are_scikit_learns():
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.ensemble import HistGradientBoostingClassifier

    from graphrec_lm.ctr.networks.boosting import _matrix

    model = BoostedTrees(FIELDS, iterations=15, **COMMON).fit(TRAIN)
    state = model._state.features
    labels = (TRAIN["rating"] >= 4).to_numpy()
    import pyarrow as pa

    from graphrec_lm.ctr.features import Features

    x = _matrix(
        state, Features.fit(pa.Table.from_pandas(TRAIN), labels.astype(np.float32), FIELDS, seed=0)[1]
    )
    trees = HistGradientBoostingClassifier(max_iter=15, learning_rate=0.05, random_state=0)
    trees.set_params(early_stopping=True)
    expected = CalibratedClassifierCV(trees, method="sigmoid", cv=5, ensemble=False).fit(x, labels)
    z = _matrix(state, state.transform(pa.Table.from_pandas(TEST)))
    np.testing.assert_allclose(model.predict_proba(TEST), expected.predict_proba(z), atol=1e-6)


def test_early_stopping_keeps_the_best_weights():
    model = fitted("DeepFM", epochs=12, patience=2, evaluations=2)
    losses = [record["valid_log_loss"] for record in model.history_]
    assert model.evaluate(VALID)["log_loss"] == pytest.approx(min(losses), abs=1e-9)
    assert len(losses) < 24


def test_the_last_rows_are_validated():
    """41 steps, and validations after 21 and 41: none of the rows is trained on in vain."""
    how = COMMON | {"epochs": 1, "evaluations": 2, "batch_size": 10}
    model = FM(FIELDS, **how).fit(TRAIN[:410], valid=VALID)
    assert [record["epoch"] for record in model.history_] == [21 / 41, 1.0]


def test_trees_are_not_calibrated_on_one_class():
    trees = BoostedTrees(FIELDS, **COMMON | {"iterations": 20})
    alone = trees.fit(TRAIN, valid=VALID[VALID["rating"] >= 4]).predict_proba(TEST)
    np.testing.assert_array_equal(alone, trees.fit(TRAIN).predict_proba(TEST))
    assert alone.std() > 0.1


def test_categories_of_polars_are_as_those_of_pandas():
    import polars as pl

    def categorical(frame: pd.DataFrame) -> pl.DataFrame:
        found = pl.from_pandas(frame.astype({"user_id": str}))
        return found.with_columns(pl.col("user_id", "job").cast(pl.Categorical))

    plain = TRAIN.astype({"user_id": str}), TEST.astype({"user_id": str})
    model = FM(FIELDS, text=text(user="{job} of {age}"), **COMMON).fit(plain[0])
    other = FM(FIELDS, text=text(user="{job} of {age}"), **COMMON).fit(categorical(TRAIN))
    np.testing.assert_allclose(
        other.predict_proba(categorical(TEST)), model.predict_proba(plain[1]), atol=1e-6
    )
    assert other.evaluate(categorical(TEST))["gauc"] == pytest.approx(model.evaluate(plain[1])["gauc"])


def test_ids_beyond_the_type_of_a_small_frame_are_unknown():
    large = TRAIN.assign(user_id=TRAIN["user_id"].astype("uint64") + np.uint64(2**63 - 20))
    model = FM(FIELDS, **COMMON).fit(large)
    small = TEST[:5].assign(user_id=np.arange(5))  # pandas reads small ids as int64
    stranger = TEST[:5].assign(user_id=np.arange(5).astype("uint64"))
    np.testing.assert_array_equal(model.predict_proba(small), model.predict_proba(stranger))
    negative = FM(FIELDS, **COMMON).fit(TRAIN.assign(user_id=-TRAIN["user_id"]))
    assert np.isfinite(negative.predict_proba(large[:5])).all()
    near = TEST[:40].assign(user_id=2**63 - 1)  # the largest int64 is one of the fitted ids
    known = TEST[:40].assign(user_id=np.uint64(2**63 - 1))
    np.testing.assert_array_equal(model.predict_proba(near), model.predict_proba(known))


def test_a_column_that_was_empty_at_first_may_be_filled_later(caplog):
    fields = Fields(user=[Field("job", "category"), Field("tags", "list")], item=["genres"])
    model = FM(fields, **COMMON).fit(TRAIN.assign(job=None, tags=None))
    empty = model.predict_proba(TEST.assign(job=None, tags=None))
    filled = model.predict_proba(TEST.assign(tags="a|b"))
    np.testing.assert_array_equal(filled, empty)


def test_text_helps_where_only_sentences_know_the_genre():
    fields = type(FIELDS)(user_id="user_id", item_id=None)
    low, high = (
        DeepFM(fields, **COMMON | {"epochs": 10, "text": t}).fit(TRAIN, valid=VALID).evaluate(TEST)["auc"]
        for t in (None, text(item="{title} {genres|join}", user=[]))
    )
    assert high > low + 0.05


def test_scikit_learns_tools_take_a_model():
    model, here = DeepFM(FIELDS, **COMMON | {"label_threshold": None}), rows(600)
    y = (here["rating"] >= 4).to_numpy().astype(int)
    found = cross_val_predict(model, here, y, cv=2, method="predict_proba")
    assert found.shape == (600, 2) and ((found[:, 1] > 0.5) == y).mean() > 0.6
    assert (cross_val_score(model, here, y, cv=2) > 0.6).all()  # of predict and score
    fitted = DeepFM(FIELDS, **COMMON).fit(here)
    assert fitted.score(here) == (fitted.predict(here) == y).mean()


def test_scikit_learns_pipelines_take_a_model():
    here = rows(400)
    y = (here["rating"] >= 4).to_numpy().astype(int)
    model = FM(FIELDS, **COMMON | {"epochs": 1})
    with pytest.raises(NotFittedError):
        check_is_fitted(model)
    pipeline = make_pipeline(FunctionTransformer(), model)
    with pytest.raises(NotFittedError):
        pipeline.predict_proba(here)
    found = pipeline.fit(here, y).predict_proba(here)
    check_is_fitted(model)
    np.testing.assert_array_equal(found, model.predict_proba(here))
    assert np.isfinite(cross_val_score(pipeline, here, y, cv=2, scoring="neg_log_loss")).all()
    search = GridSearchCV(pipeline, {"fm__dim": [2, 4]}, cv=2, error_score="raise").fit(here, y)
    assert search.best_estimator_.predict_proba(here).shape == (400, 2)


class OneAtATime(Words):
    """A language model that breaks when two threads ask it at once."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Lock()

    def encode(self, texts):
        assert self.free.acquire(blocking=False)
        time.sleep(0.02)
        self.free.release()
        return super().encode(texts)


def test_one_model_predicts_in_several_threads(tmp_path, caplog):
    caplog.set_level(logging.INFO, "graphrec_lm")
    fitted("DeepFM", epochs=1, dropout=0.5, text=text()).save(tmp_path / "m")
    parts = [TEST[20 * n : 20 * n + 20].assign(user_id=900 + n, title=f"New film {n}") for n in range(8)]
    expected = [load(tmp_path / "m", encoder=Words()).predict_proba(part) for part in parts]
    model, together = load(tmp_path / "m", encoder=OneAtATime()), threading.Barrier(8)

    def predict(part: pd.DataFrame) -> np.ndarray:
        together.wait()  # the first predictions, at once
        return model.predict_proba(part)

    with ThreadPoolExecutor(8) as threads:
        np.testing.assert_array_equal(list(threads.map(predict, parts)), expected)


def test_predictions_in_the_midst_of_another_do_not_disturb_it(caplog):
    model, calls = fitted("FM", epochs=1), []

    def another(record: logging.LogRecord) -> bool:
        if not calls:
            calls.append(record)
            with ThreadPoolExecutor(1) as thread:
                thread.submit(model.predict_proba, TEST.assign(job="pilot", genres="Western")).result()
        return True

    logger = logging.getLogger("graphrec_lm")
    caplog.set_level(logging.INFO, "graphrec_lm")
    logger.addFilter(another)
    try:
        model.predict_proba(TEST.assign(user_id=999))
    finally:
        logger.removeFilter(another)
    assert len(calls) == 1 and model.unseen_ == {"user_id": len(TEST)}


def test_prediction_never_changes_the_mode_of_the_network(monkeypatch):
    model = fitted("DeepFM", epochs=1, dropout=0.5)
    expected, network = model.predict_proba(TEST), model._network
    assert not any(module.training for module in network.modules())
    monkeypatch.setattr(type(network), "train", None)  # another thread would see it change
    np.testing.assert_array_equal(model.predict_proba(TEST), expected)


def test_labels_of_held_out_rows_may_come_apart():
    def split(frame):
        return frame.drop(columns="rating"), (frame["rating"] >= 4).to_numpy().astype(int)

    def losses(model):
        return [(record["loss"], record["valid_log_loss"]) for record in model.history_]

    by_column = DeepFM(FIELDS, **COMMON).fit(TRAIN, valid=VALID)
    apart = DeepFM(FIELDS, **COMMON).fit(*split(TRAIN), valid=split(VALID))  # the threshold is the column's
    assert losses(apart) == losses(by_column)
    assert apart.score(*split(VALID)) == by_column.score(VALID)
    with pytest.raises(InputError, match="the label 'y' must be 0 or 1, got"):
        by_column.score(VALID, VALID["rating"])
    with pytest.raises(InputError, match=r"`y` must have one label a row \(.*\), got shape"):
        by_column.score(VALID, VALID[["rating", "age"]])


def test_held_out_rows_of_one_class_are_noticed(caplog):
    DeepFM(FIELDS, **COMMON).fit(TRAIN, valid=VALID[VALID["rating"] >= 4])
    assert "all labels of `valid` are 1" in caplog.text
    assert "Hold out rows of both classes" in caplog.text


def test_a_model_of_ones_own_comes_back_by_its_class(tmp_path):
    class Mine(FM):
        pass

    model = Mine(FIELDS, **COMMON).fit(rows(300))
    model.save(tmp_path / "m")
    loaded = Mine.load(tmp_path / "m")
    assert type(loaded) is Mine
    np.testing.assert_array_equal(loaded.predict_proba(rows(20)), model.predict_proba(rows(20)))
    with pytest.raises(InputError, match=r"of a known class, got 'Mine'"):
        load(tmp_path / "m")


def test_rows_without_a_user_are_a_group():
    here, held = rows(300).astype({"user_id": str}), rows(100, seed=1).astype({"user_id": str})
    held.loc[:4, "user_id"] = None
    assert 0 < DeepFM(FIELDS, **COMMON).fit(here).evaluate(held)["gauc"] <= 1


def test_what_no_training_row_has_counts_nothing():
    here = rows(400)
    here = here[here["timestamp"] < here["timestamp"].median()]  # months and people that come later
    model = FM(FIELDS, statistics=False, **COMMON).fit(here)
    table, features = model._state.arrays["front.table"], model._state.features
    codes = features.transform(pa.Table.from_pandas(here)).codes
    unmet = np.bincount(codes.ravel(), minlength=len(table)) == 0
    assert unmet.sum() > 5 and not table[unmet].any() and table[1:][~unmet[1:]].any(axis=1).all()


@pytest.mark.parametrize(("model", "warns"), [(DeepFM, True), (BoostedTrees, False)])
def test_only_what_has_epochs_warns_that_it_trains_them_all(model, warns, caplog):
    model(FIELDS, **COMMON | {"epochs": 2}).fit(TRAIN)
    assert ("without `valid` all 2 epochs are trained" in caplog.text) == warns
