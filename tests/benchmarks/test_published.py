"""Plans with published figures, on a folder in the layout that AlphaRec's authors released."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

pytest.importorskip("matplotlib")

from compare import PLAN, RESULTS, comparison_of, parser
from comparing import domains
from comparing.entries import entries_of
from comparing.plan import DataPlan, read_plan
from comparing.report import write_report
from comparing.running import Comparison

from graphrec_lm.errors import InputError
from graphrec_lm.models import AlphaRec
from tests.benchmarks.conftest import ROOT
from tests.models.worlds import encoder, frames, titles

PLANS = ROOT / "benchmarks" / "plans"
FIXED = {"method": "from_column"}
LARGE3 = "item_cf_embeds_large3_array"
FOLDERS = ("amazon_book_2014", "amazon_movie", "amazon_game", "amazon_industrial", "ml-1m", "book_crossing")
TINY = f"""
k: 5
resamples: 100
published_note: of a paper that nobody wrote.
data:
  toy:
    folder: amazon_game
    reader: alpharec
    encoders: [{LARGE3}]
    seeds: [0, 1]
    budget: {{epochs: 2, final_seconds: 30}}
    params: {{batch_size: 64, valid_every: 1, negatives: 4, dim: 8}}
models:
  Popularity: {{deterministic: true}}
  AlphaRec:
    params: {{hidden: 8}}
    note: it has a note
    published: {{toy: {{recall: 0.5, ndcg: 0.25}}}}
"""


@pytest.fixture(scope="module")
def released(tmp_path_factory) -> Path:
    """The checkerboard as a released folder under each name, with vectors of one language model."""
    root, lists = tmp_path_factory.mktemp("released"), frames()[0]
    first = root / FOLDERS[0]
    for name in ("cf_data", "item_info"):
        (first / name).mkdir(parents=True)
    for part in ("train", "valid", "test"):
        by_user = lists[lists["split"] == part].groupby("user_id")["item_id"]
        text = "".join(f"{user[1:]} {' '.join(map(str, items))}\n" for user, items in by_user)
        (first / "cf_data" / f"{part}.txt").write_text(text, encoding="utf-8")
    np.save(first / "item_info" / f"{LARGE3}.npy", encoder().encode(titles()))
    for other in FOLDERS[1:]:
        shutil.copytree(first, root / other)
    return root


@pytest.fixture
def compared(released, tmp_path, inside, monkeypatch):
    """Makes the Comparison of TINY, with texts replaced, and runs it here; reports have no pictures."""
    monkeypatch.setattr("comparing.pictures.draw", lambda *_: {})

    def run(*changes: tuple[str, str]) -> Comparison:
        text = TINY
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "tiny.yaml").write_text(text, encoding="utf-8")
        plan = read_plan(tmp_path / "tiny.yaml")
        made = Comparison(plan, entries_of(plan, released), released, tmp_path / "r", tmp_path / "s")
        made.run()
        return made

    return run


def cells(page: str, model: str) -> dict[str, str]:
    """The cells of a model in the first table of the report, without bold."""
    rows = [[cell.strip(" *") for cell in line.split("|")[1:-1]] for line in page.splitlines()]
    head = next(row for row in rows if row[:1] == ["model"])
    return dict(zip(head, next(row for row in rows if row[:1] == [model]), strict=True))


def test_a_released_folder_is_read_with_its_vectors(released):
    domain = domains.read(released / "amazon_game", FIXED, reader="alpharec")
    assert (domain.split.train.n_users, domain.split.train.n_items) == (24, 21)
    sizes = [getattr(domain.split, part).n_interactions for part in ("train", "valid", "test")]
    assert sizes == [24 * 5, 24, 24 * 2]
    np.testing.assert_allclose(domain.vectors(LARGE3), encoder().encode(titles()))
    encoded = domain.encoder(LARGE3).encode(domain.split.train.titles)
    np.testing.assert_allclose(encoded, domain.vectors(LARGE3))


def test_rows_have_the_published_figures_and_the_ratio_beside_them(compared):
    comparison = compared()
    page, name = write_report(comparison), f"AlphaRec [{LARGE3}]"
    rows = comparison.rows.where(data="toy", entry=name)
    ours, found = np.mean([row["ndcg@5"] for row in rows]), cells(page, name)
    assert found["seeds"] == "2"
    assert (found["published Recall@5"], found["published NDCG@5"]) == (".5000", ".2500")
    assert found["NDCG ÷ published"] == f"{ours / 0.25:.2f}"
    assert cells(page, "Popularity")["published NDCG@5"] == ""
    assert "Published figures: of a paper that nobody wrote." in page
    assert f"- {name}: it has a note" in page
    details = (comparison.results / "compare.details.md").read_text()
    assert "Nothing is tuned, settings are fixed; a fit trains for 30 s at most." in details


def test_without_published_figures_nothing_is_said_of_them(compared):
    page = write_report(compared(("published: {toy: {recall: 0.5, ndcg: 0.25}}", "")))
    assert "published" not in page.lower()


def test_published_figures_are_no_part_of_what_a_row_depends_on(compared, inside):
    compared()
    inside.clear()
    compared(("ndcg: 0.25", "ndcg: 0.26"))
    assert inside == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("{toy: {recall", "{toi: {recall"), "Did you mean 'toy'"),
        (("ndcg: 0.25", "ndcg: 25"), "models.AlphaRec.published"),
        (("reader: alpharec", "reader: alpharex"), "Did you mean 'alpharec'"),
    ],
)
def test_what_is_wrong_is_named(compared, change, message):
    with pytest.raises(InputError, match=message):
        compared(change)


def test_every_layout_can_be_named_and_rows_depend_on_it(released, make):
    for name in domains.LAYOUTS:
        assert DataPlan(folder="x", reader=name, seeds=[0], budget={"epochs": 1, "final_seconds": 1.0})
    keys = {
        made.entries[0].key(made.plan) for made in (make(), make(("seeds:", "reader: alpharec\n    seeds:")))
    }
    assert len(keys) == 2


def test_another_plan_has_a_folder_and_a_command_of_its_own(released):
    usual, other = (
        comparison_of(parser().parse_args([f"--data={released}", f"--plan={plan}"]))
        for plan in (PLAN, PLANS / "alpharec_table.yaml")
    )
    assert (usual.results, usual.command) == (RESULTS, "python benchmarks/compare.py --data FOLDER")
    assert other.results == RESULTS / "alpharec_table"
    assert other.command == f"{usual.command} --plan benchmarks/plans/alpharec_table.yaml"


def source(name, folder):
    """A dataset of the plan that nothing is ranked on."""
    return f"""  {name}:
    folder: {folder}
    reader: alpharec
    encoders: [{LARGE3}]
    seeds: [0]
    budget: {{epochs: 2, final_seconds: 30}}
    models: []
