"""Closed forms against what defines them: normal equations, gradients, dense algebra."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from graphrec_lm.data import Dataset, IdMap
from graphrec_lm.errors import InputError, UnknownIdError
from graphrec_lm.kernels import gram
from graphrec_lm.models import (
    EASE,
    GFCF,
    L3AE,
    Blend,
    ChebyCF,
    ItemKNN,
    Popularity,
    TextGCN,
    TextRidge,
    load,
)
from graphrec_lm.models.dense_limit import physical_gib
from graphrec_lm.models.item_item import stored
from graphrec_lm.models.people import People
from graphrec_lm.models.ridge import inverse_gram, least_regularization, ridge_weights, thin_weights
from graphrec_lm.models.ridge_search import Grid, Search
from graphrec_lm.models.ridge_solvers import DenseSolver, SparseSolver
from graphrec_lm.models.spectrum import right_singular_vectors
from graphrec_lm.models.text_prior import TextPrior, TitleAxes
from graphrec_lm.text import PrecomputedEncoder
from tests.data.messages import check
from tests.models.worlds import checkerboard, encoder
from tests.support import normal, random_csr

SHAPES = pytest.mark.parametrize(("n_users", "n_items"), [(60, 25), (12, 40), (8, 60), (50, 15)])


def random_dataset(n_users, n_items, density=0.2):
    pattern = random_csr(n_users, n_items, density, seed=4)
    users = np.repeat(np.arange(n_users), np.diff(pattern.indptr))
    return Dataset.from_codes(IdMap(range(n_users)), IdMap(range(n_items)), users, pattern.indices), pattern


def brute_force_prior(titles, regularization):
    """EASE's formula on the transposed title vectors, without Woodbury."""
    inverse = np.linalg.inv(titles @ titles.T + regularization * np.eye(len(titles)))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


def assert_optimal(weights, interactions, regularization, target):
    """The gradient of ‖R - RB‖² + λ‖B - T‖² vanishes off the diagonal, which is zero."""
    gradient = interactions.T @ (interactions @ weights - interactions) + regularization * (weights - target)
    np.fill_diagonal(gradient, 0)
    assert np.abs(gradient).max() < 1e-3 and not np.diag(weights).any()


@SHAPES
def test_the_inverse_gram_matrix(n_users, n_items):
    dataset, pattern = random_dataset(n_users, n_items)
    gram = pattern.dense.T @ pattern.dense
    expected = np.linalg.inv(gram + 3 * np.eye(n_items))
    np.testing.assert_allclose(inverse_gram(dataset, 3.0).numpy(), expected, atol=1e-5)


def test_the_inverse_of_a_sparse_gram_matrix(monkeypatch):
    dataset, pattern = random_dataset(300, 400, density=0.005)
    found = inverse_gram(dataset, 3.0).numpy()
    expected = np.linalg.inv(pattern.dense.T @ pattern.dense + 3 * np.eye(400))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    monkeypatch.setattr("graphrec_lm.models.ridge.sparse_inverse", None)  # was it used?
    with pytest.raises(TypeError):
        inverse_gram(dataset, 3.0)
    monkeypatch.setattr("graphrec_lm.models.ridge._SPARSE", 0.0)
    np.testing.assert_allclose(inverse_gram(dataset, 3.0).numpy(), expected, atol=1e-6)


@SHAPES
def test_ease_solves_its_problem(n_users, n_items):
    dataset, pattern = random_dataset(n_users, n_items)
    model = EASE(regularization=3.0).fit(dataset)
    weights = model.item_weights_
    if n_users == 8:  # left as a product
        assert weights.left.shape == weights.right.shape == (n_items, n_users)
        weights = weights.toarray()
        np.testing.assert_allclose(np.diag(weights), 0, atol=1e-6)
        np.fill_diagonal(weights, 0)
    assert_optimal(weights.astype(np.float64), pattern.dense, 3.0, 0.0)
    scores = model.predict([(5, item) for item in range(n_items)])
    np.testing.assert_allclose(scores, pattern.dense[5] @ weights, atol=1e-6)


