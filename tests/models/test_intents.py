"""What people say they want: mixed with histories, alone, and against."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import graphrec_lm
from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError, UnknownIdError
from graphrec_lm.models import (
    EASE,
    AlphaFree,
    AlphaRec,
    Blend,
    LightGCN,
    TextGCN,
    TextGCNMLP,
    TextRidge,
    TitleCosine,
    WhiteGCN,
    load,
)
from graphrec_lm.models.alpha_rule import GRID, VAGUE, AlphaRule, _gains, wish_features
from graphrec_lm.models.people import People
from graphrec_lm.models.wishes import Wishes, parse, wish_vectors
from graphrec_lm.text import SentenceEncoder
from tests.models.test_transfer import FEW, WORLD, Blocks, assert_equal_arrays, items

MODELS = {
    "AlphaRec": lambda: AlphaRec(**FEW, encoder=Blocks()),
    "AlphaRec, linear": lambda: AlphaRec(projection="linear", **FEW, encoder=Blocks()),
    "TextGCNMLP": lambda: TextGCNMLP(**FEW, encoder=Blocks()),
    "AlphaFree": lambda: AlphaFree(**FEW, encoder=Blocks()),
    "TextGCN": lambda: TextGCN(layers=2, encoder=Blocks()),
    "TextGCN, last": lambda: TextGCN(layers=2, combine="last", encoder=Blocks()),
    "TitleCosine": lambda: TitleCosine(encoder=Blocks()),
    "WhiteGCN": lambda: WhiteGCN(encoder=Blocks()),
    "TextRidge": lambda: TextRidge(encoder=Blocks(), verbose=False),
    "EASE": lambda: EASE(regularization=2.0),
    "LightGCN": lambda: LightGCN(epochs=20, batch_size=32, dim=8, learning_rate=0.03, verbose=False),
    "Blend": lambda: Blend([EASE(), TitleCosine(encoder=Blocks())]),
}


@pytest.fixture(scope="module", params=MODELS)
def fitted(request):
    return MODELS[request.param]().fit(WORLD.train, valid=WORLD.valid)


def words(frame):
    return frame["title"].str.split().str[0].tolist()


def ask(model, *users, **options):
    return model.recommend(*users, encoder=Blocks(), **options)


def test_the_ends_are_history_and_search(fitted):
    alone = fitted.recommend(["u0", "u1"], k=5)
    with_none = ask(fitted, ["u0", "u1"], k=5, intent="south", alpha=0)
    assert with_none["item_id"].tolist() == alone["item_id"].tolist()
    search = ask(fitted, intent="south", k=15)
    for user in ("u0", "u1"):
        all_of_it = ask(fitted, [user], k=15, intent="south", alpha=1, filter_seen=False)
        assert all_of_it["item_id"].tolist() == search["item_id"].tolist()


def test_a_wish_moves_the_list(fitted):
    before = words(fitted.recommend(["u0", "u2", "u4"], k=4))
    after = words(ask(fitted, ["u0", "u2", "u4"], k=4, intent="south", alpha=0.9))
    assert before.count("south") < after.count("south")


def test_a_wish_of_a_model_of_vectors_is_its_cosine_to_the_titles():
    graph, titles = (MODELS[name]().fit(WORLD.train) for name in ("LightGCN", "TitleCosine"))
    found, expected = (ask(model, intent="north", k=15)["item_id"].tolist() for model in (graph, titles))
    assert found == expected


def test_each_person_has_their_own_wish_and_weight(fitted):
    both = ask(fitted, ["u0", "u1"], k=4, intent=["south", "north"], alpha=[0.9, 0.2])
    one = ask(fitted, ["u0"], k=4, intent="south", alpha=0.9)
    other = ask(fitted, ["u1"], k=4, intent="north", alpha=0.2)
    alone = pd.concat([one, other])["item_id"].tolist()
    assert both["item_id"].tolist() == alone


def test_who_is_unknown_takes_their_wish_and_weight_along(fitted):
    both = ask(
        fitted, ["u0", "stranger"], k=4, intent=["south", "north"], alpha=[0.9, 0.2], on_unknown="drop"
    )
    one = ask(fitted, ["u0"], k=4, intent="south", alpha=0.9)
    assert both["item_id"].tolist() == one["item_id"].tolist()


def test_a_history_is_its_fitted_user_with_any_wish(fitted):
    if not hasattr(fitted, "adapt") or isinstance(fitted, AlphaRec | TextGCNMLP | LightGCN):
        return  # exact only for models that hold nothing of their own about a user
    dataset = fitted.dataset_
    own = dataset.items.ids[dataset.indices[slice(*dataset.indptr[:2])]].tolist()
    by_history = ask(fitted, history=[own], k=5, intent="south", alpha=0.4)
    by_id = ask(fitted, [dataset.users.ids[0]], k=5, intent="south", alpha=0.4)
    assert by_history["item_id"].tolist() == by_id["item_id"].tolist()


def test_somebody_without_history_has_the_wish_alone(fitted):
    top = ask(fitted, ["nobody"], k=5, intent="south", alpha=0.1)
    assert top["item_id"].tolist() == ask(fitted, intent="south", k=5)["item_id"].tolist()


def test_what_is_not_wanted_is_last(fitted):
    assert set(words(ask(fitted, intent="not north", k=5))) == {"south"}
    wanted = ask(fitted, intent=["south, not north", "north"], k=3)
    assert words(wanted)[:3] == ["south"] * 3


def test_learned_weights_follow_the_wishes(fitted, tmp_path):
    model = type(fitted)(**fitted.get_params())
    model._fitted = fitted._fitted
    rows = [(f"u{user}", "south" if user % 2 else "north", item) for user, item in targets()] * 12
    wishes = pd.DataFrame(rows, columns=["user_id", "intent", "item_id"])
    before = ask(model, ["u0"], k=3, intent="south", alpha="auto")
    model.learn_alpha(wishes, encoder=Blocks())
    assert len(model.alpha_rule_.weights) == 3 and "alpha_rule" in model._state.notes
    assert len(before) == len(ask(model, ["u0"], k=3, intent="south", alpha="auto"))
    assert fitted.alpha_rule_ != model.alpha_rule_
    model.save(tmp_path / "m")
    loaded = graphrec_lm.load(tmp_path / "m")
    pd.testing.assert_frame_equal(
        ask(loaded, ["u0"], k=3, intent="south", alpha="auto"),
        ask(model, ["u0"], k=3, intent="south", alpha="auto"),
    )


def targets():
    """An unseen item of the own block for each user."""
    dataset = WORLD.train
    for user in range(24):
        code = dataset.users.codes([f"u{user}"], what="user")[0]
        seen = set(dataset.indices[slice(*dataset.indptr[code : code + 2])].tolist())
        yield user, next(item for item in range(user % 2 * 10, 20) if item not in seen)


def test_a_rule_learns_to_trust_specific_wishes():
    generator = np.random.default_rng(0)
    n, n_items = 400, 50
    titles = np.eye(n_items, dtype=np.float32)
    meant = generator.integers(1, n_items, n).astype(np.int32)
    specific = np.arange(n) % 2 == 0
    nothing = np.eye(n_items, dtype=np.float32)[:1]
    vague = generator.random((n, n_items)) / 4 + 2 * nothing
    vague /= np.linalg.norm(vague, axis=1, keepdims=True)
    vectors = np.where(specific[:, None], titles[meant], vague).astype(np.float32)
    own = generator.random((n, n_items)).astype(np.float32)
    own[np.arange(n), np.where(specific, generator.integers(1, n_items, n), meant)] += 2
    indptr, empty = np.zeros(n + 1, np.int64), np.zeros(0, np.int32)
    wishes = Wishes(vectors, 0 * vectors, np.zeros(n, np.float32), titles)
    people = People(np.arange(n), None, indptr, empty, wishes)

    def score(part: People):
        wish = 4 * part.wishes.vectors @ titles.T
        return lambda alphas: (1 - alphas[:, None]) * own[part.ids] + alphas[:, None] * wish

    rule = AlphaRule.learned(people, meant, score, nothing)
    alphas = rule.alphas(wish_features(people, nothing))
    assert alphas[specific].min() > alphas[~specific].max() + 0.2

    def hits(weights: np.ndarray) -> float:
        return float((score(people)(weights).argmax(axis=1) == meant).mean())

    assert hits(alphas) > max(hits(np.full(n, alpha)) for alpha in GRID) + 0.1


def test_the_length_of_vectors_does_not_weigh():
    class Longer(Blocks):
        fingerprint = "blocks-10"

        def encode(self, texts):
            return 10 * super().encode(texts)

    for alpha in (0.2, 0.5, 0.8):
        found = [
            TitleCosine(encoder=encoder)
            .fit(WORLD.train)
            .recommend(["u0", "u1"], k=8, intent="south and north", alpha=alpha)
            for encoder in (Blocks(), Longer())
        ]
        assert found[0]["item_id"].tolist() == found[1]["item_id"].tolist()
        np.testing.assert_allclose(found[0]["score"], found[1]["score"], atol=1e-3)


def test_among_equal_scores_a_target_stands_in_the_middle():
    titles, n = np.eye(5, dtype=np.float32), 3
    wishes = Wishes(titles[:n], 0 * titles[:n], np.zeros(n, np.float32), titles)
    people = People(np.arange(n), None, np.arange(n + 1), np.array([4, 4, 4], np.int32), wishes)
    scores = np.array([[0, 0, 0, 0, 9], [1, 2, 3, 4, 9], [2, 2, 3, 1, 9]], dtype=np.float32)
    gains = _gains(people, np.array([1, 2, 0], np.int32), lambda part: lambda alphas: scores[part.ids].copy())
    expected = 1 / np.log2(2 + np.array([1.5, 1, 1.5]))
    np.testing.assert_allclose(gains, np.tile(expected[:, None], len(GRID)))


def test_people_without_history_teach_no_weight():
    rows = [(f"u{user}", "south" if user % 2 else "north", item) for user, item in targets()]
    wishes = pd.DataFrame(rows, columns=["user_id", "intent", "item_id"])
    strangers = wishes.assign(user_id="nobody")
    model = TitleCosine(encoder=Blocks()).fit(WORLD.train)
    alone = model.learn_alpha(wishes).alpha_rule_
    assert model.learn_alpha(pd.concat([strangers, wishes])).alpha_rule_ == alone
    with pytest.raises(InputError, match="10 rows of users with a history, got 0"):
        model.learn_alpha(strangers)


def test_a_blend_reads_wishes_by_its_members_encoder():
    model = Blend([EASE(), WhiteGCN(encoder=Blocks())], weights=[1, 1]).fit(WORLD.train)
    assert words(model.recommend(intent="south", k=3)) == ["south"] * 3
    with pytest.raises(InputError, match="another fingerprint"):
        model.recommend(intent="south", k=3, encoder=WORLD.encoder)


def test_each_member_of_a_loaded_blend_gets_its_encoder(tmp_path):
    members = [WhiteGCN(encoder=Blocks()), TitleCosine(encoder=WORLD.encoder)]
    Blend(members, weights=[1, 1]).fit(WORLD.train).save(tmp_path / "m")
    new = pd.DataFrame({"item_id": [900], "title": ["north 0"]})
    loaded = load(tmp_path / "m")
    with pytest.raises(InputError, match="another fingerprint"):
        loaded.add_items(new, encoder=Blocks())
    assert (
        loaded.add_items(new, encoder=[WORLD.encoder, Blocks()]).dataset_.n_items == WORLD.train.n_items + 1
    )
    again = load(tmp_path / "m").set_params(members=members).add_items(new)
    assert again.dataset_.n_items == WORLD.train.n_items + 1


def test_a_blend_keeps_the_titles_of_its_members(monkeypatch):
    asked: list[str] = []
    model = Blend([EASE(), WhiteGCN(encoder=Blocks())], weights=[1, 1]).fit(WORLD.train)
    encode = Blocks.encode
    monkeypatch.setattr(Blocks, "encode", lambda self, texts: asked.extend(texts) or encode(self, texts))
    model.recommend(intent="south", k=3)
    assert asked == ["south"]


@pytest.mark.parametrize(
    ("text", "wanted", "unwanted"),
    [
        ("  a comedy  ", "a comedy", ""),
        ("something light but not silly", "something light", "silly"),
        ("comedy not horror", "comedy", "horror"),
        ("comedy with no violence", "comedy", "violence"),
        ("a thriller. No gore", "a thriller", "gore"),
        ("war films without heroes", "war films", "heroes"),
        ("Without gore", "", "gore"),
        ("no horror", "", "horror"),
        ("something funny, I don't want any gore", "something funny", "gore"),
        ("a movie like Rebel Without a Cause", "a movie like Rebel Without a Cause", ""),
        ("Dr. No (1962)", "Dr. No (1962)", ""),
        ("funny, not just for kids", "funny, not just for kids", ""),
        ("films I have not seen", "films I have not seen", ""),
        ("Don't want horror", "", "horror"),
        ("Except horror, anything", "", "horror, anything"),
        ("No Time to Die", "No Time to Die", ""),
        ("not only horror but comedy", "not only horror but comedy", ""),
        ("to be or not to be", "to be or not to be", ""),
        ('"Not Another Teen Movie"', '"Not Another Teen Movie"', ""),
        ('like "rebel without a cause", not sad', 'like "rebel without a cause"', "sad"),
        ("Why not a comedy?", "Why not a comedy?", ""),
        ("nothing but comedies", "nothing but comedies", ""),
        ("not horror, but a comedy", "a comedy", "horror"),
        ("films that are not horror but are funny", "films that are, are funny", "horror"),
        ("not violent but also not boring", "", "violent, boring"),
        ("i dont like horror, I want comedy", "comedy", "horror"),
        ("no horror, I'd like a comedy", "a comedy", "horror"),
        ("please no horror", "", "horror"),
        ("comedy, but please no horror", "comedy", "horror"),
        ("comedy and no romance", "comedy", "romance"),
        ("something funny but nothing scary", "something funny", "scary"),
        ("comedy (no gore) with music", "comedy, with music", "gore"),
        ("not horror (or gore)", "", "horror (or gore)"),
        ('not like "Anything, but love", but funny', "funny", 'like "Anything, but love"'),
        ("nothing scary", "", "scary"),
        ("no preference", "no preference", ""),
        ("I am not sure, a drama perhaps", "I am not sure, a drama perhaps", ""),
        *((text, text, "") for text in VAGUE),
    ],
)
def test_parts_of_a_wish(text, wanted, unwanted):
    assert parse(text) == (wanted, unwanted)


def test_vectors_of_a_wish():
    vectors = wish_vectors(["south, not north", "south"], Blocks())
    north, south = (row / np.linalg.norm(row) for row in Blocks().encode(["north", "south"]))
    np.testing.assert_allclose(vectors, [[south, south], [north, 0 * north]], atol=1e-6)
    wishes = Wishes(*vectors, np.ones(2, np.float32), np.eye(8, dtype=np.float32))
    np.testing.assert_allclose(wishes.vectors, [south - north / 2, south], atol=1e-6)


def test_wishes_and_new_items():
    model = TitleCosine(encoder=Blocks()).fit(WORLD.train).add_items(items([60], ["south new"]))
    assert 60 in model.recommend(intent="south", k=11)["item_id"].tolist()
    assert_equal_arrays(model, model)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(intent="  "), "must say something"),
        (dict(intent=["south", ""]), "must say something"),
        (dict(intent=["south"]), "1 for 2 people"),
        (dict(intent=3), "`intent` must be a text"),
        (dict(intent={"u0": "south", "u1": "north"}), "got dict. Write .intent.user. for user in users."),
        (dict(intent={"south", "north"}), "got set"),
        (dict(intent="south", alpha="0.4"), "a number from 0 to 1"),
        (dict(intent="south", alpha=True), "a number from 0 to 1"),
        (dict(intent="south", filter_seen="no"), "`filter_seen` must be True or False"),
        (dict(intent="south", alpha=1.5), r"number from 0 to 1"),
        (dict(intent="south", alpha=float("nan")), r"number from 0 to 1"),
        (dict(intent="south", alpha=[0.1, 0.2, 0.3]), "for 2 people"),
        (dict(intent="south", alpha="much"), "'auto'"),
        (dict(intent="south", encoder=WORLD.encoder), "another fingerprint"),
    ],
)
def test_what_is_refused(options, message):
    model = TitleCosine(encoder=Blocks()).fit(WORLD.train)
    with pytest.raises(InputError, match=message):
        model.recommend(["u0", "u1"], **options)


@pytest.mark.parametrize(("intent", "message"), [(3, "must be a text"), ([""], "must say something")])
def test_what_a_search_refuses(intent, message):
    model = TitleCosine(encoder=Blocks()).fit(WORLD.train)
    with pytest.raises(InputError, match=message):
        model.recommend(intent=intent)
    assert len(model.recommend(intent=[])) == 0


def test_wishes_are_read_by_the_columns_of_the_dataset():
    titles = pd.DataFrame({"item_id": WORLD.train.items.ids, "title": WORLD.train.titles})
    rows = WORLD.train.to_frame()
    named = Dataset.from_frame(rows.rename(columns={"user_id": "who"}), titles, columns={"who": "user_id"})
    wishes = pd.DataFrame([(f"u{user}", "south", item) for user, item in targets()] * 12)
    wishes.columns = ["who", "intent", "item_id"]
    rule = TitleCosine(encoder=Blocks()).fit(named).learn_alpha(wishes).alpha_rule_
    plain = TitleCosine(encoder=Blocks()).fit(Dataset.from_frame(rows, titles))
    assert plain.learn_alpha(wishes.rename(columns={"who": "user_id"})).alpha_rule_ == rule


def test_wishes_to_learn_from_are_checked():
    model = TitleCosine(encoder=Blocks()).fit(WORLD.train)
    seen = int(WORLD.train.items.ids[WORLD.train.indices[0]])
    user = str(WORLD.train.users.ids[0])
    wrong = [
        (pd.DataFrame({"user_id": ["u0"] * 9, "intent": "south", "item_id": 20}), "at least 10 rows"),
        (pd.DataFrame({"user_id": [user] * 12, "intent": "south", "item_id": seen}), "not be in the history"),
        (pd.DataFrame({"user_id": ["u0"] * 12, "item_id": 20}), "intent"),
    ]
    for wishes, message in wrong:
        with pytest.raises(InputError, match=message):
            model.learn_alpha(wishes)
    with pytest.raises(UnknownIdError):
        model.learn_alpha(pd.DataFrame({"user_id": ["zoe"] * 12, "intent": "south", "item_id": 20}))
    assert "alpha_rule" not in model._state.notes


def test_a_wish_longer_than_the_window_warns():
    encoder = SentenceEncoder(max_length=16)
    assert encoder.overlong(["short", "word " * 13]) == []
    assert encoder.overlong(["short", "word " * 40]) == ["word " * 40]
    with pytest.warns(UserWarning, match="reads only the beginning of an intent of 40 words"):
        wish_vectors(["word " * 40], encoder)


@pytest.mark.parametrize("intent", ["Not Without My Daughter", "  not without my  daughter (1991) "])
def test_a_title_of_the_catalogue_is_wanted_as_a_whole(intent):
    titles = ["Not Without My Daughter (1991)", "Heat (1995)"]
    wanted, unwanted = wish_vectors([intent, "not sad"], Blocks(), lambda: titles)
    assert wanted[0].any() and not unwanted[0].any()
    assert unwanted[1].any() and not wanted[1].any()


def test_the_length_of_titles_is_measured_once_a_state(monkeypatch):
    model = MODELS["AlphaRec"]().fit(WORLD.train)
    before = ask(model, ["u0"], intent="south")
    lengths = np.linalg.norm(model._state.arrays["titles"].astype(np.float32), axis=1)
    assert model._title_length == pytest.approx(lengths.mean(), rel=1e-6)
    kept = model._length_of
    pd.testing.assert_frame_equal(ask(model, ["u0"], intent="south"), before)
    assert model._length_of is kept
    model.add_items(items([60], ["south new"]))
    assert model._title_length and model._length_of is not kept


def test_wishes_do_not_depend_on_when_titles_were_encoded(tmp_path):
    class Thirds(Blocks):
        def encode(self, texts):
            return super().encode(texts) / np.float32(3) + np.linspace(0, 0.1, 8, dtype=np.float32)

    wish = {"intent": "south", "encoder": Thirds(), "k": 20}
    model = MODELS["LightGCN"]().fit(WORLD.train)
    model.recommend(["u0"], **wish)  # the titles are kept from here on
    model.add_items(items([60, 61], ["south new", "else new"]), encoder=Thirds())
    model.save(tmp_path / "model")
    found = [each.recommend(["u0"], **wish) for each in (model, load(tmp_path / "model"))]
    pd.testing.assert_frame_equal(*found, check_exact=True)


def test_a_new_edge_makes_no_augmented_view(monkeypatch):
    model = MODELS["AlphaFree"]().fit(WORLD.train)
    monkeypatch.setattr("graphrec_lm.models.alpha_free.augmented_view", None)
    model.update(WORLD.test.to_frame()[["user_id", "item_id"]][:1])
    assert model.dataset_.n_interactions == WORLD.train.n_interactions + 1
