"""Analysis of fitted models, and the picture of their two spaces."""

from __future__ import annotations

import builtins
from pathlib import Path

import numpy as np
import pytest

from graphrec_lm.analysis import (
    analyse,
    carried_popularity,
    compare_spaces,
    item_spaces,
    plot_item_spaces,
    plot_spaces,
)
from graphrec_lm.errors import InputError
from graphrec_lm.models import EASE, MF, TextGCN
from tests.evaluation.test_plots import png_size
from tests.models.worlds import COLD_ITEM, World, checkerboard
from tests.support import normal


@pytest.fixture(scope="module")
def world() -> World:
    return checkerboard()


@pytest.fixture(scope="module")
def text_model(world: World) -> TextGCN:
    return TextGCN(encoder=world.encoder).fit(world.train)


@pytest.fixture(scope="module")
def id_model(world: World) -> MF:
    return MF(dim=4, epochs=1, verbose=False).fit(world.train)


def test_items_nobody_touched_are_left_out(world: World, text_model: TextGCN):
    spaces = item_spaces(text_model)
    assert spaces.codes.tolist() == np.flatnonzero(world.train.item_counts).tolist()
    assert COLD_ITEM not in spaces.codes
    np.testing.assert_allclose(
        spaces.titles, world.encoder.encode(world.train.titles)[spaces.codes], atol=2e-3
    )
    np.testing.assert_array_equal(spaces.behaviour, text_model.item_vectors_[spaces.codes])
    np.testing.assert_array_equal(spaces.counts, world.train.item_counts[spaces.codes])


def test_a_sample_is_some_of_them_and_repeatable(text_model: TextGCN):
    one, again = (item_spaces(text_model, sample=8, seed=1) for _ in range(2))
    assert len(one.codes) == 8
    assert one.codes.tolist() == again.codes.tolist() == sorted(set(one.codes.tolist()))


def test_a_model_without_titles_takes_an_encoder_or_vectors(world: World, id_model: MF):
    vectors = world.encoder.encode(world.train.titles)
    by_encoder, by_vectors = item_spaces(id_model, encoder=world.encoder), item_spaces(id_model, vectors)
    np.testing.assert_array_equal(by_encoder.titles, by_vectors.titles)


def test_the_columns_are_those_of_compare_spaces(text_model: TextGCN):
    report, spaces = analyse(text_model, k=3, remove_components=2), item_spaces(text_model)
    plain = compare_spaces(spaces.titles, spaces.behaviour, k=3)
    white = compare_spaces(spaces.titles, spaces.behaviour, k=3, whiten=True)
    less = compare_spaces(spaces.titles, spaces.behaviour, k=3, remove_components=2)
    for measure in ("CKA", "overlap@3", "Procrustes error", "R2 forward", "R2 back"):
        assert report.column("value")[measure] == plain.column("value")[measure]
        assert report.column("shuffled")[measure] == plain.column("shuffled")[measure]
        assert report.column("whitened")[measure] == white.column("value")[measure]
        assert report.column("without top 2")[measure] == less.column("value")[measure]
    carried = carried_popularity(spaces.titles, spaces.counts)
    assert report.column("value")["popularity R2"] == carried["popularity R2"]
    assert report.to_frame().columns.tolist() == ["measure", "value", "shuffled", "whitened", "without top 2"]


def test_two_blocks_in_titles_and_graph_are_seen(text_model: TextGCN):
    report = analyse(text_model, k=3)
    assert report.column("value")["CKA"] > 0.8 > report.column("shuffled")["CKA"]


BAD = [
    ({}, "keeps no title vectors"),
    ({"vectors": np.ones((3, 2))}, "a row for each of the 21 items"),
    ({"vectors": np.ones((21, 2)), "encoder": "x"}, "either `vectors` or `encoder`"),
    ({"vectors": np.ones((21, 2)), "least": 99}, "99 training interactions"),
    ({"vectors": np.ones((21, 2)), "sample": 2}, "`sample`"),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_bad_input_is_refused(id_model: MF, options, message):
    with pytest.raises(InputError, match=message):
        item_spaces(id_model, **options)


def test_a_model_without_vectors_is_refused(world: World):
    with pytest.raises(InputError, match="`item_vectors_`, got EASE"):
        analyse(EASE().fit(world.train))


@pytest.mark.parametrize("label", [None, ["north"] * 10 + ["south"] * 11])
def test_the_spaces_of_a_model_are_drawn(text_model: TextGCN, tmp_path: Path, label):
    path = plot_item_spaces(text_model, tmp_path / "a" / "spaces.png", label=label, least=1, dpi=50)
    assert min(png_size(path)) > 200
    assert [file.name for file in path.parent.iterdir()] == ["spaces.png"]


def test_each_group_has_its_colour_in_both_halves(tmp_path: Path):
    from matplotlib.image import imread

    x, groups = normal((30, 3)), np.array(["a", "b"] * 15, dtype=object)
    image = imread(plot_spaces(x, x[:, :2], tmp_path / "x.png", color=groups, dpi=100))[:, :, :3]
    for half in (image[:, : image.shape[1] // 2], image[:, image.shape[1] // 2 :]):
        colors = {tuple(pixel) for pixel in (half * 255).round().astype(int).reshape(-1, 3)}
        assert {(0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)} <= colors


def test_more_groups_than_colours_are_drawn_as_others(tmp_path: Path):
    x = normal((30, 3))
    path = plot_spaces(x, x, tmp_path / "x.png", color=[f"genre {n % 11}" for n in range(30)], dpi=50)
    assert path.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"color": [1, 2]}, "of the same items"),
        ({"other": normal((29, 2))}, "of the same items"),
        ({"color": np.zeros(30)}, "numbers > 0 or texts"),
        ({"method": "tnse"}, "Did you mean 'tsne'"),
        ({"sample": 3}, "`sample`"),
        ({"one": normal((5, 2)), "other": normal((5, 2))}, "at least 6 items"),
    ],
)
def test_bad_input_draws_nothing(tmp_path: Path, change, message):
    arguments = {"one": normal((30, 3)), "other": normal((30, 2)), "path": tmp_path / "x.png", **change}
    with pytest.raises(InputError, match=message):
        plot_spaces(**arguments)
    assert list(tmp_path.iterdir()) == []


def test_umap_is_named_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real = builtins.__import__

    def missing(name: str, *rest):
        if name == "umap":
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImportError, match="pip install umap-learn"):
        plot_spaces(normal((30, 3)), normal((30, 2)), tmp_path / "x.png", method="umap")
