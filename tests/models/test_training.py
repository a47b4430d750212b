"""Trained models: repeatable, selected by validation alone, resumable; what enters and what does not."""

from __future__ import annotations

import numpy as np
import pytest

from graphrec_lm.data import load_dataset
from graphrec_lm.errors import InputError
from graphrec_lm.models import (
    KAR,
    MF,
    SGL,
    AlphaFree,
    AlphaRec,
    BCLoss,
    LightGCN,
    MultVAE,
    RLMRec,
    TextGCNMLP,
    XSimGCL,
)
from graphrec_lm.training import Checkpoint, TimeLimit
from tests.data.messages import check
from tests.models.test_contract import FEW, QUICK
from tests.models.worlds import encoder, frames

MAKERS = {
    "AlphaRec": lambda **changes: AlphaRec(encoder=encoder(), **{**FEW, **changes}),
    "AlphaFree": lambda **changes: AlphaFree(encoder=encoder(), **{**FEW, **changes}),
    "LightGCN": lambda **changes: LightGCN(**{**QUICK, **changes}),
    "MF": lambda **changes: MF(**{**FEW, "loss": "infonce", "share_negatives": True, **changes}),
    "TextGCNMLP": lambda **changes: TextGCNMLP(encoder=encoder(), **{**FEW, "shared": True, **changes}),
    "BCLoss": lambda **changes: BCLoss(**{**FEW, **changes}),
    "SGL": lambda **changes: SGL(**{**QUICK, "drop": 0.4, "contrast": 0.02, **changes}),
    "XSimGCL": lambda **changes: XSimGCL(**{**QUICK, "loss": "infonce", **changes}),
    "KAR": lambda **changes: KAR(encoder=encoder(), **{**QUICK, "hidden": 8, **changes}),
    "RLMRec": lambda **changes: RLMRec(encoder=encoder(), **{**QUICK, **changes}),
    "RLMRec gen": lambda **changes: RLMRec("gen", encoder=encoder(), **{**FEW, "loss": "infonce", **changes}),
    "MultVAE": lambda **changes: MultVAE(**{**QUICK, "hidden": 12, **changes}),
}
EVERY = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def vectors(model):
    return np.concatenate([model.user_vectors_, model.item_vectors_])


@EVERY
def test_a_seed_makes_a_fit_repeatable_bit_for_bit(make, world):
    one, two, other = (make(seed=seed).fit(world.train, valid=world.valid) for seed in (4, 4, 5))
    np.testing.assert_array_equal(vectors(one), vectors(two))
    assert not np.array_equal(vectors(one), vectors(other))


@EVERY
def test_validation_selects_the_epoch_and_enters_nothing_else(make, world):
    blind = make(epochs=3).fit(world.train)
    watched = make(epochs=3, valid_every=3).fit(world.train, valid=world.valid)
    np.testing.assert_array_equal(vectors(blind), vectors(watched))
    assert [sorted(record) for record in watched.history_] == [
        ["epoch", "loss", "seconds"],
        ["epoch", "loss", "seconds"],
        ["epoch", "loss", "seconds", "valid_ndcg@20"],
    ]


@EVERY
def test_the_recorded_validation_is_what_evaluate_says(make, world):
    model = make(epochs=3, valid_every=3).fit(world.train, valid=world.valid)
    measured = make(epochs=3).fit(world.train).evaluate(world.valid, k=20, metrics=("ndcg",))
    assert model.history_[-1]["valid_ndcg@20"] == pytest.approx(measured["ndcg@20"])


@EVERY
def test_validation_may_be_a_frame(make, world):
    rows = frames()[0]
    by_frame = make().fit(world.train, valid=rows[rows["split"] == "valid"])
    by_dataset = make().fit(world.train, valid=world.valid)
    np.testing.assert_array_equal(vectors(by_frame), vectors(by_dataset))
    for name, values in by_dataset.evaluate(world.test).per_user.items():
        np.testing.assert_array_equal(by_frame.evaluate(world.test).per_user[name], values)


