"""A saved folder is whole or refused; saving never breaks what is there."""

from __future__ import annotations

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file, save_file

import graphrec_lm
from graphrec_lm.errors import InputError
from graphrec_lm.models import MF, Blend, ItemKNN, Popularity, TitleCosine
from tests.data.messages import check
from tests.models.contract import assert_equal
from tests.models.worlds import encoder, files_in

FILES = ("config.json", "model.safetensors", "users.parquet", "items.parquet")
DAMAGED = "the folder is damaged"


@pytest.fixture
def model(world):
    return TitleCosine(encoder()).fit(world.train, valid=world.valid)


@pytest.fixture
def folder(model, tmp_path):
    model.save(tmp_path / "model")
    return tmp_path / "model"


def assert_refused(folder, *words):
    before = files_in(folder)
    with pytest.raises(InputError) as error:
        graphrec_lm.load(folder)
    check(error, words)
    assert files_in(folder) == before


def test_holds_four_files_and_says_what_wrote_them(folder):
    assert sorted(files_in(folder)) == sorted(FILES)
    config = json.loads((folder / "config.json").read_text())
    assert config["format_version"] == 1 and config["model"] == "TitleCosine"
    name = {"encoder": "precomputed", "fingerprint": encoder().fingerprint}
    assert config["params"] == {"encoder": name, "seed": 0}
    assert config["notes"]["encoder_fingerprint"] == encoder().fingerprint
    assert set(config["versions"]) == {"graphrec_lm", "python", "numpy", "torch"}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused(folder, file, share):
    whole = (folder / file).read_bytes()
    (folder / file).write_bytes(whole[: int(share * len(whole))])
    name = "users.parquet and items.parquet" if file.endswith("parquet") else file
    assert_refused(folder, f"{name} must be whole", DAMAGED)


@pytest.mark.parametrize("file", FILES[1:])
def test_a_missing_file_is_refused(folder, file):
    (folder / file).unlink()
    assert_refused(folder, "must be whole", file, DAMAGED)


def test_no_model_at_all(tmp_path):
    assert_refused(tmp_path, "must be a folder with config.json", f"none in {tmp_path}", "save(path)")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"must be a folder with config\.json"):
        graphrec_lm.load(tmp_path / "file")


def configure(folder, **changes):
    file = folder / "config.json"
    config = {**json.loads(file.read_text()), **changes}
    file.write_text(json.dumps({name: value for name, value in config.items() if value is not None}))


