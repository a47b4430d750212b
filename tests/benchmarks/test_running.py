"""Running a plan: everything once, in a useful order, and on from where it was stopped."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("optuna")

from comparing import domains
from comparing.process import TaskFailed
from comparing.store import Store

import graphrec_lm as gl

ORDER = [("row", "Popularity", 0), ("row", "TitleCosine [minilm]", 0), ("tune", "MF", 0), ("row", "MF", 0)]
ORDER += [("row", "random titles", 0), ("row", "MF", 1)]


def named(comparison, name: str):
    return next(entry for entry in comparison.entries if entry.name == name)


def test_everything_runs_once_first_seeds_first(make, inside):
    make().run()
    assert inside == ORDER
    comparison = make()
    comparison.run()
    assert inside == ORDER  # nothing is left
    assert len(comparison.rows.records) == 5
    assert len(comparison.trials.records) == 3
    log = (comparison.results / "test_log.jsonl").read_text().splitlines()
    assert [json.loads(line)["entry"] for line in log] == [name for kind, name, _ in ORDER if kind == "row"]


def test_a_row_holds_what_evaluate_says_and_more(make, inside):
    comparison = make(only="toy/MF/1")
    comparison.run()
    row = comparison.finished(named(comparison, "MF"))[0]
    split = domains.read(comparison.data / "toy", {"method": "from_column"}).split
    model = gl.MF(**row["params"], seed=1).fit(split.train, valid=split.valid)
    result = model.evaluate(split.test, k=5)
    assert {name: row[name] for name in result} == pytest.approx(dict(result))
    with np.load(comparison.per_user(named(comparison, "MF"), 1, row["key"])) as kept:
        assert kept["ndcg@5"] == pytest.approx(result.per_user["ndcg@5"], abs=1e-6)
    assert row["weights"] == 8 * (split.train.n_users + split.train.n_items)
    assert row["strata"]["short"]["users"] == row["users"] == 24
    assert "long" not in row["strata"]  # all histories are equally long here
    assert [record["epoch"] for record in row["history"]] == [1, 2]
    assert row["valid_ndcg@20"] == max(record["valid_ndcg@20"] for record in model.history_)
    assert row["peak_mib"] > 50
    assert 0 < row["coverage"] <= 1


@pytest.mark.parametrize("records", [1, 2, 5, 6])
def test_a_stopped_run_goes_on_and_ends_with_the_same_rows(make, inside, monkeypatch, records):
    whole = make()
    whole.run()
    wanted = [{k: row[k] for k in ("entry", "seed", "params", "ndcg@5")} for row in whole.rows.records]
    for store in (whole.trials, whole.rows):
        store.path.unlink()
    inside.clear()
    put, left = Store.put, [records]

    def stopping_put(store, record):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        put(store, record)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Store, "put", stopping_put)
        make().run()
    resumed = make()
    done = {("row", row["entry"], row["seed"]) for row in resumed.rows.records}
    inside.clear()
    resumed.run()
    assert not done & set(inside)
    found = [{k: row[k] for k in ("entry", "seed", "params", "ndcg@5")} for row in resumed.rows.records]
    assert sorted(found, key=str) == sorted(wanted, key=str)
    assert len(resumed.trials.records) == 3


def test_a_changed_plan_runs_what_it_changes(make, inside):
    make().run()
    inside.clear()
    make(("dim: 8", "dim: 4"), ("resamples: 200", "resamples: 300")).run()
    assert inside == [("tune", "MF", 0), ("row", "MF", 0), ("row", "MF", 1)]


def test_again_runs_a_row_again_with_the_chosen_parameters(make, inside):
    make().run()
    inside.clear()
    make(only="toy/MF/0", again=True).run()
    assert inside == [("row", "MF", 0)]


def test_a_variant_alone_brings_the_tuning_of_what_it_varies(make, inside):
    change = ('like: "TitleCosine [minilm]", encoder: random 8', "like: MF, params: {dim: 4}")
    comparison = make(change, only="toy/random titles")
    comparison.run()
    assert inside == [("tune", "MF", 0), ("row", "random titles", 0), ("row", "random titles", 1)]
    row = comparison.finished(named(comparison, "random titles"))[0]
    best = max(comparison.trials.records, key=lambda trial: trial["value"])
    assert row["params"]["dim"] == 4
    assert row["params"]["learning_rate"] == best["params"]["learning_rate"]


def test_nothing_begins_after_the_hours(make, inside):
    make(hours=0.0).run()
    assert inside == []


def test_a_killed_process_costs_its_trial_and_a_failed_row_is_tried_again(make, inside, monkeypatch):
    from comparing import running

    real, deaths = running.run_task, []

    def dying(task, receive, **options):
        if task["kind"] == "tune" and len(deaths) < 1:
            receive({"begin": {"learning_rate": 0.05, "tau": 0.1}})
            deaths.append(1)
            raise TaskFailed("killed after 1 s without a result")
        if task["entry"] == "Popularity":
            raise TaskFailed("exit status -9: ")
        real(task, receive, **options)

    with monkeypatch.context() as patch:
        patch.setattr(running, "run_task", dying)
        comparison = make()
        comparison.run()
    states = [trial["state"] for trial in comparison.trials_of(named(comparison, "MF"))]
    assert states == ["killed", "done", "done"]
    assert comparison.failure(named(comparison, "Popularity")) == "exit status -9: "
    inside.clear()
    make().run()
    assert inside == [("row", "Popularity", 0)]


def test_when_no_trial_ends_well_the_report_can_say_why(make, inside, monkeypatch):
    def dying(task, receive, **options):
        receive({"begin": {"learning_rate": 0.05, "tau": 0.1}})
        raise TaskFailed("exit status 1: No module named 'implicit'")

    monkeypatch.setattr("comparing.running.run_task", dying)
    comparison = make(only="toy/MF/0")
    comparison.run()
    assert len(comparison.trials.records) == 3
    reason = comparison.failure(named(comparison, "MF"))
    assert reason == "no trial of MF ended well (exit status 1: No module named 'implicit')"
