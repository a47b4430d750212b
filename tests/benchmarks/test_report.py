"""The report from rows that are made up: its words follow the numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from comparing.report import write_report

from graphrec_lm.files import atomic_file

MACHINE = {"cpu": "abacus", "cores": 2}
FACTS = {"users": 200, "items": 50, "train": 900, "valid": 200, "test": 200, "split_hash": "cafe"}


def made_up(comparison, means: dict[str, float], cut: tuple[str, ...] = ()) -> None:
    """Rows with these NDCGs, as if they had been run."""
    noise = np.random.default_rng(0).normal(0, 0.02, 200)
    for entry in comparison.entries:
        if entry.skipped:
            continue
        if entry.space:
            trial = {"data": entry.data, "entry": entry.name, "key": entry.key(comparison.plan), "value": 0.2}
            for number in range(3):
                state = {"state": "done", "params": entry.start, "seconds": 2.0}
                comparison.trials.put({**trial, "number": number, **state})
        for seed in entry.seeds:
            _row(comparison, entry, seed, means[entry.name] + 1e-3 * seed + noise, entry.name in cut)


def _row(comparison, entry, seed, values, limited) -> None:
    chosen = comparison.chosen(entry)
    key, trained = entry.key(comparison.plan, chosen), entry.model == "MF"
    accuracy = {"recall@5": values.mean(), "ndcg@5": values.mean(), "hit_rate@5": 0.5}
    strata = {
        name: {"users": 100, **accuracy, "ndcg@5": values.mean() * (0.1 if name == "tail" and trained else 1)}
        for name in ("head", "mid", "tail", "short", "long")
    }
    history = [{"epoch": e, "seconds": 2.0 * e, "valid_ndcg@20": 0.02 * e} for e in range(1, 11)]
    row = {"data": entry.data, "entry": entry.name, "seed": seed, "key": key, "encoder": entry.encoder}
    row |= {"params": {}, "uses_text": entry.encoder is not None, "trained": trained, "valid_ndcg@20": 0.2}
    row |= {"users": 200, **accuracy, "strata": strata, "coverage": 0.5, "gini": 0.6, "mean_popularity": 7.0}
    row |= {"fit_seconds": 20.0 if trained else 0.5, "recommend_seconds": 0.1, "peak_mib": 100.0}
    row |= {"weights": 10, "epochs": 10 * trained, "best_epoch": 10 * trained, "limited": limited}
    row |= {"chosen_by_itself": None, "statistics": FACTS, "environment": MACHINE}
    comparison.rows.put(row | {"history": history if trained else []})
    with atomic_file(comparison.per_user(entry, seed, key)) as temporary, temporary.open("wb") as file:
        np.savez(file, users=np.arange(200), **{"ndcg@5": values.astype(np.float32)})


def draw_again(comparison, deviation: float) -> None:
    """Per-user values of one mean for all entries."""
    rng = np.random.default_rng(5)
    for entry in comparison.entries:
        for row in comparison.finished(entry):
            path = comparison.per_user(entry, row["seed"], row["key"])
            np.savez(path, **{"ndcg@5": rng.normal(0.3, deviation, 200).astype(np.float32)})


def fail(comparison, error: str) -> None:
    """As if the first row of MF had ended so."""
    comparison.rows.put({**comparison.rows.where(data="toy", entry="MF")[0], "error": error})


def written(comparison) -> str:
    """Both pages."""
    return write_report(comparison) + (comparison.results / "compare.details.md").read_text()


MEANS = {"Popularity": 0.1, "TitleCosine [minilm]": 0.3, "MF": 0.2, "random titles": 0.05}


def test_a_simple_method_that_wins(make):
    comparison = make()
    made_up(comparison, MEANS, cut=("MF",))
    assert write_report(comparison) == (comparison.results / "compare.md").read_text()
    page = written(comparison)
    assert "TitleCosine [minilm] has the highest NDCG@5" in page
    assert "ahead of all others by more than chance explains" in page
    assert "**The simple method wins.**" in page
    assert "It is above every trained model in every stratum." in page
    assert "The time limit ended the training of MF" in page
    assert "Coming: not in this version" in page
    assert "Nothing else is in scope." in page
    assert "3 trials, 6 s" in page
    assert "### Controls and ablations of TitleCosine [minilm]" in page
    assert "random vectors" in page
    best = next(line for line in page.splitlines() if line.startswith("| TitleCosine [minilm]"))
    assert best.count("**") == 6  # three metrics in bold


def test_training_that_pays(make):
    comparison = make()
    made_up(comparison, MEANS | {"MF": 0.4})
    page = write_report(comparison)
    assert "Training pays here." in page
    assert "not for head items (MF " in page
    assert "above every trained model for tail items" in page
    assert "Without reading a title" not in page  # no trained model reads titles here


def test_differences_within_chance_are_called_so(make):
    comparison = make()
    made_up(comparison, MEANS | {"MF": 0.298})
    rng = np.random.default_rng(5)
    for entry in comparison.entries:
        if entry.name == "MF":
            for row in comparison.finished(entry):
                path = comparison.per_user(entry, row["seed"], row["key"])
                np.savez(path, **{"ndcg@5": rng.normal(0.298, 0.3, 200).astype(np.float32)})
    page = write_report(comparison)
    assert "after correction it cannot be told from MF" in page
    assert "though chance could explain it" in page


def test_convergence_is_read_from_the_histories(make):
    comparison = make()
    made_up(comparison, MEANS)
    page = written(comparison)
    # 90 % of .2 is .18: epoch 9, 18 seconds
    assert "validation NDCG@20 is .1800" in page
    row = next(line for line in page.splitlines() if line.startswith("| MF ") and line.count("|") == 5)
    assert [cell.strip() for cell in row.split("|")[1:5]] == ["MF", "9", "18.0", ".2000"]


def test_numbers_and_pictures_lie_beside(make):
    comparison = make()
    made_up(comparison, MEANS)
    write_report(comparison)
    numbers = json.loads((comparison.results / "compare.json").read_text())
    assert len(numbers["differences"]["toy"]) == 3
    assert {line["entry"] for line in numbers["lines"]} == set(MEANS)
    pictures = {path.name for path in comparison.results.glob("*.png")}
    assert pictures == {f"compare.toy.{what}.png" for what in ("time", "differences", "learning", "strata")}


def test_without_per_user_values_nothing_is_said_of_chance(make):
    comparison = make()
    made_up(comparison, MEANS)
    for path in comparison.scratch.rglob("*.npz"):
        path.unlink()
    page = write_report(comparison)
    assert "nothing is said about chance" in page
    assert "not tested" in page


def test_without_per_user_values_pairs_of_the_last_report_stand(make):
    comparison = make()
    made_up(comparison, MEANS)
    page = write_report(comparison)
    for path in comparison.scratch.rglob("*.npz"):
        path.unlink()
    assert write_report(comparison) == page
    fail(comparison, "gone")
    assert "not tested" in write_report(comparison)


def test_pairs_that_were_tested_on_fewer_seeds_stand_and_are_called_so(make):
    comparison = make()
    made_up(comparison, MEANS)
    row = comparison.rows.where(data="toy", entry="MF")[0]
    fail(comparison, "later")
    before = differences_of(comparison)
    for path in comparison.scratch.rglob("*.npz"):
        path.unlink()
    comparison.rows.put(row)
    page = write_report(comparison)
    assert "of fewer seeds than the means: MF (1 of 2)." in page
    assert write_report(comparison) == page
    assert differences_of(comparison) == before


def test_seeds_that_are_missing_are_named_with_the_reason(make):
    comparison = make()
    made_up(comparison, MEANS)
    fail(comparison, "killed")
    assert "Fewer seeds than planned: MF: killed." in write_report(comparison)


def test_when_nothing_can_be_told_apart_it_is_said_first(make):
    comparison = make()
    made_up(comparison, MEANS)
    draw_again(comparison, 0.3)
    assert "**toy**: nothing can be told apart with 200 users; TitleCosine" in write_report(comparison)


def test_a_report_of_nothing(make):
    page = write_report(make())
    assert "**toy**: no final row is finished. Without a row: Popularity" in page


def test_pairs_of_the_last_report_are_corrected_with_the_new_ones(make):
    comparison = make()
    made_up(comparison, MEANS)
    draw_again(comparison, 0.05)
    before = differences_of(comparison)
    gone = next(entry for entry in comparison.entries if entry.name == "Popularity")
    for row in comparison.finished(gone):
        comparison.per_user(gone, row["seed"], row["key"]).unlink()
    after = differences_of(comparison)
    assert {pair: values["adjusted"] for pair, values in after.items()} == {
        pair: values["adjusted"] for pair, values in before.items()
    }
    assert any(values["adjusted"] > values["p_value"] for values in after.values())


def test_a_pair_without_a_test_counts_in_the_correction(make):
    comparison = make()
    made_up(comparison, MEANS)
    gone = next(entry for entry in comparison.entries if entry.name == "Popularity")
    for row in comparison.finished(gone):
        comparison.per_user(gone, row["seed"], row["key"]).unlink()
    (pair,) = differences_of(comparison).values()
    assert pair["adjusted"] == pytest.approx(3 * pair["p_value"])


def test_no_pair_but_those_with_the_best_can_be_told_apart(make):
    comparison = make()
    made_up(comparison, MEANS)
    rng = np.random.default_rng(5)
    near = {"TitleCosine [minilm]": (0.3, 0.4), "Popularity": (0.28, 0.01), "MF": (0.26, 0.01)}
    for entry in comparison.entries:
        for row in comparison.finished(entry) if entry.name in near else ():
            values = rng.normal(*near[entry.name], 200).astype(np.float32)
            np.savez(comparison.per_user(entry, row["seed"], row["key"]), **{"ndcg@5": values})
    page = write_report(comparison)
    assert "it cannot be told from any other with 200 users" in page
    assert "nothing can be told apart" not in page


def differences_of(comparison) -> dict[frozenset[str], dict[str, float]]:
    """The pairs of a new report."""
    write_report(comparison)
    pairs = json.loads((comparison.results / "compare.json").read_text())["differences"]["toy"]
    return {frozenset([pair["first"], pair["second"]]): pair for pair in pairs}