@pytest.mark.parametrize("regularization", [0.01, 1.0, 300.0])
def test_ease_through_few_users_is_ease(regularization):
    dataset, _ = random_dataset(12, 40, density=0.4)
    expected = ridge_weights(inverse_gram(dataset, regularization))
    np.testing.assert_allclose(thin_weights(dataset, regularization).toarray(), expected, atol=2e-5)


@pytest.mark.parametrize(("regularization", "strength"), [(0.5, 2.0), (30.0, 40.0)])
def test_the_ridge_through_few_users_is_the_ridge(regularization, strength):
    dataset, _ = random_dataset(8, 60, density=0.4)
    prior = TextPrior.of(normal((60, 6), 2), 1.0)
    expected = ridge_weights(inverse_gram(dataset, regularization), prior, strength)
    found = thin_weights(dataset, regularization, prior, strength).toarray()
    np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max())
    solved = DenseSolver(dataset).weights(regularization, prior, strength / regularization).toarray()
    np.testing.assert_allclose(solved, expected, atol=2e-5 * np.abs(expected).max())


def test_few_users_and_wide_titles_end_in_a_dense_matrix(monkeypatch):
    dataset, _ = random_dataset(12, 40)
    prior = TextPrior.of(normal((40, 6), 2), 1.0)
    expected = ridge_weights(inverse_gram(dataset, 3.0), prior, 6.0)
    found = DenseSolver(dataset).weights(3.0, prior, 2.0)
    assert isinstance(found, np.ndarray) and not np.diag(found).any()
    np.testing.assert_allclose(found, expected, atol=2e-5)
    monkeypatch.setattr("graphrec_lm.models.dense_limit.physical_gib", lambda: 1e-7)
    with pytest.raises(InputError, match="must fit in memory"):
        DenseSolver(dataset).weights(3.0, prior, 2.0)


def test_what_interactions_contribute_in_a_model_of_few_users():
    users, items = np.nonzero(random_csr(6, 60, 0.3, seed=4).dense)
    titles = [f"title {item}" for item in range(60)]
    read = PrecomputedEncoder(texts=titles, embeddings=normal((60, 5), 3))
    frame = pd.DataFrame({"user_id": users, "item_id": items})
    dataset = Dataset.from_frame(frame, pd.DataFrame({"item_id": range(60), "title": titles}))
    given = {"regularization": 3.0, "strength": 2.0, "text_regularization": 1.0}
    model = TextRidge(**given, solver="dense", encoder=read, verbose=False).fit(dataset)
    assert model.item_weights_.left.shape == (60, 6 + 5)
    found = model.explain(0, 7, k=60)
    alone = ridge_weights(inverse_gram(dataset, 3.0))[found["item_id"], 7]
    np.testing.assert_allclose(found["interactions"], alone, atol=1e-5)
    np.testing.assert_allclose(found["interactions"] + found["titles"], found["score"], atol=1e-5)
    assert found["titles"].abs().max() > 0.01


def test_ease_of_many_users_is_dense():
    dataset, _ = random_dataset(1001, 4100, density=0.002)
    assert isinstance(EASE().fit(dataset).item_weights_, np.ndarray)


@pytest.mark.parametrize("dim", [3, 60])
def test_the_prior_of_the_titles(dim):
    titles = normal((25, dim), 1)
    prior = TextPrior.of(titles, 2.0)
    found = prior.left @ prior.right.T - torch.diag(prior.diagonal)
    np.testing.assert_allclose(found.numpy(), brute_force_prior(titles, 2.0), atol=1e-4)