"""


ZERO_SHOT = (
    ("models:", source("other", "amazon_movie") + source("third", "amazon_book_2014") + "models:"),
    ("hidden: 8}", "hidden: 8}\n    sources: [other, third]"),
)


def test_a_model_is_fitted_on_other_datasets_and_adapted(compared, released):
    comparison = compared(*ZERO_SHOT)
    rows = comparison.rows.where(data="toy", entry=f"AlphaRec [{LARGE3}]")
    assert [list(row["sources"]) for row in rows] == [["other", "third"]] * 2
    assert all(row["epochs"] == 2 for row in rows)
    params = rows[0]["params"]
    folders = {"": "amazon_game", "other: ": "amazon_movie", "third: ": "amazon_book_2014"}
    here, *others = (
        domains.read(released / folder, FIXED, reader="alpharec", label=label)
        for label, folder in folders.items()
    )
    titles_of = [set(domain.split.train.titles) for domain in (here, *others)]
    assert len(set.union(*titles_of)) == sum(map(len, titles_of))
    model = AlphaRec(**params, seed=0, encoder=domains.joint_encoder([here, *others], LARGE3))
    model.fit([other.split.train for other in others], valid=[other.split.valid for other in others])
    adapted = model.adapt(here.split.train, valid=here.split.valid)
    assert rows[0]["ndcg@5"] == pytest.approx(adapted.evaluate(here.split.test, k=5)["ndcg@5"], abs=1e-6)
    page = write_report(comparison)
    assert "fitted on other, third; adapted, without a fit. it has a note" in page


def test_what_is_fitted_elsewhere_depends_on_where(compared, inside):
    compared(*ZERO_SHOT)
    inside.clear()
    compared(*ZERO_SHOT)
    assert inside == []
    compared(ZERO_SHOT[0], (ZERO_SHOT[1][0], ZERO_SHOT[1][1].replace(", third", "")))
    assert [entry for _, entry, _ in inside] == [f"AlphaRec [{LARGE3}]"] * 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[other, third]", "[others]"), "Did you mean 'other'"),
        (("[other, third]", "[other, toy]"), "must leave out what it is ranked on, got 'toy'"),
        (("[other, third]", "[other]\n    space: {tau: [0.1, 0.2]}"), "must have no space"),
    ],
)
def test_wrong_sources_are_named(compared, change, message):
    with pytest.raises(InputError, match=message):
        compared(*ZERO_SHOT, change)


BOOKS_MOVIES_GAMES = ("Books", "Movies & TV", "Games")
TARGETS = ("Industrial", "MovieLens-1M", "Book-Crossing")
PUBLISHED = {  # Recall@20/NDCG@20 on each dataset
    "alpharec_table": {
        "MF": ".0437/.0391 .0568/.0519 .0323/.0195",
        "MultVAE": ".0722/.0597 .0853/.0776 .0908/.0531",
        "LightGCN": ".0723/.0608 .0849/.0747 .1007/.0590",
        "SGL": ".0789/.0657 .0916/.0838 .1089/.0634",
        "BC loss": ".0915/.0779 .1039/.0943 .1145/.0668",
        "XSimGCL": ".0879/.0745 .1057/.0984 .1138/.0662",
        "KAR": ".0852/.0734 .1084/.1001 .1181/.0693",
        "RLMRec": ".0928/.0774 .1119/.1013 .1384/.0809",
        "AlphaRec": ".0991/.0828 .1221/.1144 .1519/.0894",
    },
    "alpharec_linear": {
        "BERT": ".0226/.0194 .0415/.0399 .0524/.0309",
        "RoBERTa": ".0247/.0209 .0406/.0387 .0578/.0338",
        "Llama2-7B": ".0662/.0559 .1027/.0955 .1249/.0729",
        "text-embedding-ada-v2": ".0515/.0436 .0926/.0874 .1176/.0683",
        "text-embedding-3-large": ".0735/.0608 .1109/.1023 .1367/.0793",
    },
    "alpharec_zero_shot": {
        "AlphaRec": ".0913/.0573 .1486/.3215 .0660/.0545",
        "WhiteGCN": "",
        "TitleCosine": "",
        "TextGCN": "",
        "LightGCN": ".0785/.0533 .2019/.4017 .0630/.0588",
    },
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_paper_s_tables_are_plans(name, released):
    plan = read_plan(PLANS / f"{name}.yaml")
    assert list(plan.models) == list(PUBLISHED[name])
    datasets = TARGETS if name == "alpharec_zero_shot" else BOOKS_MOVIES_GAMES
    sources = BOOKS_MOVIES_GAMES if name == "alpharec_zero_shot" else ()
    assert list(plan.data) == [*sources, *datasets]
    for model, figures in PUBLISHED[name].items():
        published = plan.models[model].published
        found = [f"{published[data].recall:.4f}/{published[data].ndcg:.4f}" for data in datasets if published]
        assert " ".join(found).replace("0.", ".") == figures
    assert plan.published_note.startswith("released code selects the checkpoint on test")
    entries = entries_of(plan, released)
    assert len(entries) == len(datasets) * len(plan.models)
    skipped = {entry.base for entry in entries if entry.skipped}
    others = set(plan.models) - {"text-embedding-3-large"} if name == "alpharec_linear" else set()
    assert skipped == others  # the folder made here has the vectors of one language model
    assert {entry.skipped for entry in entries if entry.base == "BERT"} <= {
        f"no item_info/item_cf_embeds_bert_array.npy in {folder}" for folder in FOLDERS
    }


def test_the_settings_are_the_authors(released):
    entries = {(e.data, e.base): e for e in entries_of(read_plan(PLANS / "alpharec_table.yaml"), released)}
    shared = {"batch_size": 4096, "learning_rate": 5e-4, "epochs": 500, "valid_every": 5, "patience": 20}
    assert all(entry.params.items() >= shared.items() for entry in entries.values())
    assert all(not entry.space and entry.published for entry in entries.values())
    alpharec = {"layers": 2, "dim": 64, "negatives": 256, "hidden": 3072 // 2, "sampling": "user"}
    taus = zip(BOOKS_MOVIES_GAMES, (0.15, 0.15, 0.2), strict=True)
    for data, tau in taus:
        assert entries[data, "AlphaRec"].params.items() >= (alpharec | {"tau": tau}).items()
    linear = entries_of(read_plan(PLANS / "alpharec_linear.yaml"), released)
    assert {(e.params["projection"], e.params["layers"]) for e in linear} == {("linear", 0)}
    assert {e.params["tau"] for e in linear if e.data == "Games"} == {0.2}


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_model_of_a_plan_runs_in_small(name, released, tmp_path, inside):
    plan = yaml.safe_load((PLANS / f"{name}.yaml").read_text(encoding="utf-8"))
    last = list(plan["data"])[-1]
    sources = {source for model in plan["models"].values() for source in model.get("sources", ())}
    small_data = {place: plan["data"][place] for place in (*sources, last)}
    for data in small_data.values():
        data["budget"] = {"epochs": 1, "final_seconds": 30.0}
        data["params"] |= {"batch_size": 64, "valid_every": 1}
    for model in plan["models"].values():
        model["published"] = {
            place: pair for place, pair in model.get("published", {}).items() if place == last
        }
        model["per_data"] = {}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(plan | {"data": small_data}), encoding="utf-8")
    small = read_plan(tmp_path / "small.yaml")
    entries = entries_of(small, released)
    comparison = Comparison(small, entries, released, tmp_path / "r", tmp_path / "s")
    comparison.run()
    assert [e.name for e in entries if not e.skipped and not comparison.finished(e)] == []
