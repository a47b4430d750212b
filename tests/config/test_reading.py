from __future__ import annotations

import re
import time
import tracemalloc
from pathlib import Path
from typing import get_args

import pytest

from graphrec_lm.cli.evaluate import METRICS
from graphrec_lm.config import build_dataset, build_model, build_split, building, read_config, schema
from graphrec_lm.errors import InputError
from graphrec_lm.metrics import RANKING_METRICS
from graphrec_lm.models import MODELS

GOOD = """\
data: {dataset: movielens-small, only_touched_items: true}
split: {method: from_column}
model: {name: AlphaRec, layers: 3, learning_rate: 1e-3, encoder: [all-MiniLM-L6-v2, "tfidf:64"]}
evaluate: {k: 10, metrics: [recall, mrr]}
output: run
"""
LAUGHS = "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.fixture
def write(tmp_path: Path):
    def writer(text: str | bytes) -> Path:
        path = tmp_path / "run.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return writer


def test_a_good_file_has_its_values_and_the_defaults(write):
    config = read_config(write(GOOD))
    assert config.model.name == "AlphaRec"
    expected = {"layers": 3, "learning_rate": 0.001, "encoder": ["all-MiniLM-L6-v2", "tfidf:64"]}
    assert config.model.options == expected
    assert (config.evaluate.k, config.evaluate.metrics, config.fit.checkpoint) == (
        10,
        ["recall", "mrr"],
        None,
    )


def test_it_builds_dataset_split_and_model(write):
    config = read_config(write(GOOD))
    split = build_split(config, build_dataset(config.data))
    assert split.train.n_items == 6298
    assert build_model(config).get_params()["layers"] == 3


def test_a_blend_of_named_members(write):
    members = "[EASE, {name: ItemKNN, neighbors: 50}, {name: Blend, members: [MF, SLIM]}]"
    text = re.sub(r"model: .*", f"model: {{name: Blend, members: {members}}}", GOOD)
    made = build_model(read_config(write(text))).get_params()["members"]
    assert repr(made[:2]) == "[EASE(), ItemKNN(neighbors=50)]"
    assert [type(member).__name__ for member in made[2].get_params()["members"]] == ["MF", "SLIM"]


@pytest.mark.parametrize(
    ("members", "told"),
    [
        (
            "[EASE, ItemNN]",
            "`model.members.1.name` must be one of those there are, got 'ItemNN'. Did you mean",
        ),
        ("[{name: ItemKNN, neighbours: 5}]", "got `model.members.0.neighbours`. Did you mean 'neighbors'"),
        ("[{neighbors: 5}]", "`model.members.0.name` must be given"),
        ("EASE", "`model.members` must be a valid list"),
    ],
)
def test_members_of_a_blend_are_checked(write, members: str, told: str):
    text = re.sub(r"model: .*", f"model: {{name: Blend, members: {members}}}", GOOD)
    with pytest.raises(InputError) as error:
        read_config(write(text))
    assert told in str(error.value)


def test_lists_of_several_lengths(write):
    text = re.sub(r"k: 10", "k: [5, 10]", GOOD)
    assert read_config(write(text)).evaluate.k == [5, 10]


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_model_can_be_named(write, name: str):
    text = re.sub(r"model: .*", f"model: {{name: {name}}}", GOOD)
    assert type(build_model(read_config(write(text)))).__name__ == name


def test_a_rule_of_null_takes_all_rows(write):
    text = re.sub(r"data: .*", "data: {dataset: movielens-small, positive: null}", GOOD)
    assert build_dataset(read_config(write(text)).data).n_interactions == 100_836


def test_files_with_other_column_names(write, tmp_path: Path):
    (tmp_path / "rows.csv").write_text("who,what,stars\nann,1,5\nann,2,1\nbob,2,4\n")
    (tmp_path / "items.csv").write_text("what,title\n1,One\n2,Two\n")
    files = f"interactions: {tmp_path / 'rows.csv'}, items: {tmp_path / 'items.csv'}"
    columns = "columns: {who: user_id, what: item_id}, positive: stars >= 4"
    text = f"data: {{{files}, {columns}}}\nmodel: {{name: Popularity}}\noutput: run"
    dataset = build_dataset(read_config(write(text)).data)
    assert (dataset.n_interactions, dataset.titles) == (2, ["One", "Two"])