@SHAPES
@pytest.mark.parametrize("strength", [0.0, 1.0, 4.5])
def test_the_ridge_towards_a_prior_solves_its_problem(n_users, n_items, strength):
    dataset, pattern = random_dataset(n_users, n_items)
    titles = normal((n_items, 6), 2)
    weights = ridge_weights(inverse_gram(dataset, 3.0), TextPrior.of(titles, 1.0), strength)
    target = strength / 3 * brute_force_prior(titles.astype(np.float64), 1.0)
    assert_optimal(weights.astype(np.float64), pattern.dense, 3.0, target)


@SHAPES
@pytest.mark.parametrize("kind", [DenseSolver, lambda train: SparseSolver(train, 5)])
def test_the_scores_of_the_search_are_those_of_the_fitted_model(n_users, n_items, kind):
    dataset, _ = random_dataset(n_users, n_items)
    train, valid, _ = dataset.split("random", valid=0.3, test=0.0)
    titles, solver = normal((n_items, 6), 2), kind(train)
    grid = Grid(4.0, False, (1.0, 5.0), (0.0, 0.7), least_regularization(train))
    points = Search(train, valid, solver, TitleAxes.of(titles), 0).run(grid, lambda point: None)
    assert len({point.regularization for point in points}) >= 2 and len(points) >= 8
    for point in points:
        prior = TextPrior.of(titles, point.text_regularization)
        model = EASE().fit(train)
        model._state.arrays.clear()
        model._state.arrays.update(stored(solver.weights(point.regularization, prior, point.strength)))
        assert point.ndcg == pytest.approx(model.evaluate(valid, k=20)["ndcg@20"], abs=1e-6)


@pytest.mark.parametrize("strength", [0.0, 2.5])
def test_with_all_items_as_neighbours_the_sparse_ridge_is_the_dense_one(strength):
    dataset, _ = random_dataset(80, 20, density=0.3)
    assert (gram(dataset.indptr, dataset.indices, 20) > 0).all()
    prior = TextPrior.of(normal((20, 6), 2), 1.0)
    found = SparseSolver(dataset, 19).weights(3.0, prior, strength)
    expected = DenseSolver(dataset).weights(3.0, prior, strength)
    np.testing.assert_allclose(found.toarray(), expected, atol=1e-4)


@pytest.mark.parametrize("strength", [0.0, 2.5])
def test_the_sparse_ridge_solves_its_problem_on_the_support(strength):
    dataset, pattern = random_dataset(60, 25)
    titles, regularization = normal((25, 6), 2), 3.0
    prior, solver = TextPrior.of(titles, 1.0), SparseSolver(dataset, 6)
    found = solver.weights(regularization, prior, strength)
    weights = found.toarray().astype(np.float64)
    target = strength * brute_force_prior(titles.astype(np.float64), 1.0)
    counts = pattern.dense.T.astype(np.float64) @ pattern.dense
    shrink = regularization / (np.diag(counts) + regularization)
    slope = counts @ (weights - np.eye(25)) + regularization * (weights - target)
    on_support = solver.supports.regressors.toarray().T > 0
    assert np.abs(slope[on_support]).max() < 1e-3
    elsewhere = ~on_support
    np.testing.assert_allclose(weights[elsewhere], (shrink[:, None] * target)[elsewhere], atol=1e-5)


def test_text_ridge_chooses_on_validation_what_was_not_given():
    world = checkerboard()
    model = TextRidge(encoder=world.encoder, verbose=False).fit(world.train, valid=world.valid)
    best = max(model.search_, key=lambda point: point["ndcg"])
    assert model.chosen_ == best and len({point["strength"] for point in model.search_}) > 3
    given = {name: value for name, value in best.items() if name != "ndcg"}
    again = TextRidge(**given, encoder=world.encoder).fit(world.train)
    np.testing.assert_array_equal(again.item_weights_, model.item_weights_)
    part = TextRidge(strength=0.0, encoder=world.encoder, verbose=False).fit(world.train, valid=world.valid)
    assert {point["strength"] for point in part.search_} == {0.0}
    assert "ndcg" not in again.chosen_ and again.search_ == []


