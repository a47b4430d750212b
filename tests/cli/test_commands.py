from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pandas as pd
import pytest

import graphrec_lm
from graphrec_lm.cli.fit import EXAMPLES
from graphrec_lm.errors import InputError


def test_recommend_prints_a_list_for_each_user(cli, home: Path):
    ran = cli("recommend", home / "cosine", "--user", 0, 1, "-k", 2)
    assert ran.code == 0
    assert ran.out.count("even film") == 2
    assert ran.out.count("odd film") == 2
    assert ran.out.splitlines()[0] == "User 0"


def test_recommend_to_somebody_new_hides_the_history(cli, home: Path):
    ran = cli("recommend", home / "cosine", "--history", 0, 2, "--history", 1, "-k", 4)
    first, second = ran.out.split("New person 1")
    assert first.count("even film") == 4
    assert "film 0\n" not in first
    assert second.count("odd film") == 4


def test_recommend_leaves_out_who_is_unknown_if_asked(cli, home: Path):
    shown = cli("recommend", home / "cosine", "--user", 1, 99, "-k", 2, "--on-unknown", "drop")
    assert "User 1\n" in shown.out and "User 99" not in shown.out


def test_recommend_by_intent(cli, home: Path):
    ran = cli("recommend", home / "popular", "--intent", "odd film 3", "-k", 1)
    assert (ran.code, ran.out.splitlines()[0]) == (0, "New person 0")
    assert "odd film 3" in ran.out
    ran = cli(
        "recommend", home / "popular", "--user", 0, "--intent", "odd film 3", "--alpha", "auto", "-k", 2
    )
    assert (ran.code, ran.out.splitlines()[0]) == (0, "User 0")
    wrong = cli("recommend", home / "popular", "--user", 0, "--intent", "odd", "--alpha", "2")
    assert wrong.code != 0 and "from 0 to 1" in wrong.err
    unknown = cli("recommend", home / "cosine", "--user", 0, "--intent", "odd")
    assert unknown.code != 0 and "must be given its encoder" in unknown.err


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_recommend_to_everyone_writes_a_file(cli, home: Path, tmp_path: Path, ending: str):
    path = tmp_path / f"top.{ending}"
    assert cli("recommend", home / "popular", "-k", 3, "--output", path).code == 0
    frame = pd.read_csv(path) if ending == "csv" else pd.read_parquet(path)
    assert frame.columns.tolist() == ["user_id", "item_id", "title", "rank", "score"]
    assert frame.groupby("user_id")["rank"].max().tolist() == [3] * 20


def test_keep_seen(cli, home: Path, tmp_path: Path):
    cli("recommend", home / "cosine", "--user", 0, "-k", 12, "--keep-seen", "--output", tmp_path / "a.csv")
    cli("recommend", home / "cosine", "--user", 0, "-k", 12, "--output", tmp_path / "b.csv")
    assert (len(pd.read_csv(tmp_path / "a.csv")), len(pd.read_csv(tmp_path / "b.csv"))) == (12, 8)


def test_similar_shows_titles(cli, home: Path, tmp_path: Path):
    ran = cli("similar", home / "cosine", 4, "-k", 3)
    assert ran.out.splitlines()[0] == "Similar to 4: even film 4"
    assert ran.out.count("even film") == 4
    assert cli("similar", home / "cosine", 4, 5, "-k", 3, "--output", tmp_path / "s.csv").code == 0
    assert pd.read_csv(tmp_path / "s.csv")["item_id"].tolist() == [4] * 3 + [5] * 3


def test_evaluate_on_a_file_equals_the_library(cli, home: Path):
    ran = cli("evaluate", home / "cosine", "--test", home / "test.csv", "-k", 2, "--metrics", "recall", "mrr")
    model = graphrec_lm.load(home / "cosine")
    expected = model.evaluate(pd.read_csv(home / "test.csv"), k=2, metrics=("recall", "mrr"))
    assert "TitleCosine on 20 users" in ran.out
    assert f"Recall@2  {expected['recall@2']:.4f}" in ran.out
    assert f"MRR@2     {expected['mrr@2']:.4f}" in ran.out


