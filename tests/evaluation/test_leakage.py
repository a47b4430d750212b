"""The audit: strata of items, refits on other titles, years that vectors know."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from graphrec_lm.analysis import (
    YearRecall,
    by_familiarity,
    by_item_strata,
    by_period,
    familiarity_strata,
    perturbation_report,
    year_recall,
)
from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError
from graphrec_lm.evaluation import by_popularity, popularity_strata
from graphrec_lm.metrics import macro_average
from graphrec_lm.models import Popularity, TitleCosine
from graphrec_lm.text import PrecomputedEncoder, TextEncoder, TfidfEncoder
from tests.models.worlds import World, checkerboard, frames

K = 5


@pytest.fixture(scope="module")
def world() -> World:
    return checkerboard()


@pytest.fixture(scope="module")
def dated() -> World:
    """The checkerboard with years in its titles: item n is of 1980 + n, the cold one of no year."""
    rows, items, users = frames()
    items["title"] += [f" ({1980 + n})" for n in range(20)] + [""]
    parts = Dataset.from_frame(rows, items, users).split("from_column")
    vectors = np.column_stack(
        [np.repeat([1.0, 0.0, 0.5], [10, 10, 1]), np.repeat([0.0, 1.0, 0.5], [10, 10, 1])]
    )
    return World(*parts, PrecomputedEncoder(texts=items["title"].tolist(), embeddings=vectors))


def test_a_stratum_is_measured_as_by_popularity_does(world: World):
    model = TitleCosine(world.encoder).fit(world.train, valid=world.valid)
    held = world.valid
    pairs = {"user_id": held.users.ids[held.edges.users], "item_id": held.items.ids[held.indices]}
    lists = np.full((world.train.n_users, K), -1)
    frame = model.recommend(k=K, exclude=pd.DataFrame(pairs))
    lists[world.train.users.codes(frame["user_id"]), frame["rank"] - 1] = world.train.items.codes(
        frame["item_id"]
    )
    counts, test = world.train.item_counts, world.test
    expected = by_popularity(lists, test.indptr, test.indices, counts, k=K)
    strata = popularity_strata(counts)
    report = by_item_strata({"cosine": model}, test, strata, ["head", "mid", "tail"], k=K)
    for row in report:
        values = expected[row["stratum"]][f"ndcg@{K}"]
        assert row["cosine"] == pytest.approx(macro_average({"x": values})["x"])
        assert row["users"] == np.isfinite(values).sum()
        assert row["items"] == len(
            np.unique(test.indices[strata[test.indices] == ["head", "mid", "tail"].index(row["stratum"])])
        )


def test_items_of_no_stratum_count_for_none_and_empty_strata_have_no_value(world: World):
    strata = np.full(21, -1)
    report = by_item_strata({"P": Popularity().fit(world.train)}, world.test, strata, ["a"], k=K)
    assert report.rows == ({"stratum": "a", "items": 0, "users": 0, "P": None},)
    assert " -" in repr(report)


@pytest.mark.parametrize(
    "strata", [["head"] * 21, [None] * 21, [0.5] * 21, [np.nan] * 21, [1] * 21, [0] * 20]
)
def test_strata_that_are_no_places(world: World, strata: list[object]):
    models = {"P": Popularity().fit(world.train)}
    with pytest.raises(InputError, match="`strata` must be 21 places in the 1 `names`"):
        by_item_strata(models, world.test, strata, ["a"], k=K)


def test_periods_are_cut_at_their_first_years(dated: World):
    models = {"P": Popularity().fit(dated.train)}
    report = by_period(models, dated.test, edges=[1985, 1990], k=K)
    strata = [0] * 5 + [1] * 5 + [2] * 10 + [-1]
    names = ["before 1985", "1985-1989", "from 1990"]
    assert report.rows == by_item_strata(models, dated.test, strata, names, k=K).rows
    quartiles = by_period(models, dated.test, k=K).column("items")
    assert 3 <= len(quartiles) <= 4


def test_perturbed_titles_are_refitted_and_measured(dated: World):
    class Counting(TextEncoder):
        """Vectors by block, which are lost when the year is."""

        name, fingerprint, dim, cacheable = "counting", "counting", 3, False

        def encode(self, texts):
            known = [[text[0] == "n", text[0] == "s", 0.1] if "(" in text else [0, 0, 1] for text in texts]
            return np.array(known, dtype=np.float32)

    fits = []

    def fit(encoder):
        fits.append(encoder.encode(dated.train.titles))
        return TitleCosine(encoder).fit(dated.train)

    same = {"no year": lambda titles: [t.split(" (")[0] for t in titles], "as it is": list}
    report = perturbation_report(
        fit, dated.train.titles, dated.valid, encoder=Counting(), perturbations=same, k=K
    )
    assert list(report.column("kept")) == ["original", "no year", "as it is", "shuffled", "random"]
    assert len(fits) == 4  # what changed nothing is not fitted again
    assert report.column("changed") == pytest.approx(
        {"original": 0, "no year": 20 / 21, "as it is": 0, "shuffled": None, "random": None}
    )
    kept, p = report.column("kept"), report.column("p")
    assert kept["original"] == kept["as it is"] == 1
    assert p["as it is"] == 1
    assert max(kept["no year"], kept["shuffled"], kept["random"]) < 0.9
    assert p["original"] is None
    assert report.column("cosine")["no year"] < 0.2
    np.testing.assert_allclose(np.sort(fits[2], axis=0), np.sort(fits[0], axis=0))
    np.testing.assert_allclose(np.linalg.norm(fits[3], axis=1), np.linalg.norm(fits[0], axis=1), rtol=1e-5)


def test_controls_alone_and_an_encoder_that_is_fitted_once(dated: World):
    fitted = TfidfEncoder(4).fit(dated.train.titles)

    def report(encoder, **options):
        rank = lambda vectors: TitleCosine(vectors).fit(dated.train)  # noqa: E731
        return perturbation_report(rank, dated.train.titles, dated.valid, encoder=encoder, k=K, **options)

    assert list(report(fitted, perturbations={}).column("kept")) == ["original", "shuffled", "random"]
    reverse = {"reversed": lambda titles: [title[::-1] for title in titles]}
    by_name, by_object = (report(one, perturbations=reverse) for one in ("tfidf:4", fitted))
    assert by_name.column("cosine")["reversed"] == by_object.column("cosine")["reversed"]


LETTERS = PrecomputedEncoder(texts=["a", "b"], embeddings=[[1, 0], [0, 1]])


def films(n: int = 120) -> list[str]:
    return [f"film {place} ({1950 + place // 2})" for place in range(n)] + ["no year"]


def test_years_are_recalled_from_vectors_that_hold_them_alone():
    titles, rng = films(), np.random.default_rng(0)
    bare = [f"film {place}" for place in range(120)]
    knows = PrecomputedEncoder(texts=bare, embeddings=[[place, 1] for place in range(120)])
    forgets = PrecomputedEncoder(texts=bare, embeddings=rng.standard_normal((120, 5)))
    known, unknown = year_recall(titles, knows), year_recall(titles, forgets)
    assert known.r2 > 0.99 > 0.2 > unknown.r2
    shuffled = pd.Series(titles).sample(frac=1, random_state=0)
    assert year_recall(shuffled, knows).r2 == year_recall(shuffled.tolist(), knows).r2 > 0.99
    assert year_recall(pa.array(titles), knows).r2 == known.r2
    assert known.error < 1 < unknown.error
    assert known.constant_error == pytest.approx(15, abs=0.5)  # the mean distance from the middle of 60 years
    assert np.isnan(known.predicted[-1])
    assert known.years[-1] == -1


def test_halves_are_alike_in_decade_and_popularity():
    rng = np.random.default_rng(0)
    years = np.where(rng.random(300) < 0.1, -1, rng.integers(1950, 2000, 300))
    counts = rng.zipf(1.6, 300)
    predicted = np.where(years < 0, np.nan, 1975.0)
    strata = familiarity_strata(YearRecall(years, predicted, 0.0, 0.0, 0.0), counts)
    groups = years // 10 * 3 + popularity_strata(counts)
    assert (strata[years < 0] == -1).all()
    for group in np.unique(groups[years > 0]):
        inside = (groups == group) & (years > 0)
        errors = np.abs(years - 1975)[inside]
        known, unknown = errors[strata[inside] == 0], errors[strata[inside] == 1]
        assert len(known) == len(unknown) == inside.sum() // 2
        assert max(known, default=0) <= min(unknown, default=99)


def test_familiarity_is_a_pair_of_strata(dated: World):
    years = np.append(1980 + np.arange(20), -1)
    recall = YearRecall(years, years + np.tile([0.0, 9.0, 5.0], 7), 0.5, 1.0, 2.0)
    models = {"P": Popularity().fit(dated.train)}
    report = by_familiarity(models, dated.test, recall, k=K)
    strata = familiarity_strata(recall, dated.train.item_counts)
    assert report.rows == by_item_strata(models, dated.test, strata, ["recalled", "not recalled"], k=K).rows
    assert "R2 0.50" in report.note


def test_bad_input_is_refused(world: World, dated: World):
    models = {"P": Popularity().fit(world.train)}
    other = {"Q": Popularity().fit(Dataset.from_frame(frames()[0]))}
    cases = [
        (lambda: by_item_strata({}, world.test, np.zeros(21), ["a"]), "must not be empty"),
        (lambda: by_item_strata(models | other, world.test, np.zeros(21), ["a"]), "same users and items"),
        (lambda: by_item_strata(models, world.test, np.zeros(20), ["a"]), "21 places"),
        (lambda: by_item_strata(models, world.test, np.ones(21), ["a"]), "largest 1"),
        (lambda: by_item_strata(models, world.test, np.full(21, 0.9), ["a"]), "largest 0.9"),
        (lambda: by_item_strata({"users": models["P"]}, world.test, np.ones(21), ["a"]), "got 'users'"),
        (lambda: by_period(models, world.test), "must carry years"),
        (lambda: by_period({"P": Popularity().fit(dated.train)}, dated.test, edges=[3, 2]), "ascend"),
        (lambda: perturbation_report(lambda e: None, ["a"], None, controls=["randm"]), "'random'"),
        (
            lambda: perturbation_report(lambda e: None, ["a"], None, perturbations={"original": list}),
            "a name of its own, got 'original'",
        ),
        (lambda: perturbation_report(lambda e: None, ["a"], None, k=[5, 10]), "`k` must be an integer"),
        (lambda: perturbation_report(lambda e: None, ["a"], None, metric="ncdg"), "Did you mean 'ndcg'"),
        (
            lambda: perturbation_report(
                lambda e: None, ["a", "b"], None, encoder=LETTERS, perturbations={"cut": lambda t: t[:1]}
            ),
            "'cut' must return a title for each, got 1 for 2",
        ),
        (
            lambda: perturbation_report(lambda e: None, ["a", "b"], None, encoder=LETTERS, perturbations={}),
            "`fit` must return a fitted model, got NoneType",
        ),
        (lambda: year_recall(["a", "b"]), "must carry years"),
        (
            lambda: familiarity_strata(YearRecall(np.ones(3), np.ones(3), 0, 0, 0), [1]),
            "each of the 3 titles",
        ),
    ]
    for call, message in cases:
        with pytest.raises(InputError, match=message):
            call()