def test_text_ridge_without_validation_chooses_on_a_part_and_fits_the_whole():
    world = checkerboard()
    alone = TextRidge(encoder=world.encoder, verbose=False).fit(world.train)
    given = {name: value for name, value in alone.chosen_.items() if name != "ndcg"}
    again = TextRidge(**given, encoder=world.encoder).fit(world.train)
    np.testing.assert_array_equal(alone.item_weights_, again.item_weights_)
    assert len(alone.search_) > 3


def test_text_ridge_starts_where_float32_can_tell_lambda_from_nothing(monkeypatch):
    world = checkerboard()
    # as of 12.8 million interactions among 330 items
    monkeypatch.setattr("graphrec_lm.models.text_ridge.least_regularization", lambda dataset: 150.0)
    model = TextRidge(encoder=world.encoder, verbose=False, solver="dense").fit(world.train)
    assert min(point["regularization"] for point in model.search_) == 150.0
    fixed = TextRidge(120.0, encoder=world.encoder, verbose=False, solver="dense")
    with pytest.raises(InputError, match=r"`regularization` must be a number >= 150\.0, got 120\.0"):
        fixed.fit(world.train)
    assert TextRidge(120.0, encoder=world.encoder, verbose=False, solver="sparse").fit(world.train).search_


def test_a_truncated_text_ridge_does_not_quote_the_figure_of_all_its_weights():
    world = checkerboard()
    whole, part = (
        TextRidge(encoder=world.encoder, verbose=False, keep=keep).fit(world.train, valid=world.valid)
        for keep in (None, 3)
    )
    assert whole.chosen_["ndcg"] == pytest.approx(whole.evaluate(world.valid, k=20)["ndcg@20"], abs=1e-6)
    assert part.chosen_ == {name: value for name, value in whole.chosen_.items() if name != "ndcg"}


def test_text_ridge_takes_and_saves_the_numbers_of_an_array(tmp_path):
    world = checkerboard()
    numbers = np.array([3, 2, 1])
    model = TextRidge(*numbers, encoder=world.encoder).fit(world.train)
    model.save(tmp_path / "model")
    assert load(tmp_path / "model").chosen_ == model.chosen_


def test_singular_vectors_of_large_and_small_matrices_agree():
    from scipy import sparse

    matrix = sparse.random_array((700, 600), density=0.02, rng=np.random.default_rng(0), dtype=np.float32)
    lanczos, dense = (right_singular_vectors(matrix.tocsr(), rank, 0)[:, :8] for rank in (16, 400))
    np.testing.assert_allclose(np.abs((lanczos * dense).sum(0)), 1, atol=1e-3)


def test_l3ae_solves_its_problem():
    world = checkerboard()
    model = L3AE(-0.5, 2.0, 2.5, encoder=world.encoder).fit(world.train)
    titles = world.encoder.encode(world.train.titles).astype(np.float16).astype(np.float64)
    target = brute_force_prior(titles / np.linalg.norm(titles, axis=1, keepdims=True), 2.0)
    interactions = np.zeros((world.train.n_users, world.train.n_items))
    interactions[world.train.edges.users, world.train.indices] = 1
    # ‖R - RB‖² + λ_X ‖B‖² + λ_E ‖B - C‖² has the gradient of the ridge with λ = 2 towards (λ_E / λ) C
    assert_optimal(model.item_weights_.astype(np.float64), interactions, 2.0, 1.25 * target)