def test_evaluate_on_positive_rows(cli, home: Path):
    ran = cli("evaluate", home / "cosine", "--test", home / "test.csv", "--positive", "rating >= 4")
    assert "on 10 users" in ran.out


def test_evaluate_on_a_file_with_the_models_column_names(cli, tmp_path: Path):
    rows = pd.DataFrame({"uid": ["7", "8", "x9", "9"] * 2, "iid": [1, 2, 3, 1, 2, 3, 1, 3]})
    dataset = graphrec_lm.Dataset.from_frame(rows, columns={"uid": "user_id", "iid": "item_id"})
    graphrec_lm.Popularity().fit(dataset).save(tmp_path / "m")
    (tmp_path / "t.csv").write_text("uid,iid\n7,3\n8,1\n")
    assert "Popularity on 2 users" in cli("evaluate", tmp_path / "m", "--test", tmp_path / "t.csv").out


def test_info_of_a_model_of_several_domains(cli, home: Path, tmp_path: Path):
    dataset = graphrec_lm.load(home / "cosine").dataset_
    several = graphrec_lm.AlphaRec(encoder="tfidf:4", epochs=1, dim=4, verbose=False).fit([dataset, dataset])
    several.save(tmp_path / "several")
    ran = cli("info", tmp_path / "several")
    assert (ran.code, ran.err) == (0, "")
    assert "fitted on" in ran.out and "adapt(dataset)" in ran.out


def test_info_of_the_installation_a_model_and_a_dataset(cli, home: Path):
    everything = cli("info").out
    assert graphrec_lm.__version__ in everything
    assert all(name in everything for name in ("AlphaRec", "TitleCosine", "movielens-small", "torch"))
    model = cli("info", home / "cosine").out
    assert model.startswith("TitleCosine in ")
    assert "encoder_fingerprint" in model
    assert "9,742" in cli("info", "movielens-small").out


CONFIG = """\
data: {{interactions: {home}/rows.csv, items: {home}/items.csv, positive: rating >= 4}}
split: {{method: random, valid: 0.2, test: 0.2}}
model: {{name: {model}}}
fit: {{checkpoint: {folder}/run.safetensors}}
evaluate: {{k: 5, metrics: [ndcg]}}
output: {folder}/model
"""
MODELS = {
    "LightGCN": "LightGCN, epochs: 2, dim: 4, batch_size: 16",
    "AlphaRec": "AlphaRec, epochs: 2, dim: 4, encoder: 'tfidf:4', negatives: 4, batch_size: 16",
}


@pytest.mark.parametrize("model", MODELS)
def test_fit_then_use_the_model(cli, home: Path, tmp_path: Path, model: str):
    config = tmp_path / "run.yaml"
    config.write_text(CONFIG.format(home=home, model=MODELS[model], folder=tmp_path))
    ran = cli("fit", config)
    assert ran.code == 0, ran.err
    assert "model.epochs" in ran.out
    assert "NDCG@5" in ran.out
    assert f"Saved to {tmp_path}/model" in ran.out
    assert (tmp_path / "run.safetensors").exists()
    again = cli("evaluate", tmp_path / "model", "--config", config)
    metric = next(line for line in ran.out.splitlines() if line.startswith("NDCG@5"))
    assert metric in again.out
    assert "2 epochs" in cli("info", tmp_path / "model").out
    assert cli("recommend", tmp_path / "model", "--user", 3).code == 0


