"""What every model promises. A model joins in three lines; see `test_contract`."""

from __future__ import annotations

from copy import copy
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import graphrec_lm
from graphrec_lm.errors import InputError, NotFittedError, UnknownIdError
from graphrec_lm.models import MultVAE, Popularity, Random, Recommender
from graphrec_lm.models.factors import FactorRecommender
from graphrec_lm.models.plain import plain_parameters
from graphrec_lm.models.transfer import Transferable
from tests.models.worlds import COLD_USER, N_ITEMS, N_USERS, World, block, checkerboard, encoder

USERS = [f"u{user}" for user in range(N_USERS)]
ALL = N_ITEMS + 1


class ModelContract:
    """Set `model` and `params`; say what the model is not held to.

    Attributes
    ----------
    learns : bool
        Held-out items must come from the user's own block.
    exact_history : bool
        `history=` gives what the fitted user of that history gets.
    similarity : bool
        `similar_items` works.
    """

    model: ClassVar[type[Recommender]]
    params: ClassVar[dict[str, Any]] = {}
    learns = exact_history = similarity = True

    @classmethod
    def make(cls, **changes: Any) -> Any:
        text = {"encoder": encoder()} if cls.model.uses_text else {}
        return cls.model(**{**text, **cls.params, **changes})

    @pytest.fixture(scope="class")
    @classmethod
    def fitted(cls, world: World) -> Any:
        return cls.make().fit(world.train, valid=world.valid)

    def test_recommends_from_the_own_block(self, fitted):
        top = fitted.recommend(USERS, k=2)
        own = top["title"].str.startswith("north") == (top["user_id"].map(block) == "north")
        assert list(top.columns) == ["user_id", "item_id", "title", "rank", "score"]
        assert not self.learns or own.mean() > 0.85

    def test_similar_items_come_from_the_same_block(self, fitted):
        if not self.similarity:
            with pytest.raises(NotImplementedError, match="use"):
                fitted.similar_items([3])
            return
        found = fitted.similar_items(list(range(N_ITEMS)), k=3)
        assert list(found.columns) == ["item_id", "target_item_id", "title", "rank", "score"]
        assert (found["item_id"] != found["target_item_id"]).all() and len(found) == 3 * N_ITEMS
        assert ((found["item_id"] < 10) == (found["target_item_id"] < 10)).mean() > 0.85
        assert found.groupby("item_id")["score"].is_monotonic_decreasing.all()
        assert len(fitted.similar_items([3], k=1000)) == ALL - 1

    def test_similar_users_come_from_the_same_block(self, fitted):
        if not issubclass(self.model, FactorRecommender):
            with pytest.raises(NotImplementedError, match="use a model with vectors"):
                fitted.similar_users(["u3"])
            return
        found = fitted.similar_users(USERS, k=3)
        assert list(found.columns) == ["user_id", "target_user_id", "rank", "score"]
        assert (found["user_id"] != found["target_user_id"]).all() and len(found) == 3 * N_USERS
        assert (found["user_id"].map(block) == found["target_user_id"].map(block)).mean() > 0.85
        assert found.groupby("user_id")["score"].is_monotonic_decreasing.all()
        assert fitted.similar_users([COLD_USER], k=2)["score"].abs().max() < 1e-6 or fitted._knows_nobody
        assert not len(fitted.similar_users(["zoe"], on_unknown="drop"))

    def test_a_batch_gets_what_each_gets_alone(self, fitted):
        together = fitted.recommend(USERS, k=5)
        alone = pd.concat([fitted.recommend([user], k=5) for user in USERS], ignore_index=True)
        assert_same(together, alone)
        mixed = fitted.recommend(USERS[::-1], k=5)
        assert_same(mixed[mixed["user_id"] == "u3"], together[together["user_id"] == "u3"])

    def test_a_batch_of_histories_gets_what_each_gets_alone(self, fitted):
        histories = [[1, 2, 3], [], [14], list(range(N_ITEMS))]
        together = fitted.recommend(history=histories, k=4)
        for person, history in enumerate(histories):
            part = together[together["user_id"] == person].assign(user_id=0)
            if type(fitted).__name__ != "Random":
                assert_same(part, fitted.recommend(history=[history], k=4))
            assert not set(part["item_id"]) & set(history)

    def test_history_of_a_fitted_user(self, fitted, world):
        assert fitted.exact_for_new_people == self.exact_history
        if not self.exact_history:
            return
        train = world.train
        histories = [train.indices[slice(*train.indptr[u : u + 2])].tolist() for u in range(N_USERS + 1)]
        by_id = fitted.recommend([*USERS, COLD_USER], k=6).drop(columns="user_id")
        by_history = fitted.recommend(history=histories, k=6).drop(columns="user_id")
        assert_same(by_id, by_history)

    def test_empty_histories(self, fitted):
        assert fitted.recommend([COLD_USER], k=4)["rank"].tolist() == [1, 2, 3, 4]
        assert fitted.recommend(history=[[]], k=4)["rank"].tolist() == [1, 2, 3, 4]
        assert np.isfinite(fitted.recommend([COLD_USER], k=4)["score"]).all()

    def test_people_without_a_history_get_the_most_popular(self, fitted, world, tmp_path):
        if self.model in (MultVAE, Random):  # what they say of nobody is their own
            return
        counts = world.train.item_counts
        popular = np.lexsort((np.arange(ALL), -counts))
        for shown in (fitted.recommend([COLD_USER], k=ALL), fitted.recommend(history=[[]], k=ALL)):
            assert shown["item_id"].tolist() == popular.tolist()
        own = pd.DataFrame({"user_id": [COLD_USER, "u0", COLD_USER], "item_id": [2, 3, popular[0]]})
        best = fitted.recommend([COLD_USER], candidates=own, exclude=[int(popular[1])])["item_id"].tolist()
        assert best == [popular[0], 2]
        allowed = [5, int(popular[3]), int(popular[2])]
        assert fitted.recommend([COLD_USER], k=1, candidates=allowed)["item_id"].tolist() == [popular[2]]
        scores = fitted.predict([(COLD_USER, item) for item in popular])
        assert (np.diff(scores) <= 0).all()

    def test_more_than_all_items(self, fitted, world):
        found = fitted.recommend(["u0", COLD_USER], k=1000)
        counts = found.groupby("user_id").size()
        assert counts.to_dict() == {"u0": ALL - world.train.user_counts[0], COLD_USER: ALL}
        assert fitted.evaluate(world.test, k=1000)["recall@1000"] == 1

    def test_everyone_is_the_default_and_nobody_is_legal(self, fitted):
        assert_same(fitted.recommend(k=3), fitted.recommend([*USERS, COLD_USER], k=3))
        assert len(fitted.recommend([], k=3)) == len(fitted.recommend(history=[], k=3)) == 0

    def test_predict_agrees_with_recommend(self, fitted):
        shown = fitted.recommend(USERS, k=ALL, filter_seen=False)
        pairs = shown.sample(frac=1, random_state=0)
        scores = fitted.predict(pairs[["user_id", "item_id"]])
        assert scores.dtype == np.float32
        np.testing.assert_allclose(scores, pairs["score"], rtol=1e-6, atol=1e-6)
        tuples = list(pairs[["user_id", "item_id"]].itertuples(index=False, name=None))
        np.testing.assert_array_equal(fitted.predict(tuples[:9]), fitted.predict(pairs[:9]))

    def test_a_pair_that_is_left_out_scores_as_for_somebody_new(self, fitted, world):
        train = world.train
        pairs = list(zip(train.users.ids[train.edges.users], train.indices.tolist(), strict=True))[::7]
        if not self.exact_history:
            with pytest.raises(InputError, match="exact for new people"):
                fitted.predict(pairs, leave_out=True)
            return
        found = fitted.predict([*pairs, ("u0", ALL - 1)], leave_out=True)
        assert found[-1] == pytest.approx(fitted.predict([("u0", ALL - 1)])[0], abs=1e-6)
        histories = [
            [i for i in train.indices[slice(*train.indptr[u : u + 2])].tolist() if i != item]
            for u, item in ((train.users.codes([user])[0], item) for user, item in pairs)
        ]
        scores = fitted.recommend(history=histories, k=ALL)
        for place, (_, item) in enumerate(pairs):
            row = scores[(scores["user_id"] == place) & (scores["item_id"] == item)]
            assert found[place] == pytest.approx(row["score"].item(), rel=1e-5, abs=1e-6)

    def test_recommend_batch_equals_recommend(self, fitted, tmp_path):
        for name, options in (("seen", {"filter_seen": False}), ("unseen", {})):
            fitted.recommend_batch(tmp_path / name, k=4, **options)
            assert_same(pd.read_parquet(tmp_path / name), fitted.recommend(k=4, **options))
        assert len(list(tmp_path.iterdir())) == 2

    def test_evaluation_is_that_of_the_recommended_lists(self, fitted, world):
        result = fitted.evaluate(world.test, k=4, metrics=("recall", "hit_rate"))
        hidden = valid_pairs(world)
        found = fitted.recommend(USERS, k=4, exclude=hidden)
        truth = {user: set(items) for user, items in held_out(world).items()}
        hits = [row.item_id in truth[row.user_id] for row in found.itertuples()]
        assert list(result.user_ids) == USERS
        assert result["recall@4"] == pytest.approx(sum(hits) / (2 * N_USERS))
        assert result.per_user["hit_rate@4"].sum() == len(set(found["user_id"][hits]))

    def test_a_second_fit_starts_afresh(self, fitted, world):
        again = self.make().fit(world.test).fit(world.train, valid=world.valid)
        assert_same(again.recommend(k=ALL), fitted.recommend(k=ALL))

    def test_parameters(self, fitted):
        model = self.make()
        assert repr(model).startswith(f"{self.model.__name__}(")
        new = clone(fitted)
        assert plain_parameters(new.get_params()) == plain_parameters(fitted.get_params())
        assert new._fitted is None
        assert model.set_params(seed=3) is model and model.get_params()["seed"] == 3
        with pytest.raises(InputError, match=r"own parameters, got 'sead'\. Did you mean 'seed'\?"):
            model.set_params(seed=4, sead=1)
        assert model.get_params()["seed"] == 3

    def test_new_parameters_wait_for_the_next_fit(self, world, fitted):
        changed = self.make().fit(world.train, valid=world.valid)
        others = dict(seed=7, layers=5, dim=3, loss="bpr", projection="linear", tau=1.0)
        changed.set_params(**{name: others[name] for name in others if name in changed.get_params()})
        assert_same(changed.recommend(k=5), fitted.recommend(k=5))
        assert_same(changed.recommend(history=[[1, 2]], k=5), fitted.recommend(history=[[1, 2]], k=5))

    def test_a_failed_fit_leaves_the_model_as_it_was(self, world):
        model = self.make().fit(world.train)
        before = model.recommend(k=5)
        for arguments in ({"dataset": "train.csv"}, {"dataset": world.train, "valid": "valid.csv"}):
            with pytest.raises(InputError):
                model.fit(**arguments)
        assert_same(model.recommend(k=5), before)

    def test_must_be_fitted_first(self, world, tmp_path):
        model = self.make()
        calls = (
            model.recommend,
            lambda: model.recommend_batch(tmp_path / "all.parquet"),
            lambda: model.similar_items([1]),
            lambda: model.predict([("u0", 1)]),
            lambda: model.evaluate(world.test),
            lambda: model.save(tmp_path / "model"),
            lambda: model.history_,
        )
        for call in calls:
            with pytest.raises(NotFittedError, match=r"must be fitted first, got a new one\. Call fit"):
                call()
        assert not list(tmp_path.iterdir())

    def test_an_update_serves_new_people_and_longer_histories(self, fitted, world, tmp_path):
        before, model = fitted._fitted, copy(fitted)
        more = [("zoe", 1), ("zoe", 2), ("zoe", 3), ("u0", 11), (COLD_USER, 14)]
        assert model.update(pd.DataFrame(more, columns=["user_id", "item_id"])) is model
        assert fitted._fitted is before and model.dataset_.n_users == fitted.dataset_.n_users + 1
        shown = model.recommend(["zoe", "u0", COLD_USER], k=ALL)
        assert not set(zip(shown["user_id"], shown["item_id"], strict=True)) & set(more)
        if not issubclass(self.model, Transferable | Popularity | Random):  # these learn nothing about items
            new = fitted.recommend(history=[[1, 2, 3], [14]], k=ALL)
            assert_same(model.recommend(["zoe", COLD_USER], k=ALL).assign(user_id=new["user_id"]), new)
            assert_same(model.recommend(["u1"], k=5), fitted.recommend(["u1"], k=5))
        assert model.evaluate(world.test).keys() == fitted.evaluate(world.test).keys()
        model.save(tmp_path)
        assert_equal(graphrec_lm.load(tmp_path).recommend(k=5), model.recommend(k=5))
        unknown = pd.DataFrame({"user_id": ["u0"], "item_id": [999]})
        with pytest.raises(UnknownIdError, match="999"):
            model.update(unknown)
        lists = model.recommend(k=5)
        assert_same(model.update(unknown, on_unknown="drop").recommend(k=5), lists)

    def test_save_and_load(self, fitted, world, tmp_path):
        fitted.save(tmp_path / "model")
        for loaded in (graphrec_lm.load(tmp_path / "model"), self.model.load(tmp_path / "model")):
            assert type(loaded) is self.model and loaded.history_ == fitted.history_
            assert_equal(loaded.recommend(k=6), fitted.recommend(k=6))
            history = {"history": [[1, 2, 11], []], "k": 6}
            assert_equal(loaded.recommend(**history), fitted.recommend(**history))
            pairs = [("u1", 3), ("u2", 4)]
            np.testing.assert_array_equal(loaded.predict(pairs), fitted.predict(pairs))
            for name, values in fitted.evaluate(world.test).per_user.items():
                np.testing.assert_array_equal(loaded.evaluate(world.test).per_user[name], values)
            if self.similarity:
                assert_equal(loaded.similar_items([0, 15]), fitted.similar_items([0, 15]))

    @pytest.mark.parametrize("backend", ["polars", "pyarrow"])
    def test_frames_come_back_in_the_library_they_came_from(self, fitted, backend, tmp_path):
        here = checkerboard(backend)
        model = self.make().fit(here.train, valid=here.valid)
        model.save(tmp_path)
        for one in (model, graphrec_lm.load(tmp_path)):
            found = one.recommend(USERS[:3], k=4)
            assert type(found).__module__.split(".")[0] == backend
            assert_same(found.to_pandas(), fitted.recommend(USERS[:3], k=4))


def held_out(here: World) -> dict[str, list[int]]:
    test = here.test
    return {user: test.indices[slice(*test.indptr[at : at + 2])].tolist() for at, user in enumerate(USERS)}


def valid_pairs(here: World) -> pd.DataFrame:
    users = np.repeat(here.valid.users.ids, here.valid.user_counts)
    return pd.DataFrame({"user_id": users, "item_id": here.valid.items.ids[here.valid.indices]})


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Equal rows; scores within 1e-6."""
    rows = [frame.reset_index(drop=True) for frame in (found, expected)]
    exact = [frame.drop(columns="score") for frame in rows]
    pd.testing.assert_frame_equal(*exact, check_dtype=False)
    np.testing.assert_allclose(rows[0]["score"], rows[1]["score"], rtol=1e-6, atol=1e-6)


def assert_equal(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Equal bit for bit."""
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
