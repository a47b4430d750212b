"""New items, new interactions and whole domains on frozen weights; one model for several domains."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

import graphrec_lm
from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError, NotFittedError, UnknownIdError
from graphrec_lm.models import (
    AlphaFree,
    AlphaRec,
    LightGCN,
    Recommender,
    TextGCN,
    TextGCNMLP,
    TitleCosine,
    WhiteGCN,
)
from graphrec_lm.text import PrecomputedEncoder, TextEncoder, TfidfEncoder
from graphrec_lm.training import Checkpoint
from tests.models.worlds import block, checkerboard, encoder, files_in, frames, titles

WORLD = checkerboard()
FEW = dict(epochs=12, learning_rate=0.02, batch_size=32, negatives=4, dim=4, hidden=8, verbose=False)
MODELS: dict[str, Any] = {
    "AlphaRec": lambda **more: AlphaRec(**FEW, **more),
    "AlphaRec, linear": lambda **more: AlphaRec(projection="linear", **FEW, **more),
    "TextGCNMLP": lambda **more: TextGCNMLP(**FEW, **more),
    "TextGCNMLP, one tower": lambda **more: TextGCNMLP(shared=True, layers=0, **FEW, **more),
    "AlphaFree": lambda **more: AlphaFree(neighbors=2, **FEW, **more),
    "TextGCN": lambda **more: TextGCN(layers=2, **more),
    "TextGCN, last": lambda **more: TextGCN(layers=2, combine="last", **more),
    "TitleCosine": lambda **more: TitleCosine(**more),
    "WhiteGCN": lambda **more: WhiteGCN(**more),
}
TRAINED = ["AlphaRec", "AlphaRec, linear", "TextGCNMLP", "TextGCNMLP, one tower", "AlphaFree"]
NEW = ["north new", "south new", "south newer"]


class Blocks(TextEncoder):
    """North and south, for any title, as the encoder of the checkerboard."""

    name, fingerprint, dim, cacheable = "blocks", "blocks-1", 8, False

    def encode(self, texts):
        known = dict(zip(titles(), encoder().encode(titles()), strict=True))
        centres = {"north": np.eye(8)[0] * 4, "south": np.eye(8)[1] * 4}
        rows = [known.get(text, centres.get(text.split()[0], np.full(8, 0.1))) for text in texts]
        return np.array(rows, dtype=np.float32)


def items(ids: list[int], names: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"item_id": ids, "title": names})


def pairs(users: list[str], codes: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"user_id": users, "item_id": codes, "split": "train"})


def elsewhere() -> Dataset:
    """Another domain: the same two blocks under other ids, without a user in common."""
    rows, table, _ = frames()
    rows = rows.assign(user_id="v" + rows["user_id"], item_id=rows["item_id"] + 500)
    return Dataset.from_frame(rows[rows["split"] == "train"], table.assign(item_id=table["item_id"] + 500))


def assert_equal_arrays(one: Recommender, other: Recommender, tolerance: float = 2e-6) -> None:
    ours, theirs = one._state.arrays, other._state.arrays
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], atol=tolerance, err_msg=name)


@pytest.fixture(scope="module", params=MODELS)
def fitted(request: pytest.FixtureRequest) -> Any:
    return MODELS[request.param](encoder=Blocks()).fit(WORLD.train, valid=WORLD.valid)


def copy(model: Any) -> Any:
    made = type(model)(**model.get_params())
    made._fitted = model._fitted
    return made


def test_adapting_to_what_was_fitted_changes_nothing(fitted):
    same = fitted.adapt(WORLD.train, valid=WORLD.valid)
    assert_equal_arrays(same, fitted)
    assert dict(same.evaluate(WORLD.test)) == pytest.approx(dict(fitted.evaluate(WORLD.test)), abs=1e-6)


def test_weights_go_to_another_domain(fitted, tmp_path):
    there = fitted.adapt(elsewhere())
    top = there.recommend(k=3)
    own = top["title"].str.split().str[0] == top["user_id"].str[1:].map(block)
    assert own.mean() > 0.85
    assert fitted.dataset_ is WORLD.train
    there.save(tmp_path / "model")
    loaded = graphrec_lm.load(tmp_path / "model")
    pd.testing.assert_frame_equal(loaded.recommend(k=3), top)


def test_a_domain_without_interactions_takes_histories(fitted):
    table, none = items([1, 2, 3, 4], ["north a", "north b", "south a", "south b"]), np.zeros(0, np.int32)
    users, ids = graphrec_lm.data.IdMap(none), graphrec_lm.data.IdMap([1, 2, 3, 4])
    import pyarrow as pa

    bare = Dataset.from_codes(users, ids, none, none, item_table=pa.Table.from_pandas(table))
    model = fitted.adapt(bare)
    top = model.recommend(history=[[1], [3]], k=3)
    assert len(top) == 6
    if isinstance(model, TextGCNMLP) or getattr(model, "combine", "mean") == "last":
        return  # what they learned, or look at, are hops
    assert model.recommend(history=[[1], [3]], k=1)["item_id"].tolist() == [2, 4]


def test_added_items_are_those_of_the_larger_table(fitted):
    model = copy(fitted).add_items(items([70, 60, 65], NEW))
    _, table, users = frames()
    larger = pd.concat([table, items([70, 60, 65], NEW)])
    rows = frames()[0]
    union = Dataset.from_frame(rows[rows["split"] == "train"], larger, users)
    assert model.dataset_.fingerprint == union.fingerprint
    assert_equal_arrays(model, fitted.adapt(union))
    assert fitted.dataset_.n_items == 21


def test_adding_no_items_changes_nothing(fitted):
    model = copy(fitted).add_items(items([70, 60, 65], NEW)[:0])
    assert_equal_arrays(model, fitted)
    assert model.dataset_.n_items == 21


def test_added_items_are_recommended_and_similar(fitted):
    model = copy(fitted).add_items(items([70, 60, 65], NEW))
    if isinstance(model, TextGCN) and model.combine == "last":
        return
    top = model.recommend(["u0", "u1"], k=8)
    own = top[top["user_id"].map({"u0": "north", "u1": "south"}) == top["title"].str.split().str[0]]
    assert {70}.issubset(own[own["user_id"] == "u0"]["item_id"]) or not {60, 65}.isdisjoint(
        own[own["user_id"] == "u1"]["item_id"]
    )
    assert model.similar_items([60], k=3)["title"].str.startswith("south").all()
    assert model.recommend(history=[[60]], k=3)["title"].str.startswith("south").all()


def test_an_update_is_adapting_to_the_union(fitted):
    new = pairs(["u0", "zoe", "zoe", "nobody", "u1"], [20, 3, 4, 12, 11])
    model = copy(fitted).update(new)
    union = WORLD.train.with_interactions(new)
    assert (model.dataset_.n_users, union.users.ids[-1]) == (26, "zoe")
    assert_equal_arrays(model, fitted.adapt(union), tolerance=0)
    assert not set(model.recommend(["zoe"], k=30)["item_id"]) & {3, 4}
    assert model.evaluate(WORLD.test)["recall@20"] > 0


def test_what_cannot_be_added_changes_nothing(fitted):
    model, before = copy(fitted), fitted._fitted
    wrong = [
        (lambda: model.add_items(items([3], ["north again"])), "already there"),
        (lambda: model.add_items(items([99], [" "])), "no title for"),
        (lambda: model.add_items(pd.DataFrame({"item_id": [99]})), "title"),
        (lambda: model.add_items(items(["a"], ["north"])), "must be int"),
        (lambda: model.add_items(items([99], ["north"]), encoder=encoder()), "another fingerprint"),
        (lambda: model.update(pairs(["u0"], [999])), "999"),
        (lambda: model.update(pd.DataFrame({"user_id": ["u0"]})), "item_id"),
        (lambda: model.update(pairs([7], [3])), "must be str"),
        (lambda: model.adapt(WORLD.train, encoder=encoder()), "another fingerprint"),
        (lambda: model.adapt("movies"), "`dataset` must be a Dataset"),
        (lambda: model.adapt(Dataset.from_frame(frames()[0])), "column 'title'"),
    ]
    for call, message in wrong:
        with pytest.raises(InputError, match=message):
            call()
        assert model._fitted is before


def test_later_parameters_wait_for_the_next_fit(fitted):
    model = copy(fitted)
    if "layers" in model.get_params():
        model.set_params(layers=1)
    assert_equal_arrays(model.adapt(WORLD.train), fitted)
    assert_equal_arrays(model.update(pairs(["u0"], [20])), copy(fitted).update(pairs(["u0"], [20])))


@pytest.mark.parametrize("name", TRAINED)
def test_one_model_for_two_domains(name, tmp_path):
    model = MODELS[name](encoder=Blocks()).fit([WORLD.train, elsewhere()], valid=[WORLD.valid, None])
    assert len(model.history_) == 12 and "valid_ndcg@20" in model.history_[-1]
    for call in (model.recommend, lambda: model.evaluate(WORLD.test), lambda: model.similar_items([3])):
        with pytest.raises(NotFittedError, match=r"fitted on 2\. Call adapt"):
            call()
    here = model.adapt(WORLD.train, valid=WORLD.valid)
    own = here.recommend(["u0", "u1"], k=2)["title"].str.split().str[0]
    assert own.tolist() == ["north"] * 2 + ["south"] * 2
    model.save(tmp_path / "model")
    loaded = graphrec_lm.load(tmp_path / "model")
    assert_equal_arrays(loaded.adapt(WORLD.train, encoder=Blocks()), here)


def test_an_encoder_by_name_that_is_fitted_to_texts_stays_the_same(tmp_path):
    new = pd.DataFrame({"item_id": [900], "title": ["north again"]})
    model = TitleCosine("tfidf:4").fit(WORLD.train)
    vectors = model._state.arrays["titles"]
    again = model.adapt(WORLD.train)
    np.testing.assert_array_equal(again._state.arrays["titles"], vectors)
    model.save(tmp_path / "m")
    assert model.add_items(new).recommend(intent="north", k=1)["title"].tolist()[0].startswith("north")
    again = graphrec_lm.load(tmp_path / "m").add_items(new)
    np.testing.assert_array_equal(again._state.arrays["titles"], model._state.arrays["titles"])
    several = AlphaRec(encoder="tfidf:4", **FEW).fit([WORLD.train, elsewhere()])
    first, second = (several.adapt(one)._state.arrays["titles"] for one in (WORLD.train, elsewhere()))
    np.testing.assert_array_equal(first, second)  # of the same titles


@pytest.mark.parametrize("encoder", ["tfidf:4", TfidfEncoder(4), [Blocks(), "tfidf:4"]])
def test_what_an_encoder_learned_is_saved(encoder, tmp_path):
    model = AlphaRec(encoder=encoder, **FEW).fit(WORLD.train)
    model.save(tmp_path / "m")
    loaded = graphrec_lm.load(tmp_path / "m")
    if isinstance(encoder, list):  # of which the other part is no name, and must be passed
        loaded.set_params(encoder=encoder)
    asked = {"users": ["u0", "u3"], "intent": "north", "alpha": 0.5}
    pd.testing.assert_frame_equal(loaded.recommend(**asked), model.recommend(**asked))
    loaded.save(tmp_path / "again")
    twice = graphrec_lm.load(tmp_path / "again")
    assert [one.fingerprint for one in twice._state.encoders] == [
        one.fingerprint for one in model._state.encoders
    ]
    elsewhere_too = loaded.adapt(elsewhere())
    assert_equal_arrays(elsewhere_too, model.adapt(elsewhere()))
    elsewhere_too.save(tmp_path / "there")
    assert graphrec_lm.load(tmp_path / "there")._state.encoders


def test_a_fit_learns_its_encoder_afresh_unless_it_goes_on():
    titles = pd.DataFrame({"item_id": range(4), "title": ["one two", "two three", "three four", "four one"]})
    other = Dataset.from_frame(pairs(["a", "a", "b"], [0, 1, 2]), titles)
    model = AlphaRec(encoder="tfidf:3", **FEW).fit(WORLD.train)
    (first,) = model._state.encoders
    on = AlphaRec(encoder="tfidf:3", **FEW).fit(other, init=model)
    assert on._state.encoders == (first,)
    (second,) = model.fit(other)._state.encoders
    assert second.fingerprint != first.fingerprint


def test_a_saved_encoder_that_is_damaged_is_refused(tmp_path):
    TitleCosine("tfidf:4").fit(WORLD.train).save(tmp_path / "m")
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    config["encoders"][0]["terms"].pop()
    (tmp_path / "m" / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"the encoders in config\.json must be whole"):
        graphrec_lm.load(tmp_path / "m")


@pytest.mark.parametrize("name", ["AlphaRec", "AlphaRec, linear", "AlphaFree"])
def test_a_domain_that_is_never_drawn_teaches_nothing(name):
    alone = MODELS[name](encoder=Blocks(), domain_weights=[1, 0]).fit([WORLD.train, elsewhere()])
    weights = alone._result.arrays
    other = WORLD.train.with_interactions(pairs(["u0"], [19]))
    same = MODELS[name](encoder=Blocks(), domain_weights=[1, 0]).fit([WORLD.train, other])
    for key, array in same._result.arrays.items():
        np.testing.assert_array_equal(array, weights[key])


def test_two_domains_continue_from_a_checkpoint(tmp_path):
    def model() -> AlphaRec:
        return AlphaRec(**FEW, encoder=Blocks())

    domains = [WORLD.train, elsewhere()]
    whole = model().fit(domains)
    with pytest.raises(KeyboardInterrupt):
        model().fit(domains, callbacks=[Checkpoint(tmp_path / "c", every=1), _Killed()])
    resumed = model().fit(domains, callbacks=[Checkpoint(tmp_path / "c", every=1)])
    for name, array in whole._result.arrays.items():
        np.testing.assert_array_equal(resumed._result.arrays[name], array)


@pytest.mark.parametrize("name", TRAINED)
def test_a_fit_goes_on_from_another_model(name):
    first = MODELS[name](encoder=Blocks()).fit(WORLD.train)
    slow = MODELS[name](encoder=Blocks()).set_params(epochs=1, learning_rate=1e-9)
    assert_equal_arrays(slow.fit(WORLD.train, init=first), first, tolerance=1e-5)
    domains = MODELS[name](encoder=Blocks()).fit([WORLD.train, elsewhere()])
    onwards = slow.fit(elsewhere(), init=domains)
    assert_equal_arrays(onwards, domains.adapt(elsewhere()), tolerance=1e-5)


def test_what_a_fit_cannot_start_from():
    first = AlphaRec(**FEW, encoder=Blocks()).fit(WORLD.train)
    wrong = [
        (AlphaRec(**FEW | dict(hidden=4), encoder=Blocks()), first, "must have weights of shape"),
        (AlphaRec(**FEW, encoder=encoder()), first, "another fingerprint"),
        (AlphaRec(**FEW, projection="linear", encoder=Blocks()), first, "same projection and towers"),
        (AlphaRec(**FEW, encoder=Blocks()), TextGCN(encoder=Blocks()), "`init` must be a fitted AlphaRec"),
    ]
    for model, init, message in wrong:
        with pytest.raises(InputError, match=message):
            model.fit(WORLD.train, init=init)
        assert model._fitted is None and model._start is None
    apart = TextGCNMLP(**FEW, encoder=Blocks()).fit(WORLD.train)
    with pytest.raises(InputError, match="two different towers for a shared one"):
        TextGCNMLP(**FEW, shared=True, encoder=Blocks()).fit(WORLD.train, init=apart)
    with pytest.raises(NotFittedError):
        first.fit(WORLD.train, init=AlphaRec())


@pytest.mark.parametrize(
    ("datasets", "valid", "message"),
    [
        ([], None, "an empty list"),
        ([WORLD.train, WORLD.train], WORLD.valid, "one `valid` for several"),
        ([WORLD.train, WORLD.train], [WORLD.valid], "1 for 2 datasets"),
        ([WORLD.train, "movies"], None, "`dataset` must be a Dataset"),
    ],
)
def test_wrong_domains(datasets, valid, message):
    with pytest.raises(InputError, match=message):
        AlphaRec(**FEW, encoder=Blocks()).fit(datasets, valid=valid)


@pytest.mark.parametrize("weights", ["alike", [1], [1, -1], [0, 0], [1, float("nan")], {"a": 1}])
def test_wrong_domain_weights(weights):
    with pytest.raises(InputError, match="`domain_weights` must be"):
        AlphaRec(**FEW, encoder=Blocks(), domain_weights=weights).fit([WORLD.train, elsewhere()])


def test_wrong_domain_weights_of_one_dataset():
    with pytest.raises(InputError, match="`domain_weights` must be one of"):
        AlphaRec(**FEW, encoder=Blocks(), domain_weights="alike").fit(WORLD.train)


def test_id_models_say_what_to_use():
    model = LightGCN(epochs=1, verbose=False).fit(WORLD.train)
    with pytest.raises(NotImplementedError, match=r"LightGCN cannot .* AlphaRec"):
        model.adapt(None)
    with pytest.raises(NotImplementedError, match="several datasets"):
        LightGCN().fit([WORLD.train])
    with pytest.raises(NotImplementedError, match="start from another model"):
        LightGCN().fit(WORLD.train, init=model)


def test_precomputed_vectors_of_one_model_lie_in_one_space():
    known = PrecomputedEncoder(texts=titles(), embeddings=encoder().encode(titles()), model=Blocks())
    model = TitleCosine(known).fit(WORLD.train)
    model.add_items(items([60], ["south new"]))
    assert model.similar_items([60], k=3)["title"].str.startswith("south").all()
    with pytest.raises(UnknownIdError):
        model.recommend(["zoe"])


class _Killed(graphrec_lm.training.Callback):
    def on_epoch_end(self, state):
        if state.epoch == 4:
            raise KeyboardInterrupt


def test_files_of_a_model_of_two_domains_hold_nobody(tmp_path):
    AlphaRec(**FEW, encoder=Blocks()).fit([WORLD.train, elsewhere()]).save(tmp_path / "m")
    assert not any(b"u13" in content for content in files_in(tmp_path / "m").values())


def test_where_nothing_happened_nothing_can_be_left_out():
    dataset = elsewhere()
    empty = Dataset.from_codes(dataset.users, dataset.items, [], [], item_table=dataset.item_table)
    model = TitleCosine(Blocks()).fit(WORLD.train).adapt(empty)
    pair = [(dataset.users.ids[0], dataset.items.ids[0])]
    np.testing.assert_array_equal(model.predict(pair, leave_out=True), model.predict(pair))
