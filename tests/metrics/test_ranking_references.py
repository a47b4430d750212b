"""Accuracy metrics against two independent libraries, ranx and pytrec_eval, on random cases."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from graphrec_lm.metrics import RANKING_METRICS, ranking_metrics
from tests.metrics.cases import Case, random_case

SEEDS = range(8)
CUTOFFS = (1, 5, 12)
RANX_NAMES = [f"{name}@{k}" for name in RANKING_METRICS for k in CUTOFFS]


def relevant_and_run(case: Case) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, float]]]:
    """Describe a case as the nested dicts that both libraries read; no list is left empty."""
    width = case.recommended.shape[1]
    relevant = {f"u{u:03}": {str(i): 1 for i in items} for u, items in enumerate(case.relevant)}
    lists = [[(str(i), float(width - r)) for r, i in enumerate(row) if i >= 0] for row in case.recommended]
    return relevant, {f"u{u:03}": dict(row or [("none", 0.5)]) for u, row in enumerate(lists)}


def measure(case: Case, k: int) -> dict[str, np.ndarray]:
    """All our metrics, MAP divided by |T| as both libraries define it."""
    values = ranking_metrics(*case, k=k, metrics=RANKING_METRICS)
    sizes = np.diff(case.indptr)
    values[f"map@{k}"] *= np.minimum(k, sizes) / sizes
    return values


@pytest.mark.parametrize("seed", SEEDS)
def test_agrees_with_pytrec_eval(seed: int):
    import pytrec_eval

    case = random_case(seed)
    relevant, run = relevant_and_run(case)
    cuts = ",".join(map(str, CUTOFFS))
    names = {
        "recall": "recall",
        "precision": "P",
        "ndcg": "ndcg_cut",
        "hit_rate": "success",
        "map": "map_cut",
    }
    found = pytrec_eval.RelevanceEvaluator(relevant, {f"{m}.{cuts}" for m in names.values()}).evaluate(run)
    for k in CUTOFFS:
        ours = measure(case, k)
        for name, theirs in names.items():
            expected = [found[user][f"{theirs}_{k}"] for user in sorted(found)]
            np.testing.assert_allclose(ours[f"{name}@{k}"], expected, rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.fixture(scope="module")
def ranx_scores() -> list[dict[str, list[float]]]:
    """What ranx says of every case."""
    script = Path(__file__).with_name("ranx_scores.py")
    cases = [[*relevant_and_run(random_case(seed)), RANX_NAMES] for seed in SEEDS]
    done = subprocess.run(
        [sys.executable, str(script)],
        input=json.dumps(cases),
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    scores: list[dict[str, list[float]]] = json.loads(done.stdout)
    return scores


@pytest.mark.parametrize("seed", SEEDS)
def test_agrees_with_ranx(ranx_scores: list[dict[str, list[float]]], seed: int):
    case = random_case(seed)
    for k in CUTOFFS:
        for name, value in measure(case, k).items():
            np.testing.assert_allclose(value, ranx_scores[seed][name], rtol=1e-9, atol=1e-12, err_msg=name)