@pytest.mark.parametrize("combine", ["mean", "last"])
@pytest.mark.parametrize("layers", [0, 1, 3])
def test_text_gcn_is_a_power_of_the_adjacency(layers, combine):
    world = checkerboard()
    train = world.train
    model = TextGCN(layers=layers, combine=combine, encoder=world.encoder).fit(train)
    adjacency = np.zeros((train.n_users + train.n_items,) * 2)
    adjacency[train.edges.users, train.n_users + train.indices] = 1
    titles = world.encoder.encode(train.titles).astype(np.float16).astype(np.float64)
    items = titles / np.linalg.norm(titles, axis=1, keepdims=True)
    rows = adjacency[: train.n_users, train.n_users :]
    users = rows / np.maximum(rows.sum(1, keepdims=True), 1) @ items
    adjacency += adjacency.T
    scale = 1 / np.sqrt(np.maximum(adjacency.sum(1), 1))
    hops = [np.concatenate([users, items])]
    for _ in range(layers):
        hops.append(scale[:, None] * adjacency * scale @ hops[-1])
    final = np.mean(hops, axis=0) if combine == "mean" else hops[-1]
    final /= np.maximum(np.linalg.norm(final, axis=1, keepdims=True), 1e-12)
    np.testing.assert_allclose(model.user_vectors_, final[: train.n_users], atol=1e-6)
    np.testing.assert_allclose(model.item_vectors_, final[train.n_users :], atol=1e-6)


def test_item_knn_is_a_shrunk_cosine_of_the_nearest():
    dataset, pattern = random_dataset(60, 25)
    weights = ItemKNN(neighbors=4, shrink=1.5).fit(dataset).item_weights_.toarray()
    counts, popularity = pattern.dense.T @ pattern.dense, pattern.dense.sum(0)
    expected = counts / (np.sqrt(np.outer(popularity, popularity)) + 1.5)
    np.fill_diagonal(expected, 0)
    for row, values in zip(weights, expected, strict=True):
        kept = np.argsort(-values, kind="stable")[:4]
        np.testing.assert_allclose(row[kept], values[kept], rtol=1e-5)
        assert (row > 0).sum() <= 4 and row[np.setdiff1d(np.arange(25), kept)].sum() == 0


@pytest.mark.parametrize("model", [EASE(regularization=2.0), ItemKNN(shrink=0.5)])
def test_an_explanation_adds_up_to_the_score(model):
    train = checkerboard().train
    fitted = model.fit(train)
    history = set(train.items.ids[train.indices[slice(*train.indptr[3:5])]])
    for item in (2, 13):
        found = fitted.explain("u3", item, k=100)
        assert list(found.columns) == ["item_id", "title", "rank", "score"]
        assert set(found["item_id"]) == history and found["score"].is_monotonic_decreasing
        assert found["score"].sum() == pytest.approx(fitted.predict([("u3", item)])[0], abs=1e-6)
        assert len(fitted.explain("u3", item, k=2)) == 2


def test_an_explanation_asks_about_known_users_and_items():
    fitted = EASE(regularization=2.0).fit(checkerboard().train)
    for user, item in (("u99", 2), ("u3", 99)):
        with pytest.raises(UnknownIdError):
            fitted.explain(user, item)
    with pytest.raises(InputError, match="`k` must be an integer >= 1"):
        fitted.explain("u3", 2, k=0)
    for wrong in ({"user": "u3"}, {"item": 2}, {"user": "u3", "item": 2, "history": [1]}):
        with pytest.raises(InputError, match="needs an item, and a user or a history"):
            fitted.explain(**wrong)


def test_somebody_new_is_explained_like_the_fitted_user_of_that_history():
    train = checkerboard().train
    history = train.items.ids[train.indices[slice(*train.indptr[3:5])]].tolist()
    blend = Blend([Popularity(), EASE(regularization=2.0)], weights=[1.0, 1.0])
    for model in (EASE(regularization=2.0), blend):
        fitted = model.fit(train)
        pd.testing.assert_frame_equal(fitted.explain(item=2, history=history), fitted.explain("u3", 2))
    with pytest.raises(NotImplementedError, match="no member of this Blend"):
        Blend([Popularity(), Popularity()], weights=[1.0, 1.0]).fit(train).explain("u3", 2)