CONFIGS = {
    "a newer format": ({"format_version": 2}, "`format_version` must be <= 1", "2", "Upgrade graphrec_lm"),
    "no format": ({"format_version": None}, "config.json must be whole", "format_version", DAMAGED),
    "a format of text": ({"format_version": "new"}, "config.json must be whole", "ValueError", DAMAGED),
    "a format below the first": ({"format_version": -3}, "`format_version` must be an integer >= 1", "-3"),
    "parameters of no mapping": ({"params": []}, "config.json must be whole", "['params']", DAMAGED),
    "tensors of no mapping": ({"tensors": []}, "config.json must be whole", "['tensors']", DAMAGED),
    "a history of text": ({"history": "x"}, "config.json must be whole", "['history']", DAMAGED),
    "an unknown library": ({"backend": "dask"}, "`backend` must be one of", "'dask'", "Valid: pandas"),
    "broken rules": ({"rules": {"positive": 3}}, "must be whole", "Error", DAMAGED),
    "no class": ({"model": None}, "config.json must be whole", "['model']", DAMAGED),
    "an unknown class": ({"model": "LightGNC"}, "`model` must be one of", "LightGNC", "mean 'LightGCN'"),
    "parameters of another class": (
        {"model": "Popularity"},
        "its own parameters",
        "'encoder'",
        "Valid: seed",
    ),
    "another fingerprint": ({"dataset_fingerprint": "00"}, "the ones that were saved", "differ", DAMAGED),
    "other tensors": ({"tensors": {}}, "must match config.json", "indices: ['int32'", DAMAGED),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_that_does_not_fit_is_refused(folder, name):
    changes, *words = CONFIGS[name]
    configure(folder, **changes)
    assert_refused(folder, *words)


def test_a_config_that_is_no_object_is_refused(folder):
    (folder / "config.json").write_text("[1]")
    assert_refused(folder, "config.json must be whole", "TypeError", DAMAGED)


TENSORS = {
    "one missing": lambda tensors: tensors.pop("model.items"),
    "one too many": lambda tensors: tensors.update({"model.more": np.zeros(3, np.float32)}),
    "one of another shape": lambda tensors: tensors.update(
        {"model.items": tensors["model.items"][:-1].copy()}
    ),
    "one of another type": lambda tensors: tensors.update(
        {"model.items": tensors["model.items"].astype(float)}
    ),
}


@pytest.mark.parametrize("name", TENSORS)
def test_tensors_that_do_not_match_the_config_are_refused(folder, name):
    tensors = load_file(folder / "model.safetensors")
    TENSORS[name](tensors)
    save_file(tensors, folder / "model.safetensors")
    assert_refused(folder, "model.safetensors must match config.json", "model.", DAMAGED)


@pytest.mark.parametrize("name", ["indices", "model.items"])
def test_values_that_were_changed_are_refused(folder, name):
    tensors = load_file(folder / "model.safetensors")
    tensors[name].reshape(-1)[0] += 1
    save_file(tensors, folder / "model.safetensors")
    assert_refused(folder, "must be the file that was saved", "other values", DAMAGED)


def test_titles_that_were_changed_are_refused(folder):
    table = pq.read_table(folder / "items.parquet")
    titles = ["another", *table["title"].to_pylist()[1:]]
    place = table.column_names.index("title")
    pq.write_table(table.set_column(place, "title", pa.array(titles)), folder / "items.parquet")
    assert_refused(folder, "the ones that were saved", "histories that differ", DAMAGED)


def test_id_tables_of_another_model_are_refused(folder, world, tmp_path):
    smaller = world.train.restrict_items(list(range(12)))
    Popularity().fit(smaller).save(tmp_path / "other")
    (folder / "items.parquet").write_bytes((tmp_path / "other" / "items.parquet").read_bytes())
    assert_refused(folder, "users.parquet and items.parquet", "item", DAMAGED)


def test_another_class_is_refused_by_its_name(folder):
    assert type(TitleCosine.load(folder)) is TitleCosine
    with pytest.raises(InputError) as error:
        MF.load(folder)
    check(error, ["must hold a saved MF", "a TitleCosine", "graphrec_lm.load"])


@pytest.mark.parametrize(
    "content", ["a file", "a folder of photographs", "a language model", "a model and a note"]
)
def test_other_content_is_never_replaced(model, tmp_path, content):
    path = tmp_path / "precious"
    if content == "a file":
        path.write_text("diary")
    elif content == "a model and a note":
        model.save(path)
        (path / "note.txt").write_text("the good one")
    elif content == "a language model":
        path.mkdir()
        (path / "config.json").write_text('{"model_type": "bert"}')
        (path / "model.safetensors").write_text("weights")
    else:
        path.mkdir()
        (path / "photo").write_text("smile")
    before = files_in(tmp_path)
    with pytest.raises(InputError) as error:
        model.save(path)
    check(error, ["must be new, empty or one that was saved before", str(path), "another path"])
    assert files_in(tmp_path) == before


def test_a_place_below_a_file_is_refused(model, tmp_path):
    (tmp_path / "rows.csv").write_text("user_id,item_id")
    before = files_in(tmp_path)
    for below in ("model", "deep/model"):
        with pytest.raises(InputError) as error:
            model.save(tmp_path / "rows.csv" / below)
        check(error, ["must lie in a folder that can be written", "rows.csv above model", "another path"])
    assert files_in(tmp_path) == before


def test_an_empty_folder_and_an_older_model_are_replaced(model, world, tmp_path):
    path = tmp_path / "deep" / "model"
    path.mkdir(parents=True)
    Popularity().fit(world.train).save(path)
    model.save(path)
    assert_equal(graphrec_lm.load(path).recommend(k=3), model.recommend(k=3))
    assert [file.name for file in path.parent.iterdir()] == ["model"]


def test_home_links_and_the_working_folder(model, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    model.save("~/one")
    (tmp_path / "latest").symlink_to("one")
    for _ in range(2):
        model.save(tmp_path / "latest")
    assert_equal(graphrec_lm.load("~/latest").recommend(k=3), model.recommend(k=3))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["latest", "one"]
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    with pytest.raises(InputError, match=r"the working folder .* Choose a folder inside it"):
        model.save(".")


def test_weights_of_an_array(world, tmp_path):
    blend = Blend([Popularity(), ItemKNN()], weights=np.array([1, 2], np.float32)).fit(world.train)
    assert "weights=array" in repr(blend)
    blend.save(tmp_path / "m")
    assert graphrec_lm.load(tmp_path / "m").get_params()["weights"] == [1, 2]


@pytest.mark.parametrize("failing", ["save_file", "pq.write_table"])
def test_a_save_that_fails_leaves_the_older_model_whole(folder, world, monkeypatch, failing):
    def full(*arguments, **options):
        raise OSError("no space left on device")

    before = files_in(folder.parent)
    monkeypatch.setattr(f"graphrec_lm.models.persistence.{failing}", full)
    with pytest.raises(OSError, match="no space"):
        Popularity().fit(world.train).save(folder)
    assert files_in(folder.parent) == before


def test_a_save_that_fails_at_the_last_step_puts_the_older_model_back(folder, world, monkeypatch):
    import os

    before, replace = files_in(folder.parent), os.replace

    def refuse(source, target):
        if str(source).endswith(".tmp"):
            raise OSError("the disk went away")
        replace(source, target)

    monkeypatch.setattr("graphrec_lm.files.os.replace", refuse)
    with pytest.raises(OSError, match="went away"):
        Popularity().fit(world.train).save(folder)
    assert files_in(folder.parent) == before


def test_a_loaded_model_can_be_fitted_again(world, tmp_path):
    model = MF(dim=4, epochs=2, verbose=False).fit(world.train)
    model.save(tmp_path)
    again = graphrec_lm.load(tmp_path).fit(world.train)
    assert_equal(again.recommend(k=3), model.recommend(k=3))


def test_a_batch_that_fails_leaves_the_older_file(model, tmp_path, monkeypatch):
    path = tmp_path / "all.parquet"
    path.write_text("older")
    monkeypatch.setattr(TitleCosine, "_top", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        model.recommend_batch(path)
    assert files_in(tmp_path) == {"all.parquet": b"older"}


def test_a_folder_that_is_replaced_meanwhile_is_read_whole(model, world, tmp_path):
    """One thread saves two models in turn; what others load is always one of them."""
    other = Popularity().fit(world.train)
    model.save(tmp_path / "m")
    stop = threading.Event()

    def save():
        while not stop.is_set():
            other.save(tmp_path / "m")
            model.save(tmp_path / "m")

    writer = threading.Thread(target=save)
    writer.start()
    try:
        kinds = [type(graphrec_lm.load(tmp_path / "m")).__name__ for _ in range(60)]
    finally:
        stop.set()
        writer.join()
    assert set(kinds) <= {"TitleCosine", "Popularity"}


def test_a_folder_that_is_away_for_a_moment_is_waited_for(model, tmp_path):
    model.save(tmp_path / "m")
    os.replace(tmp_path / "m", tmp_path / ".m.old")
    timer = threading.Timer(0.05, lambda: model.save(tmp_path / "m"))
    timer.start()
    try:
        assert isinstance(graphrec_lm.load(tmp_path / "m"), TitleCosine)
    finally:
        timer.join()


def test_a_saved_click_model_is_named(tmp_path):
    tmp_path.joinpath("config.json").write_text(json.dumps({"format": "graphrec_lm.ctr", "version": 1}))
    told = r"^a saved model must be a recommender, got a 'graphrec_lm\.ctr'\. Use graphrec_lm\.ctr\.load\.$"
    with pytest.raises(InputError, match=told):  # and not that the folder is damaged
        graphrec_lm.load(tmp_path)


def test_a_folder_that_another_program_locks_is_written(model, tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(graphrec_lm.files, "_LOCK_ATTEMPTS", 2)
    handle = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # `flock models/ graphrec-lm fit ...` in a shell
        model.save(tmp_path / "m")
    finally:
        os.close(handle)
    assert isinstance(graphrec_lm.load(tmp_path / "m"), TitleCosine)


def test_saves_to_one_path_at_once_all_end_well(model, tmp_path):
    with ThreadPoolExecutor(4) as pool:
        for saved in [pool.submit(model.save, tmp_path / "m") for _ in range(48)]:
            saved.result()
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
    assert_equal(graphrec_lm.load(tmp_path / "m").recommend(), model.recommend())