BAD = {
    "unknown top key": (GOOD + "modle: {}\n", r"a key must be one .* got `modle`\. Did you mean 'model'\?"),
    "unknown data key": (
        GOOD.replace("dataset:", "datasat:"),
        r"key of `data` .* got `data\.datasat`\. Did you mean 'dataset'\?",
    ),
    "unknown model parameter": (
        GOOD.replace("layers", "layres"),
        r"key of `model` .* got `model\.layres`\. Did you mean 'layers'\?",
    ),
    "unknown split option": (
        GOOD.replace("from_column}", "random, tset: 0.1}"),
        r"key of `split` .* got `split\.tset`\. Did you mean 'test'\?",
    ),
    "unknown model": (GOOD.replace("AlphaRec", "AlfaRec"), r"`model\.name` .* Did you mean 'AlphaRec'\?"),
    "unknown split": (
        GOOD.replace("from_column", "from_colum"),
        r"`split\.method` .* Did you mean 'from_column'\?",
    ),
    "unknown metric": (
        GOOD.replace("mrr", "ncdg"),
        r"`evaluate\.metrics\.1` must be .*'ncdg'\. Did you mean 'ndcg'\?",
    ),
    "integer as text": (
        GOOD.replace("layers: 3", "layers: '3'"),
        r"`model\.layers` must be a valid integer, got '3'\. Write `layers: 3`",
    ),
    "integer as words": (
        GOOD.replace("layers: 3", "layers: three"),
        r"`model\.layers` must be a valid integer, got 'three'\. Write for example `layers: 2`",
    ),
    "number as list": (
        GOOD.replace("1e-3", "[1e-3]"),
        r"`model\.learning_rate` must be a valid number, got \[0\.001\]",
    ),
    "flag as text": (
        GOOD.replace("items: true", "items: 'on'"),
        r"`data\.only_touched_items` must be a valid boolean, got 'on'\. Write `only_touched_items: true`",
    ),
    "encoder of wrong type": (GOOD.replace("[all-MiniLM-L6-v2, ", "[5, "), r"`model\.encoder"),
    "k of zero": (GOOD.replace("k: 10", "k: 0"), r"`evaluate\.k` must be greater than or equal to 1, got 0"),
    "no lengths": (GOOD.replace("k: 10", "k: []"), r"`evaluate\.k` must be a valid integer, got \[\]"),
    "no metrics": (GOOD.replace("[recall, mrr]", "[]"), r"`evaluate\.metrics`.* at least 1 item"),
    "model as a text": (
        re.sub("model: .*", "model: AlphaRec", GOOD),
        r"`model` must be a mapping of keys, got 'AlphaRec'.* keys of name",
    ),
    "no output": (GOOD.replace("output: run", ""), r"`output` must be given, got nothing"),
    "no model name": (GOOD.replace("name: AlphaRec, ", ""), r"`model\.name` must be given"),
    "neither dataset nor files": (GOOD.replace("dataset: movielens-small, ", ""), r"got neither"),
    "dataset and files": (GOOD.replace("{dataset", "{interactions: a.csv, dataset"), r"got both"),
    "items beside a dataset": (
        GOOD.replace("{dataset", "{items: a.csv, dataset"),
        r"`data\.items` must come",
    ),
    "unknown format": (
        GOOD.replace("dataset: movielens-small", "interactions: a, format: cvs"),
        r"`data\.format` .*Did you mean 'csv'\?",
    ),
    "duplicate key": (
        GOOD + "output: again\n",
        r"every key must be given once, got 'output' again in line 6",
    ),
    "duplicate nested key": (GOOD.replace("k: 10", "k: 10, k: 11"), r"got 'k' again in line 4"),
    "key that is no text": (GOOD.replace("k: 10", "10: k"), r"every key must be a text, got '10' in line 4"),
    "key that is a list": ("? [a, b]\n: 1\n", r"every key must be a text, got a list or mapping in line 1"),
    "empty file": ("", r"must hold a mapping at the top level, got an empty file"),
    "list at the top": ("- data\n- model\n", r"mapping at the top level, got a list"),
    "text at the top": ("hello", r"mapping at the top level, got a str"),
    "two documents": (GOOD + "---\n" + GOOD, r"must be readable YAML"),
    "unclosed bracket": ("data: {dataset: movielens-small\n", r"must be readable YAML, got .* in line 2"),
    "a tab as indentation": ("data:\n\tdataset: a\n", r"must be readable YAML, got .* in line 2"),
    "not UTF-8": (b"output: \xff\xfe\n", r"must be UTF-8 text, got b'\\xff\\xfe\\n' at byte 8"),
    "control characters": (b"output: \x00\x01\n", r"must be readable YAML"),
    "an enormous integer": ("k: " + "9" * 10_000, r"must be readable YAML"),
    "a Python object": (
        "a: !!python/object/apply:os.system [ls]\n",
        r"YAML tags are not allowed, got .* line 1",
    ),
    "one alias": ("a: &x 1\nb: *x\n", r"YAML aliases are not allowed, got `\*x` in line 2"),
    "billion laughs": (LAUGHS, r"YAML aliases are not allowed, got `\*a` in line 2"),
    "a recursive alias": ("a: &a [*a]\n", r"YAML aliases are not allowed"),
    "deep nesting": ("a: " + "[" * 20_000, r"nesting must be at most 12 deep, got more in line 1"),
    "deep mappings": ("\n".join(" " * n + f"k{n}:" for n in range(40)), r"nesting must be at most 12 deep"),
    "a large file": ("a: " + "x" * 70_000, r"must have at most 64 KiB, got a larger file"),
}


