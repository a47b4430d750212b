"""Tuning: validation decides, the model's own parameters come first, a seed repeats it."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import graphrec_lm as gl
from graphrec_lm.errors import InputError
from graphrec_lm.evaluation.trial_file import description
from graphrec_lm.text import PrecomputedEncoder
from tests.models.worlds import checkerboard

pytest.importorskip("optuna")

WORLD = checkerboard()
SPACE = {"neighbors": {"choices": [1, 2, 20]}, "shrink": {"uniform": [0.0, 5.0]}}


def tuned(model=None, space=SPACE, **how):
    given = {"trials": 4, "verbose": False} | how
    return gl.tune(model or gl.ItemKNN(neighbors=2, shrink=1.0), WORLD.train, WORLD.valid, space, **given)


def test_the_best_on_validation_is_kept():
    found = tuned(metric="recall", k=5)
    values = [trial["value"] for trial in found.trials]
    assert len(values) == 4 and found.value == max(values)
    assert found.trials[0]["params"] == {"neighbors": 2, "shrink": 1.0}
    assert found.params == found.trials[values.index(found.value)]["params"]
    assert {name: found.model.get_params()[name] for name in SPACE} == found.params
    fitted = gl.ItemKNN(**found.params).fit(WORLD.train, valid=WORLD.valid)
    assert found.value == fitted.evaluate(WORLD.valid, k=5, metrics=("recall",))["recall@5"]


def test_a_place_for_the_trials_is_looked_at_before_the_first(tmp_path, monkeypatch):
    (tmp_path / "rows.csv").write_text("user_id,item_id")
    monkeypatch.setattr(gl.ItemKNN, "fit", None)
    with pytest.raises(InputError, match=r"must lie in a folder that can be written, got .*rows\.csv above"):
        tuned(path=tmp_path / "rows.csv" / "trials.json")


def test_a_seed_repeats_it_and_the_model_stays_as_it_was():
    model = gl.ItemKNN()  # its own 100 neighbors are not in the space: the first point is drawn
    first, second = (tuned(model) for _ in range(2))
    assert [trial["params"] for trial in first.trials] == [trial["params"] for trial in second.trials]
    assert first.trials[0]["params"] != {"neighbors": 100, "shrink": model.shrink}
    assert model.get_params() == gl.ItemKNN().get_params()
    with pytest.raises(gl.NotFittedError):
        model.recommend()


def test_time_ends_it():
    model = gl.LightGCN(loss="infonce", dim=4, epochs=100_000, patience=100_000, verbose=False)
    found = tuned(model, {"layers": {"int": [1, 3]}}, trials=2, fit_seconds=0.05)
    assert len(found.trials) == 2 and len(found.model.history_) < 100_000
    assert len(tuned(seconds=0.0).trials) == 1


def test_refused_parameters_are_a_failed_trial():
    found = tuned(gl.ItemKNN(neighbors=-1), {"neighbors": {"choices": [-1, 2]}}, trials=6)
    assert found.trials[0]["value"] is None and "`neighbors` must be" in found.trials[0]["error"]
    assert found.params == {"neighbors": 2}
    with pytest.raises(InputError, match="a trial must end well"):
        tuned(space={"neighbors": {"choices": [-1, -2]}})


def test_a_trial_that_runs_out_of_memory_does_not_lose_the_others(monkeypatch, caplog):
    fit = gl.ItemKNN.fit

    def failing(model, *data, **how):
        if model.neighbors == 1:
            raise MemoryError("allocation failed")
        return fit(model, *data, **how)

    monkeypatch.setattr(gl.ItemKNN, "fit", failing)
    found = tuned(gl.ItemKNN(neighbors=1), {"neighbors": {"choices": (1, 2)}}, trials=6)
    assert found.params == {"neighbors": 2}
    assert found.trials[0]["error"] == "MemoryError('allocation failed')"
    assert "the trial of ItemKNN(neighbors=1" in caplog.text and "failed: MemoryError" in caplog.text


def test_what_was_stopped_goes_on_as_it_would_have(tmp_path, monkeypatch):
    whole, path = tuned(trials=6), tmp_path / "trials.json"
    fit, fits = gl.ItemKNN.fit, []

    def stopped_at_the_fourth(model, *data, **how):
        fits.append(model.get_params())
        if len(fits) == 4:
            raise KeyboardInterrupt
        return fit(model, *data, **how)

    monkeypatch.setattr(gl.ItemKNN, "fit", stopped_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        tuned(trials=6, path=path)
    found = tuned(trials=6, path=path)
    assert [trial["params"] for trial in found.trials] == [trial["params"] for trial in whole.trials]
    assert (found.params, found.value) == (whole.params, whole.value)
    fits.clear()
    again = tuned(trials=6, path=path)
    assert fits == [gl.ItemKNN(**whole.params).get_params()]  # the best one alone
    assert again.trials == found.trials
    assert again.model.evaluate(WORLD.valid, k=20)["ndcg@20"] == whole.value


def test_a_failure_that_was_of_the_moment_is_tried_again(tmp_path, monkeypatch):
    path, fit = tmp_path / "trials.json", gl.ItemKNN.fit

    def failing(model, *data, **how):
        if model.neighbors != 20:
            raise MemoryError
        return fit(model, *data, **how)

    space = {"neighbors": {"choices": [1, 2, 20]}}
    monkeypatch.setattr(gl.ItemKNN, "fit", failing)
    assert tuned(gl.ItemKNN(neighbors=1), space, trials=9, path=path).params == {"neighbors": 20}
    monkeypatch.undo()
    found = tuned(gl.ItemKNN(neighbors=1), space, trials=30, path=path)
    assert {trial["params"]["neighbors"] for trial in found.trials} == {1, 2, 20}
    for trial in found.trials:
        first = found.trials[trial.get("same_as", 0)]
        assert trial["value"] is not None
        assert "same_as" not in trial or (first["params"], first["value"]) == (
            trial["params"],
            trial["value"],
        )


def test_trials_of_something_else_are_refused_and_stay(tmp_path):
    path = tmp_path / "trials.json"
    tuned(trials=2, path=path)
    before = path.read_text()
    with pytest.raises(InputError, match="another space, metric in"):
        tuned(space={"neighbors": {"choices": [1, 2]}}, metric="recall", path=path)
    with pytest.raises(InputError, match="another params, train in"):
        gl.tune(gl.ItemKNN(), WORLD.test, WORLD.valid, SPACE, path=path)
    assert path.read_text() == before
    other = [gl.TitleCosine(PrecomputedEncoder(texts=["a"], embeddings=[[n]])) for n in (1.0, 2.0)]
    kept = [description(model, WORLD.train, WORLD.valid, SPACE)["params"] for model in other]
    assert kept[0] != kept[1]  # other vectors under one name
    ours = '{"format": "graphrec_lm trials 1", "tuning": [1], "trials": [1]}'
    for content in ("[1]", "{", '{"format": "another"}', ours, ours.replace("[1]", "{}", 1)):
        path.write_text(content)
        with pytest.raises(InputError, match="`path` must be new or a file of trials"):
            tuned(path=path)
        assert path.read_text() == content
    with pytest.raises(InputError, match="choices must be texts, numbers"):
        tuned(space={"neighbors": {"choices": [1, 2j]}}, path=path)


def test_no_point_is_fitted_twice(monkeypatch):
    fit, fits = gl.ItemKNN.fit, []

    def counted(model, *data, **how):
        fits.append(model.neighbors)
        return fit(model, *data, **how)

    monkeypatch.setattr(gl.ItemKNN, "fit", counted)
    found = tuned(gl.ItemKNN(neighbors=2), {"neighbors": {"choices": [2, 5, 20]}}, trials=50)
    assert sorted(fits) == [2, 5, 20]
    assert len(found.trials) < 50  # there are no more points
    again = [trial for trial in found.trials if "same_as" in trial]
    assert all(trial["value"] == found.trials[trial["same_as"]]["value"] for trial in again)


def test_seeds_propose_points_of_their_own():
    space = {"shrink": {"uniform": [0.0, 50.0]}}
    drawn = [
        {trial["params"]["shrink"] for trial in tuned(gl.ItemKNN(shrink=99.0), space, seed=seed).trials}
        for seed in (0, 1, 2)
    ]
    assert len(set.union(*drawn)) == sum(map(len, drawn))


def test_numbers_of_numpy_are_numbers(tmp_path):
    space = {"neighbors": {"int": [np.int64(1), np.int64(3)]}, "shrink": {"log": [np.float32(1), 2.0]}}
    found = tuned(space=space, trials=2, path=tmp_path / "trials.json")
    assert {type(value) for value in found.params.values()} == {int, float}


@pytest.mark.parametrize(
    ("valid", "message"),
    [
        (None, "`valid` must hold at least one positive interaction, got None"),
        (WORLD.train, "`valid` must hold no fitted interaction"),
        (WORLD.train.split("random", valid=0.0, test=0.0).valid, "`valid` must hold at least one positive"),
    ],
)
def test_a_wrong_validation_part_is_refused_before_any_fit(valid, message, monkeypatch):
    monkeypatch.setattr(gl.ItemKNN, "fit", None)
    with pytest.raises(InputError, match=message):
        gl.tune(gl.ItemKNN(), WORLD.train, valid, SPACE)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"model": gl.ItemKNN}, "`model` must be a model of this library"),
        ({"seed": -1}, "`seed` must be an integer >= 0"),
        ({"seconds": "5"}, "`seconds` must be a number"),
        ({"fit_seconds": 0}, "`fit_seconds` must be a number > 0"),
        ({"space": {}}, "`space` must be a mapping that names a parameter"),
        ({"space": [("neighbors", [5])]}, "`space` must be a mapping that names a parameter"),
        ({"space": {"shrink": {"uniform": [0, float("inf")]}}}, "must be two finite numbers"),
        ({"space": {"neighbours": {"int": [1, 2]}}}, "did you mean 'neighbors'|mean 'neighbors'"),
        ({"space": {"neighbors": {"int": [2, 1]}}}, "must be two integers, the lower first"),
        ({"trials": 0}, "`trials` must be"),
        ({"metric": "auc"}, "`metric` must be one of"),
    ],
)
def test_wrong_calls(how, message):
    with pytest.raises(InputError, match=message):
        tuned(**how)


def test_without_optuna_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match=r"graphrec_lm\[tune\]"):
        tuned()
