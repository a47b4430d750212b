"""The loop: history, validation, best weights, early stopping, callbacks, repeatability."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from graphrec_lm.errors import InputError
from graphrec_lm.training import BatchSampler, Callback
from tests.data.messages import check
from tests.training.toys import GRAPH, Scripted, ToyLearner, options, run, same, weights

METRIC = "valid_ndcg@20"


def test_history_has_one_record_an_epoch():
    learner, history = run(epochs=4, valid_every=2, validate=Scripted(0.1, 0.2))
    assert [record["epoch"] for record in history] == [1, 2, 3, 4]
    assert [record.get(METRIC) for record in history] == [None, 0.1, None, 0.2]
    assert sorted(record["seconds"] for record in history) == [record["seconds"] for record in history]
    assert all(math.isfinite(record["loss"]) for record in history)
    assert len(learner.batches) == 4 * math.ceil(GRAPH.n_edges / 8)


def test_the_last_epoch_is_validated_whatever_the_interval():
    _, history = run(epochs=3, valid_every=2, validate=Scripted(0.1, 0.2))
    assert [METRIC in record for record in history] == [False, True, True]


def test_learns():
    _, history = run(epochs=30)
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]


def test_the_best_weights_win_and_the_first_of_equals():
    validate = Scripted(0.1, 0.3, 0.3, 0.2)
    learner, _ = run(epochs=4, validate=validate)
    assert same(weights(learner), validate.seen[1]) and not same(validate.seen[1], validate.seen[2])


def test_without_validation_the_last_weights_stay():
    short, long = run(epochs=3)[0], run(epochs=4)[0]
    assert not same(weights(short), weights(long))
    validated, _ = run(epochs=4, validate=Scripted(1, 2, 3, 4))
    assert same(weights(long), weights(validated))


@pytest.mark.parametrize(("patience", "epochs"), [(1, 3), (2, 6), (3, 10)])
def test_stops_after_as_many_validations_without_a_new_best(patience, epochs):
    validate = Scripted(0.1, 0.2, 0.1, 0.3, 0.3, 0.1, 0.4, 0.4, 0.4, 0.4)
    _, history = run(epochs=10, patience=patience, validate=validate)
    assert len(history) == epochs


def test_validation_that_is_never_a_number_leaves_the_last_weights():
    learner, _ = run(epochs=3, validate=lambda learner: math.nan)
    assert same(weights(learner), weights(run(epochs=3)[0]))


class Diary(Callback):
    def __init__(self, name, diary, last=None):
        self.name, self.diary, self.last = name, diary, last

    def on_fit_start(self, state):
        self.diary.append((self.name, "start", state.epoch))

    def on_epoch_end(self, state):
        self.diary.append((self.name, "epoch", state.epoch))
        state.stop = state.stop or state.epoch == self.last

    def on_fit_end(self, state):
        self.diary.append((self.name, "end", state.epoch))


def test_callbacks_run_in_order_and_may_stop_the_run():
    diary = []
    _, history = run(epochs=9, callbacks=[Diary("a", diary, last=2), Diary("b", diary)])
    steps = [("start", 0), ("epoch", 1), ("epoch", 2), ("end", 2)]
    assert diary == [(name, *step) for step in steps for name in "ab"] and len(history) == 2


def test_a_run_repeats_bit_for_bit_and_follows_its_seed():
    one, two, other = (run(epochs=3, seed=seed)[0] for seed in (5, 5, 6))
    assert same(weights(one), weights(two)) and not same(weights(one), weights(other))


class Sick(ToyLearner):
    """Its loss is `value` from batch 10 on."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def loss(self, batch):
        return super().loss(batch) * (self.value if len(self.batches) > 10 else 1)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_is_an_error(value):
    with pytest.raises(InputError) as error:
        run(Sick(value), epochs=9)
    check(error, ["the loss must stay finite", "in epoch", "`learning_rate`", "`tau`"])


BAD = {
    "no epochs": ({"epochs": 0}, "`epochs` must be an integer >= 1", "0"),
    "epochs in halves": ({"epochs": 2.5}, "`epochs` must be an integer >= 1", "2.5"),
    "no batch": ({"batch_size": 0}, "`batch_size` must be an integer >= 1", "0"),
    "a text for a number": ({"batch_size": "8"}, "`batch_size` must be an integer >= 1", "'8'"),
    "a flag for a number": ({"patience": True}, "`patience` must be an integer >= 1", "True"),
    "validation never": ({"valid_every": 0}, "`valid_every` must be an integer >= 1", "0"),
    "no rate": ({"learning_rate": 0.0}, "`learning_rate` must be a number > 0", "0.0"),
    "a rate that is none": ({"learning_rate": math.nan}, "`learning_rate` must be a number > 0", "nan"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_options(name):
    changes, *words = BAD[name]
    with pytest.raises(InputError) as error:
        options(**changes)
    check(error, [*words, "in that range"])


@pytest.mark.parametrize(("edges", "size"), [(10, 10), (40_000, 512), (323_000, 4096), (10**8, 2**20)])
def test_an_automatic_batch_grows_with_the_graph(edges, size):
    assert options(batch_size="auto").pairs(edges) == size


def test_an_automatic_batch_trains():
    learner, history = run(batch_size="auto", epochs=2)
    assert [len(batch.users) for batch in learner.batches] == [GRAPH.n_edges] * 2 and len(history) == 2


def test_the_sampler_may_draw_negatives_by_popularity():
    sampler = BatchSampler(GRAPH, "user", negatives=5_000, shared=True, seed=0, power=0.5)
    found = np.bincount(sampler.draw(step=0, size=1).negatives, minlength=GRAPH.n_items)
    weights = np.diff(GRAPH.item_indptr) ** 0.5
    np.testing.assert_allclose(found / 5_000, weights / weights.sum(), atol=0.02)


@pytest.mark.parametrize("by", ["user", "interaction"])
def test_the_sampler_draws_from_the_graph_and_beside_it(by):
    dense = np.zeros((GRAPH.n_users, GRAPH.n_items), bool)
    dense[np.repeat(np.arange(GRAPH.n_users), np.diff(GRAPH.indptr)), GRAPH.indices] = True
    own = BatchSampler(GRAPH, by, negatives=3, shared=False, seed=0).draw(step=4, size=50)
    assert dense[own.users, own.positives].all() and own.seen is None
    assert own.step == own.local().step == 4
    assert own.negatives.shape == (50, 3) and not dense[own.users[:, None], own.negatives].any()
    shared = BatchSampler(GRAPH, by, negatives=3, shared=True, seed=0).draw(step=4, size=50)
    assert shared.negatives.shape == (3,) and shared.seen[1] is GRAPH.indices and shared.step == 4
    assert torch.equal(*(torch.from_numpy(batch.positives) for batch in (own, shared)))
