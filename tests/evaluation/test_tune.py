"""Tuning: validation decides, the model's own parameters come first, a seed repeats it."""

from __future__ import annotations

import sys

import pytest

import graphrec_lm as gl
from graphrec_lm.errors import InputError
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
    assert "trial 0 failed" in caplog.text


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"space": {}}, "`space` must name a parameter"),
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