@SHAPES
@pytest.mark.parametrize("rank", [5, 100])
def test_gfcf_equals_dense_algebra(n_users, n_items, rank):
    dataset, pattern = random_dataset(n_users, n_items)
    weights = GFCF(rank=rank, alpha=0.7).fit(dataset).item_weights_
    users, items = (np.maximum(pattern.dense.sum(axis), 1) for axis in (1, 0))
    scaled = pattern.dense / np.sqrt(np.outer(users, items))
    values, rows = np.linalg.svd(scaled, full_matrices=False)[1:]
    vectors = rows[:rank][values[:rank] > 1e-5].T
    low_pass = vectors @ vectors.T * np.sqrt(items) / np.sqrt(items)[:, None]
    np.testing.assert_allclose(weights, scaled.T @ scaled + 0.7 * low_pass, atol=2e-4)


@SHAPES
def test_chebycf_equals_the_filter_on_eigenvalues(n_users, n_items):
    dataset, pattern = random_dataset(n_users, n_items)
    model = ChebyCF(order=5, flatness=1.5, rank=4, alpha=0.3, power=0.4).fit(dataset)
    users, items = (np.maximum(pattern.dense.sum(axis), 1) for axis in (1, 0))
    scaled = pattern.dense / np.sqrt(np.outer(users, items))
    values, vectors = np.linalg.eigh(np.eye(n_items) - 2 * scaled.T @ scaled)
    nodes = np.cos((np.arange(6) + 0.5) * np.pi / 6)
    plateau = 0.5 - 0.5 * np.sign(nodes) * np.abs(nodes) ** 1.5
    polynomial = np.polynomial.Polynomial.fit(nodes, plateau, 5, domain=[-1, 1])
    low = np.linalg.svd(scaled)[2][:4].T
    weights = (vectors * polynomial(values)) @ vectors.T + 0.3 * low @ low.T
    expected = (pattern.dense / items**0.4) @ weights * items**0.4
    everyone = People.by_id(dataset, None, "raise")
    np.testing.assert_allclose(model._scores(everyone), expected, atol=1e-4)


@pytest.mark.parametrize(
    "model", [EASE(), GFCF(rank=2), TextRidge(1.0, 1.0, 1.0, solver="dense", encoder=encoder())]
)
def test_what_would_not_fit_in_memory_is_refused(model, monkeypatch):
    monkeypatch.setattr("graphrec_lm.models.dense_limit.physical_gib", lambda: 1e-7)
    with pytest.raises(
        InputError, match=r"must fit in memory, 0 GiB for 21 items, got 0 GiB\. Use TextRidge\("
    ):
        model.fit(checkerboard().train)


@pytest.mark.parametrize(("text", "gib"), [("1073741824", 1.0), ("max", None), (None, None)])
def test_a_container_has_the_memory_that_it_is_given(text, gib, tmp_path, monkeypatch):
    monkeypatch.setattr("graphrec_lm.models.dense_limit.CONTAINER", ())
    machine = physical_gib()
    monkeypatch.setattr("graphrec_lm.models.dense_limit.CONTAINER", (tmp_path / "limit",))
    if text is not None:
        (tmp_path / "limit").write_text(f"{text}\n")
    assert physical_gib() == (machine if gib is None else gib)


BAD = {
    "no order": (ChebyCF(order=0), "`order` must be an integer >= 1", "0"),
    "no flatness": (ChebyCF(flatness=0), "`flatness` must be a number > 0", "0"),
    "a ridge below zero": (TextRidge(regularization=-1), "`regularization` must be a number > 0", "-1"),
    "a strength below zero": (TextRidge(strength=-0.5), "`strength` must be a number >= 0", "-0.5"),
    "no ridge": (EASE(regularization=0), "`regularization` must be a number > 0", "0"),
    "no neighbor": (ItemKNN(neighbors=0), "`neighbors` must be an integer >= 1", "0"),
    "a shrink below zero": (ItemKNN(shrink=-1.0), "`shrink` must be", "-1.0"),
    "no rank": (GFCF(rank=0), "`rank` must be an integer >= 1", "0"),
    "a filter below zero": (GFCF(alpha=-0.1), "`alpha` must be", "-0.1"),
    "no text ridge": (L3AE(text_regularization=0.0), "`text_regularization` must be", "0"),
    "a ridge of minus fifty": (L3AE(distillation=50.0), "must be > 0", "0.0", "Raise one"),
    "half a layer": (TextGCN(layers=0.5), "`layers` must be an integer >= 0", "0.5"),
    "another combination": (TextGCN(combine="max"), "`combine` must be one of", "'max'"),
}


