"""The report of the click benchmark, from records and predictions that are made up."""

import numpy as np
import pytest
from ctr_report import interval, key, report


@pytest.fixture
def made(tmp_path):
    """Two models, three features, two seeds; sentences help by .1 on each row, the graph harms by .2."""
    records = []
    for seed in (0, 1):
        losses = np.random.default_rng(seed).uniform(0.3, 0.9, 60).astype(np.float32)
        for model in ("LR", "DeepFM"):
            for features, change in {"raw": 0, "minilm": -0.1, "graph": 0.2}.items():
                cell = {"data": "toy", "split": "random", "seed": seed, "model": model, "features": features}
                own = losses + np.float32(change)
                chances = np.linspace(0.05, 0.95, 60)
                kept = {"labels": np.arange(60) % 2, "probabilities": chances, "users": np.arange(60) % 7}
                np.savez(tmp_path / f"{key(cell)}.npz", losses=own, **kept)
                figures = {"log_loss": float(own.mean()), "valid": 0.5 + change, "auc": 0.7 - change}
                beside = {"gauc": 0.6, "brier": 0.2, "ece": 0.01, "fit_seconds": 1.0, "peak_mib": 100.0}
                records.append(cell | figures | beside | {"rows": 60, "positive": "rating >= 4"})
    return records, tmp_path


def test_what_features_add_stands_with_its_interval(made):
    page = report(made[0], made[1], made[1])
    assert "60 test rows a seed; positive: rating >= 4; seeds 0, 1." in page
    assert "**Best on validation: LR with minilm" in page
    assert "-0.1000 [-0.1000, -0.1000]" in page
    assert "+0.2000 [+0.2000, +0.2000]" in page
    assert "1 of 1" in page and "0 of 1" in page
    assert (made[1] / "ctr.toy.random.png").stat().st_size > 0


def without(records, *cells):
    return [r for r in records if (r["model"], r["features"], r["seed"]) not in cells]


def test_a_seed_without_all_cells_is_left_out(made):
    page = report(without(made[0], ("LR", "graph", 1)), made[1], made[1])
    assert "seeds 0. Left out, since they have not all cells yet: seeds 1." in page
    assert "seeds 0, 1" not in page
    page = report(without(made[0], ("LR", "graph", 1), ("LR", "raw", 0)), made[1], made[1])
    assert "seeds 0, 1. No seed has all cells: means are of different splits." in page
    assert "Left out" not in report(made[0], made[1], made[1])


def test_differences_say_whose_they_are(made):
    records, scratch = made
    assert "at hand" not in report(records, scratch, scratch)
    for record in records:
        if record["seed"] == 0:
            (scratch / f"{key(record)}.npz").unlink()
    page = report(records, scratch, scratch)
    assert "seeds 0, 1. Differences and their intervals: seeds 1, whose predictions are at hand." in page
    assert "-0.1000 [-0.1000, -0.1000]" in page


def test_ablations_have_a_table_of_their_own(made):
    extra = {**made[0][4], "model": "DeepFM", "features": "shuffle=words"}
    page = report([*made[0], extra], made[1], made[1])
    assert "### Templates, pooling, and controls" in page
    assert "shuffle=words" in page.split("### Templates")[1]
    assert "shuffle=words" not in page.split("### Templates")[0]


def test_the_interval_resamples_users_not_rows():
    one_user = interval(np.array([1.0, 0.0]), np.array([0, 0]))
    assert one_user == (0.5, 0.5, 0.5)
    mean, low, high = interval(np.array([1.0, 0.0]), np.array([0, 1]))
    assert (mean, low, high) == (0.5, 0.0, 1.0)
