from __future__ import annotations

from pathlib import Path

import pytest

import graphrec_lm
from graphrec_lm.cli import demo


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two short epochs a model, and nothing to tune."""
    brief = {"epochs": 2, "batch_size": 8192, "negatives": 16}
    monkeypatch.setattr(demo, "ALPHAREC", {**demo.ALPHAREC, **brief, "hidden": 8})
    monkeypatch.setattr(demo, "LIGHTGCN", {**demo.LIGHTGCN, **brief})
    given = {"regularization": 100.0, "strength": 3.0, "text_regularization": 10.0}
    monkeypatch.setattr(demo, "TEXTRIDGE", given)


def test_the_demo_compares_shows_and_writes(cli, quick, tmp_path: Path):
    folder = tmp_path / "out"
    ran = cli("demo", "--output", folder)
    assert ran.code == 0, ran.err
    table = ran.out.partition("films ranked:\n\n")[2].partition("\n\n")[0].splitlines()
    assert table[0].split() == ["model", "Recall@20", "NDCG@20", "HitRate@20", "fit", "s"]
    name, recall, ndcg = table[2].split()[:3]
    assert name == "Popularity"
    assert float(recall) == pytest.approx(0.1533, abs=5e-4)
    assert float(ndcg) == pytest.approx(0.1109, abs=5e-4)
    assert len(table) == 6
    assert ran.out.count("films, the latest:") == 3
    assert ran.out.count("recommended") == 3
    assert max(map(len, ran.out.replace(str(folder), "out").splitlines())) <= 100
    assert {path.name for path in folder.iterdir()} == {"model", "results.md", "training.png"}
    assert (folder / "training.png").read_bytes().startswith(b"\x89PNG")
    assert type(graphrec_lm.load(folder / "model")) is graphrec_lm.TextRidge
    assert (folder / "results.md").read_text().startswith("| model ")


def test_the_demo_goes_without_matplotlib(cli, quick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def missing(width: float, height: float):
        raise ImportError('plots need matplotlib: pip install "graphrec_lm[plot]"')

    monkeypatch.setattr("graphrec_lm.evaluation.plots.new_figure", missing)
    ran = cli("demo", "--output", tmp_path / "out", "--quiet")
    assert ran.code == 0
    assert 'No training curves: plots need matplotlib: pip install "graphrec_lm[plot]"' in ran.out
    assert not (tmp_path / "out" / "training.png").exists()
