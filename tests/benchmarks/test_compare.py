"""`compare.py` as a user runs it, processes and all."""

from __future__ import annotations

import os
import signal

import pytest

pytest.importorskip("optuna")
pytest.importorskip("matplotlib")

from compare import main
from comparing.store import alone_in

from tests.benchmarks.conftest import ROOT

MODELS = """models:
  Popularity: {deterministic: true}
  EASE: {deterministic: true, space: {regularization: {log: [1.0, 200.0]}}}
"""


@pytest.fixture
def arguments(data, tmp_path, write_plan, monkeypatch) -> list[str]:
    """A command line for two models and two trials; its processes find the package."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    plan = write_plan(("trials: 3", "trials: 2"))
    plan.write_text(plan.read_text().partition("models:")[0] + MODELS)
    return [f"--data={data}", f"--plan={plan}", f"--results={tmp_path / 'r'}", f"--scratch={tmp_path / 's'}"]


def test_two_models_from_folder_to_report(arguments, tmp_path, capsys):
    main(arguments)
    out = capsys.readouterr().out
    assert "toy/EASE trial 1" in out
    assert "toy/Popularity/0: validation" in out
    page = (tmp_path / "r" / "compare.md").read_text()
    assert all(f"| {model} " in page for model in ("EASE", "Popularity"))
    rows = (tmp_path / "r" / "compare.rows.jsonl").read_bytes()
    main([*arguments, "--jobs=2"])  # nothing is left
    assert (tmp_path / "r" / "compare.rows.jsonl").read_bytes() == rows
    assert len((tmp_path / "r" / "test_log.jsonl").read_text().splitlines()) == 2


def test_a_process_that_dies_is_a_failure_in_the_report(arguments, tmp_path, data, capsys):
    broken = tmp_path / "broken"
    (broken / "toy").mkdir(parents=True)
    main([*arguments, f"--data={broken}", "--only=toy/Popularity"])
    assert "toy/Popularity/0 FAILED: exit status 1" in capsys.readouterr().out
    assert "interactions.csv.gz" in (tmp_path / "r" / "compare.md").read_text()


def test_a_process_that_takes_too_long_is_killed_and_the_report_says_so(arguments, tmp_path, capsys):
    plan = tmp_path / "plan.yaml"
    plan.write_text(plan.read_text().replace("final_seconds: 30", "final_seconds: 30, kill_seconds: 0.001"))
    main([*arguments, "--only=toy/Popularity"])
    reason = "killed after 0.001 s without a result"
    assert f"toy/Popularity/0 FAILED: {reason}" in capsys.readouterr().out
    assert reason in (tmp_path / "r" / "compare.md").read_text()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--only=toy/Nobody"], "Valid: toy/Popularity, toy/EASE"),
        (["--data=nowhere"], "`--data` must be a folder"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_written(arguments, tmp_path, more, message):
    with pytest.raises(SystemExit, match=message):
        main([*arguments, *more])
    assert not (tmp_path / "r").exists()


def test_one_run_at_a_time_in_a_folder_of_results(arguments, tmp_path):
    with alone_in(tmp_path / "r"), pytest.raises(SystemExit, match="one run at a time"):
        main(arguments)
    assert list((tmp_path / "r").iterdir()) == []