@EVERY
def test_an_interrupted_fit_leaves_the_old_model_and_goes_on_from_its_checkpoint(make, world, tmp_path):
    class Stop(Checkpoint):
        def on_epoch_end(self, state):
            super().on_epoch_end(state)
            if state.epoch == 3:
                raise KeyboardInterrupt

    path = tmp_path / "run.safetensors"
    model = make().fit(world.test)
    before = vectors(model).copy()
    with pytest.raises(KeyboardInterrupt):
        model.fit(world.train, valid=world.valid, callbacks=[Stop(path)])
    np.testing.assert_array_equal(vectors(model), before)
    model.fit(world.train, valid=world.valid, callbacks=[Checkpoint(path)])
    np.testing.assert_array_equal(vectors(model), vectors(make().fit(world.train, valid=world.valid)))


@EVERY
@pytest.mark.parametrize("change", ["seed", "data", "validation", "rate"])
def test_a_checkpoint_belongs_to_one_run(make, world, tmp_path, change):
    path = tmp_path / "run.safetensors"
    make(epochs=1).fit(world.train, valid=world.valid, callbacks=[Checkpoint(path)])
    model = make(epochs=1, **{"seed": {"seed": 1}, "rate": {"learning_rate": 0.5}}.get(change, {}))
    train = world.test if change == "data" else world.train
    valid = None if change == "validation" else world.valid
    with pytest.raises(InputError) as error:
        model.fit(train, valid=valid, callbacks=[Checkpoint(path)])
    check(error, ["the same parameters, seed and data", "another run's", "another path"])
    assert model._fitted is None


@pytest.mark.parametrize("callbacks", [TimeLimit(5), [print], [TimeLimit]])
def test_what_is_no_list_of_callbacks_is_refused(world, callbacks):
    with pytest.raises(InputError, match="`callbacks` must be a list of Callbacks"):
        MF(epochs=1, verbose=False).fit(world.train, callbacks=callbacks)


def test_a_model_of_ones_own_may_have_any_parameter(world, tmp_path):
    class Own(MF):
        def __init__(self, extra=None):
            super().__init__(epochs=1, dim=4, verbose=False)
            self.extra = extra

    checkpoint = [Checkpoint(tmp_path / "run.safetensors")]
    Own({"a": np.arange(3)}).fit(world.train, callbacks=checkpoint)
    with pytest.raises(InputError, match="another run's"):
        Own({"a": np.arange(4)}).fit(world.train, callbacks=checkpoint)


def test_bfloat16_products_give_the_same_quality():
    train, valid, _ = load_dataset("movielens-small").split("from_column")
    settings = {"batch_size": 1024, "learning_rate": 2e-3, "negatives": 256, "share_negatives": True}
    quality = {}
    for precision in ("fp32", "bf16"):
        models = [
            AlphaRec(**settings, hidden=96, epochs=6, precision=precision, seed=seed, verbose=False).fit(
                train
            )
            for seed in (0, 1)
        ]
        quality[precision] = np.mean([model.evaluate(valid)["ndcg@20"] for model in models])
    assert quality["bf16"] != quality["fp32"] and quality["fp32"] > 0.12
    assert quality["bf16"] == pytest.approx(quality["fp32"], rel=0.02)


@pytest.mark.parametrize("share_negatives", [True, False])
def test_a_diverging_fit_says_so_and_leaves_the_model(world, share_negatives):
    model = MAKERS["AlphaRec"](share_negatives=share_negatives).fit(world.train)
    before = vectors(model).copy()
    with pytest.raises(InputError) as error:
        model.set_params(learning_rate=3e38).fit(world.train)
    check(error, ["the loss must stay finite", "in epoch", "Lower `learning_rate`"])
    np.testing.assert_array_equal(vectors(model), before)


def test_equal_parameters_of_numpy_are_the_same_run(world, tmp_path):
    path, make = tmp_path / "run.safetensors", MAKERS["MF"]
    first = make(epochs=2).fit(world.train, callbacks=[Checkpoint(path)])
    numbers = {"seed": np.int64(first.seed), "tau": np.float64(first.tau), "epochs": np.int32(2)}
    again = make(**numbers).fit(world.train, callbacks=[Checkpoint(path)])
    np.testing.assert_array_equal(vectors(first), vectors(again))
