from __future__ import annotations

import builtins
import struct
import sys
from pathlib import Path

import pytest

from graphrec_lm.errors import InputError
from graphrec_lm.evaluation import plot_training


def history(n: int, rate: float) -> list[dict[str, float]]:
    """Records as a fit leaves them, validation on every second epoch."""
    records = [{"epoch": e, "seconds": e * rate, "loss": 6 - e / n} for e in range(1, n + 1)]
    for record in records[1::2]:
        record["valid_ndcg@20"] = 0.2 - (record["epoch"] - n * 0.7) ** 2 / 1000
    return records


@pytest.fixture
def histories() -> dict[str, list[dict[str, float]]]:
    return {"AlphaRec": history(20, 1.0), "LightGCN": history(30, 0.3)}


def png_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels of a PNG file, from its header."""
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert content.rstrip().endswith(b"IEND\xaeB`\x82")
    width, height = struct.unpack(">II", content[16:24])
    return width, height


@pytest.mark.parametrize(("by", "size"), [(("epoch", "seconds"), (900, 360)), (("seconds",), (450, 360))])
def test_a_plot_is_a_png_of_the_expected_size(histories, tmp_path: Path, by, size):
    path = plot_training(histories, tmp_path / "a" / "curve.png", by=by, dpi=100, title="Films")
    assert png_size(path) == size
    assert [file.name for file in path.parent.iterdir()] == ["curve.png"]


def test_the_picture_has_both_lines_and_no_global_state(histories, tmp_path: Path):
    from matplotlib.image import imread

    path = plot_training(histories, tmp_path / "curve.png", dpi=60)
    colors = {tuple(pixel) for pixel in (imread(path)[:, :, :3] * 255).round().astype(int).reshape(-1, 3)}
    assert {(0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)} <= colors
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_the_loss_can_be_drawn(histories, tmp_path: Path):
    assert png_size(plot_training(histories, tmp_path / "loss.png", metric="loss"))[0] > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metric": "valid_ndgc@20"}, "Did you mean 'valid_ndcg@20'"),
        ({"by": ["epochs"]}, "Did you mean 'epoch'"),
        ({"by": []}, "must not be empty"),
        ({"histories": {}}, "must not be empty"),
        ({"histories": {"Popularity": []}}, "none among 0 epochs of 'Popularity'"),
    ],
)
def test_bad_input_writes_nothing(histories, tmp_path: Path, change, message):
    arguments = {"histories": histories, "path": tmp_path / "curve.png", **change}
    with pytest.raises(InputError, match=message):
        plot_training(**arguments)
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_the_extra_is_named(histories, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real = builtins.__import__

    def missing(name: str, *rest):
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImportError, match=r'pip install "graphrec_lm\[plot\]"'):
        plot_training(histories, tmp_path / "curve.png")
