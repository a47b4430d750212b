"""The plan: what it becomes, and how it says what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphrec_lm.errors import InputError
from graphrec_lm.models import MODELS
from tests.benchmarks.conftest import ROOT


def test_entries_of_a_plan(make):
    entries = {entry.name: entry for entry in make().entries}
    assert list(entries) == ["Popularity", "TitleCosine [minilm]", "MF", "Coming", "random titles"]
    assert entries["Coming"].skipped == "not in this version"
    mf = entries["MF"]
    shared = {"epochs": 2, "verbose": False, "batch_size": 64, "valid_every": 1}
    assert mf.params == shared | {"loss": "infonce", "dim": 8, "negatives": 4}
    assert mf.start == {"learning_rate": 1e-3, "tau": 0.15}
    assert (mf.seeds, entries["Popularity"].seeds) == ((0, 1), (0,))
    variant = entries["random titles"]
    assert (variant.like, variant.encoder) == ("TitleCosine [minilm]", "random 8")


def test_a_dataset_s_own_parameters_and_missing_vectors(make):
    changes = ("params: {loss: infonce,", "per_data: {toy: {batch_size: 7}}\n    params: {loss: infonce,")
    entries = {
        e.name: e for e in make(changes, ("[minilm]\n    seeds", "[minilm, mpnet]\n    seeds")).entries
    }
    assert entries["MF"].params["batch_size"] == 7
    assert entries["TitleCosine [mpnet]"].skipped == "no titles.mpnet.f16.npy in toy"


def test_a_model_s_own_seeds_and_longer_fits(make):
    own = "MF:\n    seeds: [3]\n    final_seconds: {toy: 99}"
    random = ("encoder: random 8,", "encoder: random 8, seeds: [1, 2],")
    made = make(("MF:", own), random)
    entries = {entry.name: entry for entry in made.entries}
    assert (entries["MF"].seeds, entries["MF"].final_seconds) == ((3,), 99.0)
    assert (entries["Popularity"].final_seconds, entries["random titles"].seeds) == (30.0, (1, 2))
    keys = {entry.name: entry.key(made.plan, {}) for entry in make().entries}
    assert entries["MF"].key(made.plan, {}) != keys["MF"]


def test_a_range_of_a_dataset_is_that_of_every_model_that_tunes_it(make):
    own = "params: {batch_size: 64, valid_every: 1}"
    narrower = {"learning_rate": {"log": [1e-3, 8e-3]}}
    entries = {entry.name: entry for entry in make((own, f"{own}\n    space: {narrower}")).entries}
    assert entries["MF"].space == {
        "learning_rate": {"log": [1e-3, 8e-3]},
        "tau": {"choices": [0.1, 0.15]},
    }
    assert entries["Popularity"].space == {}


def test_a_first_value_of_a_dataset_is_that_of_every_model_that_tunes_it(make):
    own = "params: {batch_size: 64, valid_every: 1}"
    usual, changed = (
        {entry.name: entry.start for entry in plan.entries}
        for plan in (make(), make((own, f"{own}\n    start: {{tau: 0.1}}")))
    )
    assert usual["MF"]["tau"] != 0.1
    assert changed == usual | {"MF": usual["MF"] | {"tau": 0.1}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("seeds: [0, 1]", "seeds: [0, 1]\n    space: {tau: 1}"), "data.toy.space.tau"),
        (("seeds: [0, 1]", "seeds: [0, 1]\n    space: {tuu: {int: [1, 2]}}"), "Did you mean 'tau'"),
        (("seeds: [0, 1]", "seeds: [0, 1]\n    start: {tuu: 1}"), "Did you mean 'tau'"),
        (("resamples: 200", "resample: 200"), "Did you mean 'resamples'"),
        (("seeds: [0, 1]", "seeds: []"), "data.toy.seeds"),
        (("trials: 3", "trials: 0"), "data.toy.budget.trials"),
        (
            ("{log: [1e-3, 1e-1]}", "{log: [1e-1, 1e-3]}"),
            r"space.learning_rate`.log must be two finite numbers above 0",
        ),
        (("{log: [1e-3, 1e-1]}", "{lag: [1, 2]}"), "Did you mean 'log'"),
        (("{log: [1e-3, 1e-1]}", "[1, 2]"), "must be a mapping with one key"),
        (("{choices: [0.1, 0.15]}", "{choices: [[1], [2]]}"), "single values"),
        (
            ("{choices: [0.1, 0.15]}", "{choices: [0.1, 0.2]}"),
            r"first trial of `models.MF` must lie in its space",
        ),
        (("dim: 8", "dims: 8"), "Did you mean 'dim'"),
        (("dim: 8", "tau: 0.1"), r"\['tau'\] in both"),
        (("MF:", "MF:\n    final_seconds: {tuy: 9}"), "Did you mean 'toy'"),
        (("batch_size: 64", "batch_sice: 64"), "data.toy.params.*Did you mean 'batch_size'"),
        (("dim: 8", "seed: 8"), "must leave 'seed' to the comparison"),
        (("reference: MF", "reference: 3"), "`convergence`"),
        (("  MF:", "  M/F:"), "must have no slash"),
        (("Coming: {}", "Coming: 3"), "`models.Coming` must be a mapping"),
        (("data: [toy]", "data: [toys]"), "Did you mean 'toy'"),
        (('like: "TitleCosine [minilm]"', "like: Titel"), "variants.random titles.like"),
        (("remarks: [Nothing", "remarks: !!python/name:os.system [Nothing"), "tags are not allowed"),
    ],
)
def test_what_is_wrong_is_named(make, change, message):
    with pytest.raises(InputError, match=message):
        make(change)


def test_keys_follow_what_they_depend_on(make):
    before = {e.name: e.key(make().plan) for e in make().entries}
    plan = make(("trials: 3", "trials: 9"))
    assert {e.name: e.key(plan.plan) for e in plan.entries} == before
    other = make(("dim: 8", "dim: 9"))
    changed = [e.name for e in other.entries if e.key(other.plan) != before[e.name]]
    assert changed == ["MF"]
    mf = next(e for e in other.entries if e.name == "MF")
    assert mf.key(other.plan, {"tau": 0.1}) != mf.key(other.plan, {"tau": 0.2})


def test_the_plan_of_the_repository_fits_this_version(data: Path):
    from comparing.entries import entries_of
    from comparing.plan import read_plan

    plan = read_plan(ROOT / "benchmarks" / "plans" / "compare.yaml")
    entries = entries_of(plan, data)
    known = {entry.model for entry in entries if entry.skipped != "not in this version"}
    assert known >= set(MODELS) - {"Random"}
    assert any(entry.like == "AlphaRec [minilm]" for entry in entries)
