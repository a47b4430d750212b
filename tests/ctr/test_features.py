"""Out-of-fold statistics and tastes against plain loops; text and graph blocks."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

import graphrec_lm as gl
from graphrec_lm.ctr import DeepFM, GraphFeatures, lm_cost, load, rows_of
from graphrec_lm.ctr.coding import coders
from graphrec_lm.ctr.compress import Compressor
from graphrec_lm.ctr.fields import Field, Fields
from graphrec_lm.ctr.rates import FOLDS, Rates, draw_folds
from graphrec_lm.ctr.tastes import Tastes
from graphrec_lm.errors import InputError
from graphrec_lm.text import Template, TfidfEncoder
from tests.ctr.worlds import COMMON, FIELDS, Words, rows, text

ROWS = rows(600)
RNG = np.random.default_rng(3)


def test_rates_are_out_of_fold():
    n = 200
    users, items = RNG.integers(0, 6, n), RNG.integers(0, 9, n)
    y, folds = RNG.integers(0, 2, n).astype(float), draw_folds(n, 0)
    rates, own = Rates.fit(users, items, (6, 9), y, folds)

    def mean_of(values, keep, shrink):
        return values[keep].sum() / (keep.sum() + shrink)

    def deviations(values, groups, shrink):
        pairs = zip(groups, folds, strict=True)
        return np.array([mean_of(values, (groups == g) & (folds != f), shrink) if g else 0 for g, f in pairs])

    item = deviations(y - y.mean(), items, 10)
    user = deviations(y - y.mean() - item, users, 5)
    np.testing.assert_allclose(own[:, 1], user)
    np.testing.assert_allclose(own[:, 2], item)
    later = rates.features(np.array([0, 2]), np.array([0, 3]))
    assert later[0, 1:].tolist() == [0, 0, 0, 0]
    np.testing.assert_allclose(later[1, 2], mean_of(y - y.mean(), items == 3, 10))


def test_tastes_are_ridge_regressions_out_of_fold():
    n, dim, ridge = 300, 4, 2.0
    groups, index = RNG.integers(0, 7, n), RNG.integers(0, 20, n)
    vectors = RNG.standard_normal((20, dim)).astype(np.float32)
    e, folds = RNG.standard_normal(n), draw_folds(n, 1)
    tastes, own = Tastes.fit(groups, 7, vectors, index, e, folds, ridge)

    def solve(keep):
        x = np.c_[vectors[index[keep]].astype(float), np.full(keep.sum(), 2.0)]
        return np.linalg.solve(x.T @ x + ridge * np.eye(dim + 1), x.T @ e[keep])[:dim]

    for row in range(0, n, 17):
        keep = (groups == groups[row]) & (folds != folds[row])
        expected = solve(keep) @ vectors[index[row]] if groups[row] else 0
        np.testing.assert_allclose(own[row], expected, atol=1e-6)
    np.testing.assert_allclose(tastes.weights[3], solve(groups == 3), atol=1e-5)
    np.testing.assert_allclose(tastes.features(groups, vectors, index)[groups == 0], 0)


def test_folds_are_equal():
    assert np.ptp(np.bincount(draw_folds(105, 0), minlength=FOLDS)) == 1


@pytest.mark.parametrize("whiten", [False, True])
def test_compression_has_unit_length_and_is_fitted_once(whiten: bool):
    x = RNG.standard_normal((50, 12)).astype(np.float32)
    compressor = Compressor.fit(x, 5, whiten)
    z = compressor(x)
    assert z.shape == (50, 5)
    np.testing.assert_allclose((z**2).sum(1).mean(), 1, rtol=1e-5)
    if whiten:
        second = z.T @ z
        np.testing.assert_allclose(second, np.eye(5) * second[0, 0], atol=1e-3 * second[0, 0])
    np.testing.assert_allclose(compressor(x[:3]), z[:3], atol=1e-6)


@pytest.mark.parametrize("whiten", [False, True])
def test_directions_without_variance_stay_zero(whiten: bool):
    one = Compressor.fit(np.ones((1, 6), np.float32), 4, whiten)
    np.testing.assert_array_equal(one(np.eye(6, dtype=np.float32)), 0)
    few = Compressor.fit(np.eye(8, dtype=np.float32)[:3], 6, whiten)
    new = few(RNG.standard_normal((20, 8)).astype(np.float32))
    assert (np.abs(new) < 3).all() and np.count_nonzero(few.components.any(axis=0)) == 2


def test_tastes_do_not_depend_on_how_many_are_solved_together(monkeypatch):
    groups, index = RNG.integers(0, 9, 300), RNG.integers(0, 40, 300)
    vectors = RNG.standard_normal((40, 5)).astype(np.float32)
    given = groups, 9, vectors, index, RNG.standard_normal(300), draw_folds(300, 0), 2.0
    together, own = Tastes.fit(*given)
    monkeypatch.setattr("graphrec_lm.ctr.tastes.BYTES", 1)
    alone, same = Tastes.fit(*given)
    np.testing.assert_allclose(alone.weights, together.weights, atol=1e-6)
    np.testing.assert_allclose(same, own, atol=1e-6)


def test_an_encoder_given_to_a_saved_model_is_that_of_the_fit(tmp_path):
    class Others(Words):
        fingerprint = "words-2"

    model = DeepFM(FIELDS, text=text(), **COMMON | {"epochs": 1}).fit(ROWS)
    model.save(tmp_path / "m")
    with pytest.raises(InputError, match="must be the one that the model was fitted with"):
        load(tmp_path / "m", encoder=Others())
    load(tmp_path / "m").save(tmp_path / "again")
    np.testing.assert_array_equal(load(tmp_path / "again").predict_proba(ROWS), model.predict_proba(ROWS))


def test_lists_of_both_kinds_get_the_same_codes():
    flat = pa.chunked_array([["a|b", "b", None]])
    nested = pa.chunked_array([[["a", "b"], ["b"], None]])
    [one], [two] = (coders(Field("g", "list"), "item", column) for column in (flat, nested))
    assert one.codes(flat)[0].tolist() == two.codes(nested)[0].tolist() == [[1, 2], [2, -1], [-1, -1]]


def test_lists_that_are_all_empty_are_like_none():
    here = ROWS.assign(genres=[value.split("|") for value in ROWS["genres"]])
    model = DeepFM(FIELDS, text(), **COMMON | {"epochs": 1}).fit(here)
    row = here[:1]
    nothing = model.predict_proba(row.assign(genres=None))
    np.testing.assert_array_equal(model.predict_proba(row.assign(genres=[[]])), nothing)
    both = model.predict_proba(here[:2].assign(genres=[[], ["Drama"]]))
    np.testing.assert_allclose(both[:1], nothing, rtol=1e-6)
    assert model.unseen_ == {}
    for kind in (pa.list_(pa.null()), pa.list_(pa.float64())):
        [coder] = coders(Field("g", "list"), "item", pa.chunked_array([["a|b"]]))
        coder = replace(coder, family="list")
        codes, unseen = coder.codes(pa.chunked_array([pa.array([[], None], kind)]))
        assert codes.tolist() == [[-1, -1], [-1, -1]] and unseen == 0


@pytest.mark.parametrize(
    ("learned", "other", "told"),
    [
        ([["a", "b"]], [[1, 2]], "list of text, got list of integer"),
        ([["a", "b"]], [[0.5]], "list of text, got list of number"),
        ([["a", "b"]], [[["a"]]], "list of text, got list of list"),
        ([[1, 2]], [[1.5]], "list of integer, got list of number"),
        ([[1, 2]], [["1"]], "list of integer, got list of text"),
    ],
)
def test_lists_of_another_type(learned: list[list[object]], other: list[list[object]], told: str):
    [coder] = coders(Field("g", "list"), "item", pa.chunked_array([learned]))
    with pytest.raises(InputError, match=f"'g' must hold the type it was fitted with, {told}"):
        coder.codes(pa.chunked_array([other]))


def test_lists_of_whole_floats_are_lists_of_integers():
    floats = pa.chunked_array([[[1.0, None], [2.0], [float("nan"), 3.0]]])
    [coder] = coders(Field("g", "list"), "item", floats)
    assert coder.values == [1, 2, 3] and coder.width == 1
    for column in (floats, pa.chunked_array([[[1], [2], [3]]])):
        assert coder.codes(column)[0].tolist() == [[1], [2], [3]] and coder.codes(column)[1] == 0


def test_a_list_of_fractions_takes_whole_numbers():
    [coder] = coders(Field("g", "list"), "item", pa.chunked_array([[[1.0, 2.5]]]))
    assert coder.codes(pa.chunked_array([[[1], [3]]]))[0].tolist() == [[1, -1], [0, -1]]


def test_a_vocabulary_learned_from_empty_lists_is_empty():
    [coder] = coders(Field("g", "list"), "item", pa.chunked_array([[[], []]]))
    assert coder.values == [] and coder.codes(pa.chunked_array([[["a"], []]]))[0].tolist() == [[0], [-1]]


INTEGERS, FLOATS = pa.array([9, 7, 9]), pa.array([9.0, None, 7.0])


@pytest.mark.parametrize("learned", [INTEGERS, FLOATS, FLOATS.cast(pa.float32()).dictionary_encode()])
def test_a_whole_number_is_the_same_category_as_a_float(learned: pa.Array):
    [coder] = coders(Field("c", "category"), "user", pa.chunked_array([learned]))
    assert coder.family == "integer" and coder.values == [7, 9]
    for kind in (pa.int8(), pa.float32(), pa.float64()):
        codes, unseen = coder.codes(pa.chunked_array([pa.array([7, None, 9, 8], kind)]))
        assert codes.ravel().tolist() == [1, 0, 2, 0] and unseen == 1
    nan = coder.codes(pa.chunked_array([[np.nan, 7.0]]))
    assert nan[0].ravel().tolist() == [0, 1] and nan[1] == 0
    for other in ([7.5], [2.0**53 + 2], [np.inf], ["7"], [True]):
        with pytest.raises(InputError, match="must hold the type it was fitted with, integer"):
            coder.codes(pa.chunked_array([other]))


def test_fractions_stay_numbers_and_so_do_categories_saved_as_floats():
    [coder] = coders(Field("c", "category"), "user", pa.chunked_array([[7.5, 8.0]]))
    assert coder.family == "number"
    saved = replace(coder, values=[7.0, 8.0])  # learned from whole floats before they counted as integers
    for column in ([8.0, None, 9.0], [8, None, 9]):
        for one in (coder, saved):
            assert one.codes(pa.chunked_array([column]))[0].ravel().tolist() == [2, 0, 0]
    with pytest.raises(InputError, match="must hold the type it was fitted with, number, got text"):
        coder.codes(pa.chunked_array([["8"]]))


def test_a_category_that_is_missing_everywhere_is_unknown():
    [coder] = coders(Field("c", "category"), "user", pa.chunked_array([["a"]]))
    codes, unseen = coder.codes(pa.chunked_array([[np.nan, None]]))
    assert codes.tolist() == [[0], [0]] and unseen == 0


def test_integers_with_a_gap_are_the_same_ids(tmp_path):
    liked = ROWS[ROWS["rating"] >= 4][["user_id", "item_id"]]
    graph = gl.MF(dim=4, epochs=1, verbose=False).fit(gl.Dataset.from_frame(liked))
    gap = ROWS.astype({"user_id": float, "year": float})
    gap.loc[7, ["user_id", "year"]] = np.nan
    for learned, other in ((ROWS, gap), (gap, ROWS)):
        model = DeepFM(FIELDS, text(), GraphFeatures(graph), **COMMON | {"epochs": 1}).fit(learned)
        expected = model.predict_proba(learned[8:])
        np.testing.assert_array_equal(model.predict_proba(other[8:]), expected)
        whole = model.predict_proba(gap)
        assert np.isfinite(whole).all()
        model.save(tmp_path / "m")
        np.testing.assert_array_equal(load(tmp_path / "m", encoder=Words()).predict_proba(gap), whole)


def test_a_longer_list_loses_what_is_unknown_first(caplog):
    [coder] = coders(Field("g", "list"), "item", pa.chunked_array([["a", "b"]]))
    codes, unseen = coder.codes(pa.chunked_array([["z|a", "b", "b|a", None]]))
    assert codes.tolist() == [[1], [2], [2], [-1]] and unseen == 1
    assert "g: 1 known values are left out" in caplog.text


def test_a_language_model_is_opened_once(tmp_path, monkeypatch):
    made = []

    def resolve(spec):
        made.append(spec)
        return Words()

    monkeypatch.setattr("graphrec_lm.ctr.features.resolve_encoder", resolve)
    monkeypatch.setattr("graphrec_lm.ctr.persistence.resolve_encoder", resolve)
    two = text(encoder="words", item=["{title}", "film {title}"], user="{job}")
    DeepFM(FIELDS, two, **COMMON | {"epochs": 1}).fit(ROWS).save(tmp_path / "m")
    load(tmp_path / "m")
    assert made == ["words", "words"]


def test_each_sentence_is_encoded_once_and_known_after_loading(tmp_path):
    encoder = Words()
    features = text(encoder=encoder, item="{title} of {genres|join}", user="{job}")
    model = DeepFM(FIELDS, text=features, **COMMON | {"epochs": 1}).fit(ROWS, valid=rows(100, 5))
    assert encoder.encoded == ROWS["title"].nunique() + 3
    model.save(tmp_path / "m")
    loaded = load(tmp_path / "m")
    np.testing.assert_array_equal(loaded.predict_proba(ROWS), model.predict_proba(ROWS))
    new = ROWS[:5].assign(title="Another film")
    with pytest.raises(InputError, match="new sentences need the encoder of the fit"):
        loaded.predict_proba(new)
    again = load(tmp_path / "m", encoder=Words())
    np.testing.assert_array_equal(again.predict_proba(new), model.predict_proba(new))


@pytest.mark.parametrize(
    "options",
    [
        dict(apart=False),
        dict(projection=3),
        dict(components=None, tastes=False),
        dict(whiten=True, shuffle="words"),
        dict(shuffle="sentences"),
        dict(style="bare", context=None),
        dict(style="labelled"),
    ],
)
def test_options_of_text(options: dict, tmp_path):
    model = DeepFM(FIELDS, text=text(**options), **COMMON | {"epochs": 1}).fit(ROWS)
    assert np.isfinite(model.predict_proba(rows(50, 9))).all()
    model.save(tmp_path / "m")
    loaded = load(tmp_path / "m", encoder=Words())
    np.testing.assert_array_equal(loaded.predict_proba(ROWS), model.predict_proba(ROWS))


def test_graph_features_are_the_models_vectors_and_zeros_for_strangers(tmp_path):
    liked = ROWS[ROWS["rating"] >= 4][["user_id", "item_id"]]
    graph = gl.MF(dim=4, epochs=1, verbose=False).fit(gl.Dataset.from_frame(liked))
    model = DeepFM(FIELDS, graph=GraphFeatures(graph), **COMMON | {"epochs": 1}).fit(ROWS)
    some = pa.Table.from_pandas(ROWS[:5].assign(user_id=[999, *ROWS["user_id"][1:5]]))
    blocks = model._state.features.transform(some).blocks
    vectors = blocks[0][0][blocks[0][1]]
    assert not vectors[0].any()
    floats = some.set_column(0, "user_id", pa.array([np.nan, *map(float, ROWS["user_id"][1:5])]))
    for (_, places), (_, expected) in zip(
        model._state.features.transform(floats).blocks, blocks, strict=True
    ):
        np.testing.assert_array_equal(places, expected)
    code = graph.dataset_.users.codes(ROWS["user_id"][1:2])
    np.testing.assert_array_equal(vectors[1], graph.user_vectors_[code[0]])
    model.save(tmp_path / "m")
    np.testing.assert_array_equal(load(tmp_path / "m").predict_proba(ROWS), model.predict_proba(ROWS))


def test_a_graph_model_must_have_what_products_need():
    vectors = SimpleNamespace(user_vectors_=np.ones((1, 2)), item_vectors_=np.ones((1, 2)), dataset_=None)
    with pytest.raises(InputError, match="must be a fitted model of this library"):
        GraphFeatures(vectors).block()


def test_products_of_training_rows_are_as_if_they_had_not_been_fitted():
    liked = ROWS[ROWS["rating"] >= 4][["user_id", "item_id"]].drop_duplicates()
    graph = gl.AlphaRec(encoder="tfidf:8", hidden=8, dim=4, epochs=1, verbose=False)
    titles = ROWS[["item_id", "title"]].drop_duplicates("item_id")
    graph.fit(gl.Dataset.from_frame(liked, titles))
    features = GraphFeatures(graph)
    user, item = liked.iloc[0]
    rows = pa.table({"user_id": [user, user, 999], "item_id": [item, item, item]})
    block = features.block()
    found = features.training_products(block, block.index(rows["user_id"], rows["item_id"]))
    others = liked[(liked["user_id"] == user) & (liked["item_id"] != item)]["item_id"].tolist()
    alone = graph.recommend(history=[others], k=len(titles))
    assert found[0, 0] == found[1, 0] == pytest.approx(alone.set_index("item_id")["score"][item], abs=1e-6)
    texts = pa.chunked_array([[str(user), str(user), None]])
    again = features.training_products(block, block.index(texts, rows["item_id"]))
    np.testing.assert_array_equal(again, found)
    assert found[2, 0] == 0 and abs(found[0, 0] - graph.predict([(user, item)])[0]) > 1e-4


def test_cost_is_accounted():
    model = DeepFM(FIELDS, text=text(), **COMMON | {"epochs": 1}).fit(ROWS)
    before = model.predict_proba(ROWS)
    cost = lm_cost(model, ROWS, predictions=2)
    assert cost["sentences"] == 60 + 5 * 3  # films; five words for an age, three jobs
    assert cost["cache_mib"] > 0
    assert min(cost["known_ms"], cost["warm_ms"], cost["cold_ms"]) > 0
    np.testing.assert_array_equal(model.predict_proba(ROWS), before)


def test_rows_of_a_dataset():
    items = ROWS[["item_id", "title", "genres"]].drop_duplicates("item_id")
    dataset = gl.Dataset.from_frame(ROWS[["user_id", "item_id", "rating"]], items, positive="rating >= 4")
    table = rows_of(dataset)
    assert len(table) == len(ROWS)
    expected = ROWS[["user_id", "item_id", "title"]]
    assert table[["user_id", "item_id", "title"]].to_numpy().tolist() == expected.to_numpy().tolist()
    with pytest.raises(InputError, match=r"rows_of\(dataset\)"):
        DeepFM(FIELDS).fit(dataset)


@pytest.mark.parametrize(("method", "classes"), [("random", 1), ("leave_last_out", 2), ("global_time", 2)])
def test_which_splits_hold_out_rows_that_are_not_positive(method: str, classes: int):
    split = gl.Dataset.from_frame(ROWS, positive="rating >= 4").split(method)
    assert (rows_of(split.valid)["rating"] >= 4).nunique() == classes


@pytest.mark.parametrize("encoder", ["tfidf:6", TfidfEncoder(6)])
def test_tfidf_is_fitted_to_each_template_and_saved(encoder, tmp_path):
    options = {"encoder": encoder, "components": 4, "context": []}
    model = DeepFM(FIELDS, text(**options), **COMMON).fit(ROWS)
    first, second = (block.encoder for block in model._state.features.texts)
    assert first.fingerprint != second.fingerprint
    model.save(tmp_path / "m")
    new = ROWS[:5].assign(title="A film that nobody knows")
    np.testing.assert_array_equal(load(tmp_path / "m").predict_proba(new), model.predict_proba(new))
    again = DeepFM(FIELDS, text(**options), **COMMON).fit(ROWS[:300])
    assert again._state.features.texts[1].encoder.fingerprint != second.fingerprint


def test_tfidf_in_a_list_is_refused():
    """It would be fitted to the first template alone, and could not be saved."""
    with pytest.raises(InputError, match="TF-IDF, which learns from each template, must be the only encoder"):
        DeepFM(FIELDS, text(encoder=["tfidf:6", "tfidf:4"]), **COMMON).fit(ROWS)


def test_no_column_of_the_interactions_is_overwritten():
    interactions = (
        ROWS[["user_id", "item_id"]].assign(rating=5, rating_item=7).drop_duplicates(["user_id", "item_id"])
    )
    items = ROWS[["item_id"]].drop_duplicates().assign(rating=9.0)
    found = rows_of(gl.Dataset.from_frame(interactions, items))
    assert [found[name].unique().tolist() for name in ("rating", "rating_item", "rating_item_item")] == [
        [5],
        [7],
        [9],
    ]


def test_declared_ids_are_in_no_sentence():
    here = ROWS.rename(columns={"user_id": "userId", "item_id": "movieId"}).assign(country_id="at")
    fields = Fields(user_id="userId", item_id="movieId", user=["age", "country_id"], item=["title"])
    found = DeepFM(fields, text(), **COMMON).fit(here)._state.features.texts
    assert [block.template.fields for block in found] == [("age", "country_id"), ("title",)]


def test_a_cache_that_was_off_stays_off(tmp_path):
    DeepFM(FIELDS, text(cache=False), **COMMON).fit(ROWS).save(tmp_path / "m")
    assert load(tmp_path / "m").get_params()["text"].cache is False


def test_columns_named_as_in_other_libraries_make_sentences():
    here = ROWS.rename(columns={"age": "age:float", "job": "zip-code"})
    fields = Fields(user=["age:float", "zip-code"], item=["title"])
    model = DeepFM(fields, text(), **COMMON).fit(here)
    assert model._state.features.texts[0].template.fields == ("age:float", "zip-code")


@pytest.mark.parametrize(("values", "found"), [(["a", "b"], "type string"), ([None, float("nan")], "none")])
def test_words_need_numbers(values, found):
    with pytest.raises(InputError, match=rf"\{{n\|words\}} needs .*{found}"):
        Template("{n|words}").fit({"n": pa.array(values)})