def test_a_ridge_that_is_lost_in_float32_is_an_error():
    users, items = np.divmod(np.arange(10), 2)
    twins = Dataset.from_codes(IdMap(range(5)), IdMap(range(2)), users, items)
    with pytest.raises(InputError) as error:
        EASE(regularization=1e-9).fit(twins)
    check(error, ["`regularization` must be a number >= 0.0001", "1e-09"])


def test_what_many_items_have_in_common_counts_too():
    users, items = np.divmod(np.arange(40 * 30), 30)
    alike = Dataset.from_codes(IdMap(range(40)), IdMap(range(30)), users, items)
    with pytest.raises(InputError, match=r"`regularization` must be a number >= 0\.012"):  # 1e-5 · 40 · 30
        EASE(regularization=0.01).fit(alike)


def test_a_text_ridge_that_is_lost_is_an_error():
    with pytest.raises(InputError) as error:
        TextPrior.of(normal((5, 10)), 1e-20)
    check(error, ["`text_regularization` must be large", "1e-20", "Raise it"])


@pytest.mark.parametrize("name", BAD)
def test_bad_parameters(name):
    model, *words = BAD[name]
    world = checkerboard()
    if model.uses_text:
        model.set_params(encoder=encoder())
    with pytest.raises(InputError) as error:
        model.fit(world.train)
    check(error, words)


@pytest.mark.parametrize(
    ("solver", "neighbors", "near"),
    [("dense", 30, 0.0), ("sparse", 30, 0.0), ("dense", 30, 2.0), ("sparse", 3, 2.0)],
)
def test_text_ridge_says_how_much_is_the_titles(solver, neighbors, near):
    world = checkerboard()
    params = dict(
        regularization=2.0, strength=1.5, text_regularization=1.0, solver=solver, neighbors=neighbors
    )
    model = TextRidge(encoder=world.encoder, near_strength=near, **params).fit(world.train)
    found = model.explain("u3", 5, k=30)
    without = TextRidge(encoder=world.encoder, **params | {"strength": 0.0}).fit(world.train)
    expected = without.explain("u3", 5, k=30).set_index("item_id")["score"]
    np.testing.assert_allclose(
        found.set_index("item_id")["interactions"], expected[found["item_id"]], atol=1e-5
    )
    np.testing.assert_allclose(found["interactions"] + found["titles"], found["score"], atol=1e-6)
    assert found["score"].sum() == pytest.approx(float(model.predict([("u3", 5)])[0]), abs=1e-5)


def test_an_added_item_in_a_history_leaves_the_other_explanations_as_they_are():
    world = checkerboard()
    vectors = np.concatenate([world.encoder.encode(world.train.titles), np.ones((1, 8), np.float32)])
    given = PrecomputedEncoder(texts=[*world.train.titles, "new"], embeddings=vectors)
    params = dict(regularization=2.0, strength=1.5, text_regularization=1.0, near_strength=1.0)
    model = TextRidge(encoder=given, **params).fit(world.train)
    before = model.explain("u3", 5, k=30).set_index("item_id")
    model.add_items(pd.DataFrame({"item_id": [900], "title": ["new"]}))
    model.update(pd.DataFrame({"user_id": ["u3"], "item_id": [900], "split": ["train"]}))
    after = model.explain("u3", 5, k=30).set_index("item_id")
    np.testing.assert_allclose(after.loc[before.index, "interactions"], before["interactions"], atol=1e-6)
    assert after.loc[900, "interactions"] == 0
