"""A folder with two small datasets, plans on it, and the comparison run inside this process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models.worlds import encoder, frames
from tests.support import threads

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

BUDGET = "{trials: 3, seconds: 60, epochs: 2, fit_seconds: 30, final_seconds: 30}"
PLAN = f"""
k: 5
resamples: 200
convergence: {{reference: MF, share: 0.9}}
remarks: [Nothing else is in scope.]
data:
  toy:
    folder: toy
    encoders: [minilm]
    seeds: [0, 1]
    budget: {BUDGET}
    params: {{batch_size: 64, valid_every: 1}}
models:
  Popularity: {{deterministic: true}}
  TitleCosine: {{deterministic: true}}
  MF:
    params: {{loss: infonce, dim: 8, negatives: 4}}
    space: {{learning_rate: {{log: [1e-3, 1e-1]}}, tau: {{choices: [0.1, 0.15]}}}}
  Coming: {{}}
variants:
  random titles: {{like: "TitleCosine [minilm]", encoder: random 8, data: [toy], note: random vectors}}
"""


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Waking a second thread takes longer than a fit of this size."""
    with threads(1):
        yield


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`toy`: the checkerboard with titles' vectors and times."""
    root = tmp_path_factory.mktemp("data")
    rows, items, _ = frames()
    rows["timestamp"] = np.random.default_rng(0).permutation(len(rows))
    (root / "toy").mkdir()
    rows.to_csv(root / "toy" / "interactions.csv.gz", index=False)
    items.to_csv(root / "toy" / "items.csv.gz", index=False)
    np.save(
        root / "toy" / "titles.minilm.f16.npy", encoder().encode(items["title"].tolist()).astype(np.float16)
    )
    return root


@pytest.fixture
def write_plan(tmp_path: Path) -> Callable[..., Path]:
    """Writes PLAN, with texts replaced."""

    def write(*changes: tuple[str, str]) -> Path:
        text = PLAN
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "plan.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def make(write_plan: Callable[..., Path], data: Path, tmp_path: Path) -> Callable[..., Any]:
    """Makes the Comparison of PLAN, with texts replaced."""
    from comparing.entries import entries_of
    from comparing.plan import read_plan
    from comparing.running import Comparison

    def comparison(*changes: tuple[str, str], **options: Any) -> Comparison:
        plan = read_plan(write_plan(*changes))
        where = data, tmp_path / "results", tmp_path / "scratch"
        return Comparison(plan, entries_of(plan, data), *where, **options)

    return comparison


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, Any]]:
    """Runs tasks in this process; returns the list of (kind, entry, seed) that were begun."""
    from comparing import domains, finals, tuning

    begun: list[tuple[str, str, Any]] = []

    def run_task(task: dict[str, Any], receive: Callable[[dict[str, Any]], None], **_: Any) -> None:
        begun.append((task["kind"], task["entry"], task["seed"]))
        domain = domains.read(**task["domain"])
        if task["kind"] == "tune":
            tuning.tune(task, domain, receive)
        else:
            receive(finals.final_row(task, domain))

    monkeypatch.setattr("comparing.running.run_task", run_task)
    return begun