@pytest.mark.parametrize("text, message", BAD.values(), ids=BAD)
def test_bad_files(write, text, message):
    path = write(text)
    with pytest.raises(InputError, match=message) as caught:
        read_config(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["billion laughs", "deep nesting", "a large file"])
def test_bombs_cost_neither_time_nor_memory(write, name: str):
    path = write(BAD[name][0])
    tracemalloc.start()
    began = time.process_time()  # of this process: others may have the machine
    with pytest.raises(InputError):
        read_config(path)
    seconds, peak = time.process_time() - began, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20
    assert seconds < 5


def test_an_endless_device_is_not_read(tmp_path: Path):
    with pytest.raises(InputError, match="there must be a configuration file"):
        read_config("/dev/zero")


@pytest.mark.parametrize("make, found", [(lambda path: None, "nothing"), (Path.mkdir, "a folder")])
def test_no_file(tmp_path: Path, make, found: str):
    path = tmp_path / "run.yaml"
    make(path)
    with pytest.raises(InputError, match=f"configuration file at .*, got {found}"):
        read_config(path)


@pytest.mark.parametrize(
    "data, message",
    [
        ("interactions: rows.xlsx", r"must end in \.csv, \.tsv, \.parquet, \.inter, .*got '\.xlsx'"),
        ("interactions: nowhere.csv", r"there must be a file at nowhere\.csv"),
        (
            "interactions: ml, format: movielens, items: a.csv",
            r"`data\.items` must be an option of the format",
        ),
        ("dataset: movielens-smal", r"Did you mean 'movielens-small'\?"),
    ],
)
def test_what_shows_when_the_data_is_read(write, data: str, message: str):
    config = read_config(write(re.sub("data: .*", f"data: {{{data}}}", GOOD)))
    with pytest.raises(InputError, match=message):
        build_dataset(config.data)


SPLITS = {
    "from_column": "{method: from_column}",
    "random": "{method: random, valid: 0.2, test: 0.2, seed: 3}",
    "leave_last_out": "{method: leave_last_out}",
    "shares": "{method: global_time, valid: 0.2, test: 0.1}",
    "numbers": "{method: global_time, valid: 1400000000, test: 1500000000}",
}


@pytest.mark.parametrize("split", SPLITS.values(), ids=SPLITS)
def test_every_split_can_be_written_with_its_options(write, split: str):
    config = read_config(write(re.sub(r"split: .*", f"split: {split}", GOOD)))
    parts = build_split(config, build_dataset(config.data))
    assert min(parts.train.n_interactions, parts.valid.n_interactions, parts.test.n_interactions) > 0


@pytest.mark.parametrize("valid", ["2024-10-01", "'2024-10-01'", "2024-10-01T12:00:00", "'2024-10-01T12:00'"])
def test_dates_are_dates_with_quotes_and_without(write, tmp_path: Path, valid: str):
    days = ["2024-09-30", "2024-10-02", "2024-11-01", "2024-11-20"]
    rows = "".join(f"{1 + n % 2},{1 + n},{day}\n" for n, day in enumerate(days))
    (tmp_path / "rows.csv").write_text("user_id,item_id,timestamp\n" + rows)
    text = f"data: {{interactions: {tmp_path / 'rows.csv'}}}\nmodel: {{name: Popularity}}\noutput: run\n"
    config = read_config(write(text + f"split: {{method: global_time, valid: {valid}, test: 2024-11-01}}"))
    split = build_split(config, build_dataset(config.data))
    assert [part.n_interactions for part in (split.train, split.valid, split.test)] == [1, 1, 2]


def test_names_that_stand_in_several_places_agree():
    assert get_args(schema.METRICS) == RANKING_METRICS == METRICS
    assert tuple(building._READERS) == schema.FILE_FORMATS