def test_fit_refuses_a_folder_of_other_things_before_it_works(cli, home: Path, tmp_path: Path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "thesis.txt").write_text("mine")
    config = tmp_path / "run.yaml"
    config.write_text(CONFIG.format(home=home, model="Popularity", folder=tmp_path))
    ran = cli("fit", config)
    assert (ran.code, ran.out) == (2, "")
    assert "must be new, empty or one that was saved before" in ran.err
    assert (tmp_path / "model" / "thesis.txt").read_text() == "mine"


def test_the_rule_that_is_given_takes_the_place_of_the_fitted_one(cli, tmp_path: Path):
    names = ["user_id", "item_id", "stars"]
    rows = pd.DataFrame([(u, i, 5) for u in range(6) for i in range(4) if i != u % 4], columns=names)
    rules = {"columns": {"stars": "rating"}, "positive": "rating >= 3"}
    graphrec_lm.Popularity().fit(graphrec_lm.Dataset.from_frame(rows, **rules)).save(tmp_path / "m")
    held_out = pd.DataFrame([(u, u % 4, 2 + u % 2) for u in range(6)], columns=names)
    held_out.to_csv(tmp_path / "t.csv", index=False)
    held_out.drop(columns="stars").to_csv(tmp_path / "bare.csv", index=False)

    def users(file: str, *rule: str) -> str:
        return cli("evaluate", tmp_path / "m", "--test", tmp_path / file, *rule).out.split()[2]

    assert users("t.csv") == "3"
    assert users("t.csv", "--positive", "rating >= 2") == users("bare.csv", "--positive", "all") == "6"


def test_what_cannot_be_ranked_is_dropped_if_asked(cli, home: Path, tmp_path: Path):
    rows = pd.read_csv(home / "test.csv")
    fitted = pd.read_csv(home / "rows.csv")[:1]
    new = pd.DataFrame({"user_id": [99], "item_id": [1], "rating": [5]})
    pd.concat([rows, new, fitted]).to_csv(tmp_path / "t.csv", index=False)
    command = ["evaluate", home / "cosine", "--test", tmp_path / "t.csv"]
    assert cli(*command).code == cli(*command, "--on-unknown", "drop").code == 2
    dropped = cli(*command, "--on-unknown", "drop", "--on-fitted", "drop")
    assert dropped.out == cli("evaluate", home / "cosine", "--test", home / "test.csv").out


def test_a_checkpoint_of_a_model_without_epochs_is_refused_before_the_fit(cli, home: Path, tmp_path: Path):
    config = tmp_path / "run.yaml"
    config.write_text(CONFIG.format(home=home, model="ItemKNN", folder=tmp_path))
    ran = cli("fit", config)
    assert ran.code == 2 and "`fit.checkpoint` must be for a model that trains by epochs" in ran.err
    assert not (tmp_path / "model").exists()


def test_the_configuration_that_help_shows_can_be_fitted(cli, tmp_path: Path, monkeypatch):
    def fit(self: graphrec_lm.TextRidge, train: graphrec_lm.Dataset, **_: object) -> None:
        raise InputError("this fit", f"keep={self.keep} and {train.n_users} users", "Stop here.")

    shown = EXAMPLES.partition("a configuration:\n")[2].partition("\n\n")[0]
    (tmp_path / "run.yaml").write_text(dedent(shown))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(graphrec_lm.TextRidge, "fit", fit)
    ran = cli("fit", "run.yaml")
    assert "got keep=500 and 610 users" in ran.err


def test_a_fit_is_saved_before_it_is_evaluated(cli, home: Path, tmp_path: Path, monkeypatch):
    def failing(*_: object, **__: object) -> None:
        raise InputError("a ranking must end well", "none")

    monkeypatch.setattr(graphrec_lm.LightGCN, "evaluate", failing)
    config = tmp_path / "run.yaml"
    config.write_text(CONFIG.format(home=home, model=MODELS["LightGCN"], folder=tmp_path))
    assert cli("fit", config).code == 2
    assert graphrec_lm.load(tmp_path / "model").dataset_.n_items == 12
