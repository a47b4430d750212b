"""The tuner: defaults first, validation alone, the same trials after an interruption."""

from __future__ import annotations

import pytest

pytest.importorskip("optuna")

from comparing import domains, tuning

import graphrec_lm as gl

SPACE = {"learning_rate": {"log": [1e-3, 1e-1]}, "tau": {"choices": [0.1, 0.15]}, "layers": {"int": [0, 2]}}
START = {"learning_rate": 1e-2, "tau": 0.15, "layers": 1}


def task(**changes):
    params = {"loss": "infonce", "dim": 4, "negatives": 4, "epochs": 1, "batch_size": 64, "verbose": False}
    usual = {
        "model": "LightGCN",
        "params": params,
        "encoder": None,
        "seed": 0,
        "space": SPACE,
        "start": START,
    }
    return {**usual, "count": 4, "seconds": 60, "fit_seconds": 30, "trials": [], **changes}


def blind(data) -> domains.Domain:
    """The toy without its test part: whoever looks at it fails."""
    domain = domains.read(data / "toy", {"method": "from_column"})
    return domain._replace(split=gl.Split(domain.split.train, domain.split.valid, None))


def tuned(data, **changes) -> list[dict]:
    emitted: list[dict] = []
    tuning.tune(task(**changes), blind(data), emitted.append)
    return [record for record in emitted if "begin" not in record]


def test_trials_see_validation_only_and_begin_with_the_defaults(data):
    trials = tuned(data)
    assert [trial["number"] for trial in trials] == [0, 1, 2, 3]
    assert trials[0]["params"] == START
    domain = domains.read(data / "toy", {"method": "from_column"})
    model = gl.LightGCN(**task()["params"], **START).fit(domain.split.train, valid=domain.split.valid)
    assert trials[0]["value"] == model.history_[0]["valid_ndcg@20"]


def test_an_interrupted_tuning_proposes_what_it_would_have_proposed(data):
    whole = tuned(data)
    rest = tuned(data, trials=whole[:2])
    assert [trial["params"] for trial in rest] == [trial["params"] for trial in whole[2:]]


def test_the_budget_of_seconds_ends_it(data):
    spent = {"number": 0, "params": START, "state": "done", "value": 0.5, "seconds": 61.0}
    assert tuned(data, trials=[spent]) == []


def test_a_refused_trial_fails_and_the_next_one_runs(data):
    space = SPACE | {"layers": {"choices": [-1, 0]}}
    first, second = tuned(data, space=space, start=START | {"layers": -1}, count=2)
    assert first["state"] == "failed"
    assert "`layers`" in first["error"]
    assert second["number"] == 1
    good = {"number": 1, "state": "done", "value": 0.1}
    assert tuning.best_trial([first, good]) is good
    assert tuning.best_trial([first]) is None


def test_a_configuration_is_fitted_once(data):
    only = {"tau": {"choices": [0.15]}}
    first, second = tuned(data, space=only, start={"tau": 0.15}, count=2)
    assert second["same_as"] == 0
    assert (second["value"], second["seconds"]) == (first["value"], 0.0)
    assert tuning.best_trial([first, second]) is first


def test_a_closed_form_is_scored_by_evaluating_validation(data):
    space, start = {"regularization": {"log": [1.0, 100.0]}}, {"regularization": 10.0}
    trial = tuned(data, model="EASE", params={}, space=space, start=start, count=1)[0]
    domain = domains.read(data / "toy", {"method": "from_column"})
    model = gl.EASE(regularization=10.0).fit(domain.split.train, valid=domain.split.valid)
    assert trial["value"] == model.evaluate(domain.split.valid)["ndcg@20"]
