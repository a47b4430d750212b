"""Training on a device gives what training by numba gives: losses, gradients, representations, fits.

On the processor the very same code runs with torch's "cpu" device; a GPU's own numbers need a GPU.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from graphrec_lm.data import load_dataset
from graphrec_lm.errors import InputError
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.models import IALS, MF, MODELS, SGL, AlphaRec, LightGCN, MultVAE, TextGCNMLP
from graphrec_lm.models.device import training_device
from graphrec_lm.models.precision import uses_bfloat16
from graphrec_lm.models.trained import TrainedRecommender
from graphrec_lm.training import Callback, Checkpoint
from tests.data.messages import check
from tests.models.test_contract import FEW, QUICK
from tests.models.worlds import encoder
from tests.support import EVERY_DEVICE

SHARED = {"share_negatives": True, "negatives": 30}
MAKERS = {
    "AlphaRec": lambda **changes: AlphaRec(encoder=encoder(), **{**FEW, **changes}),
    "AlphaRec shared": lambda **changes: AlphaRec(encoder=encoder(), **{**FEW, **SHARED, **changes}),
    "AlphaRec linear": lambda **changes: AlphaRec(
        encoder=encoder(), projection="linear", **{**FEW, "negative_power": 0.5, **changes}
    ),
    "AlphaRec linear shared": lambda **changes: AlphaRec(
        encoder=encoder(), projection="linear", **{**FEW, **SHARED, **changes}
    ),
    "LightGCN": lambda **changes: LightGCN(**{**QUICK, **changes}),
    "LightGCN InfoNCE": lambda **changes: LightGCN(**{**FEW, "loss": "infonce", **changes}),
    "MF": lambda **changes: MF(**{**QUICK, "negatives": 3, **changes}),
    "MF shared": lambda **changes: MF(**{**QUICK, **SHARED, "loss": "infonce", **changes}),
}
EVERY_MODEL = pytest.mark.parametrize("name", MAKERS)
SOME_MODELS = pytest.mark.parametrize("name", ["AlphaRec", "AlphaRec linear", "LightGCN"])
CLOSE = {"rtol": 1e-4, "atol": 1e-6}


@pytest.mark.skipif(torch.cuda.is_available(), reason="a machine without CUDA")
def test_what_a_gpu_trained_is_carried_on_without_one():
    dataset = load_dataset("movielens-small").split("from_column").train
    model = AlphaRec(encoder="tfidf:4", epochs=1, dim=4, negatives=4, verbose=False).fit(dataset)
    model._fitted = replace(model._fitted, params=model._fitted.params | {"device": "cuda"})
    assert model.adapt(dataset).item_vectors_.shape == model.item_vectors_.shape


def test_a_seed_of_numpy_is_a_number():
    dataset = load_dataset("movielens-small").split("from_column").train
    one, other = (
        LightGCN(dim=4, epochs=1, verbose=False, seed=seed).fit(dataset) for seed in (3, np.int64(3))
    )
    np.testing.assert_array_equal(one.item_vectors_, other.item_vectors_)


@pytest.fixture
def through(monkeypatch):
    """Let every model train on this device: a torch device, or None for numba."""

    def choose(device):
        chosen = None if device is None else torch.device(device)
        monkeypatch.setattr(TrainedRecommender, "_device", lambda model: chosen)

    return choose


def vectors(model):
    return np.concatenate([model.user_vectors_, model.item_vectors_])


def one_step(name, world, device):
    """Loss, gradients and representations on one batch."""
    model, graph = MAKERS[name](), BipartiteGraph.from_dataset(world.train)
    learner, _ = model._learner(world.train, graph)
    sampler = model._sampler(graph)
    with learner.on(device):
        loss = learner.loss(replace(sampler, device=device).draw(3, 40))
        loss.backward()
        with torch.no_grad():
            shown = learner.represent()
        gradients = {key: weight.grad.cpu() for key, weight in learner.named_parameters()}
        rows = [part.detach().cpu() for part in (loss, *shown)]
    assert learner.graph is graph and all(weight.device.type == "cpu" for weight in learner.parameters())
    return rows, gradients


@EVERY_DEVICE
@EVERY_MODEL
def test_loss_gradients_and_representations(name, device, world):
    ours, theirs = (one_step(name, world, where) for where in (torch.device(device), None))
    for one, other in zip(ours[0], theirs[0], strict=True):
        np.testing.assert_allclose(one, other, **CLOSE)
    assert ours[1].keys() == theirs[1].keys()
    for key, gradient in ours[1].items():
        assert float(gradient.abs().max()) > 0
        np.testing.assert_allclose(gradient, theirs[1][key], **CLOSE)


@EVERY_DEVICE
def test_users_are_represented_block_by_block(device, world, monkeypatch):
    whole = one_step("AlphaRec linear", world, torch.device(device))
    monkeypatch.setattr("graphrec_lm.models.text_view._PEOPLE", 7)
    parts = one_step("AlphaRec linear", world, torch.device(device))
    for one, other in zip(parts[0], whole[0], strict=True):
        np.testing.assert_allclose(one, other, **CLOSE)


@EVERY_DEVICE
@EVERY_MODEL
def test_a_fit_ends_where_numbas_does(name, device, world, through):
    fits = []
    for where in (device, None):
        through(where)
        fits.append(MAKERS[name](epochs=3).fit(world.train, valid=world.valid))
    np.testing.assert_allclose(vectors(fits[0]), vectors(fits[1]), rtol=1e-2, atol=2e-3)
    for one, other in zip(fits[0].history_, fits[1].history_, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-4)
    assert fits[0].history_[-1]["valid_ndcg@20"] == pytest.approx(
        fits[1].history_[-1]["valid_ndcg@20"], abs=0.02
    )
    assert fits[0].recommend(history=[[1, 2]], k=3)["rank"].tolist() == [1, 2, 3]


@EVERY_DEVICE
@SOME_MODELS
def test_a_seed_makes_a_fit_repeatable_bit_for_bit(name, device, world, through):
    through(device)
    one, two = (MAKERS[name](epochs=2).fit(world.train) for _ in range(2))
    np.testing.assert_array_equal(vectors(one), vectors(two))


class Stop(Callback):
    """Ends the run after its second epoch, as a kill would, after the checkpoint is written."""

    order = 2

    def on_epoch_end(self, state):
        if state.epoch == 2:
            raise KeyboardInterrupt


@EVERY_DEVICE
@SOME_MODELS
@pytest.mark.parametrize("start_there", [True, False])
def test_a_checkpoint_goes_on_elsewhere(name, device, world, through, tmp_path, start_there):
    path, results = tmp_path / "run.safetensors", []
    through(device if start_there else None)
    with pytest.raises(KeyboardInterrupt):
        MAKERS[name](epochs=4).fit(world.train, callbacks=[Checkpoint(path), Stop()])
    kept = path.read_bytes()
    for where in (device, None):
        path.write_bytes(kept)
        through(where)
        results.append(vectors(MAKERS[name](epochs=4).fit(world.train, callbacks=[Checkpoint(path)])))
    np.testing.assert_allclose(*results, rtol=1e-2, atol=2e-3)
    through(device if start_there else None)
    whole = vectors(MAKERS[name](epochs=4).fit(world.train))
    np.testing.assert_array_equal(results[0 if start_there else 1], whole)


@EVERY_DEVICE
def test_bfloat16_products_round_on_a_device_too(device, world, through):
    through(device)
    exact, rounded = (
        MAKERS["AlphaRec"](epochs=1, precision=precision).fit(world.train) for precision in ("fp32", "bf16")
    )
    assert not np.array_equal(vectors(exact), vectors(rounded))
    np.testing.assert_allclose(vectors(exact), vectors(rounded), atol=0.1)


@EVERY_DEVICE
@pytest.mark.parametrize("kind", ["mlp", "linear"])
def test_a_real_dataset_reaches_the_same_quality(kind, device, through):
    train, valid, _ = load_dataset("movielens-small").split("from_column")
    settings = {"batch_size": 4096, "learning_rate": 4e-3, "negatives": 64, "share_negatives": True}
    quality = []
    for where in (device, None):
        through(where)
        model = AlphaRec(**settings, projection=kind, epochs=2, sampling="interaction", verbose=False)
        quality.append(model.fit(train).evaluate(valid)["ndcg@20"])
    assert quality[1] > 0.05 and quality[0] == pytest.approx(quality[1], rel=0.01)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@EVERY_MODEL
def test_without_a_cuda_device_asking_for_one_is_an_error(name, world):
    model = MAKERS[name](device="cuda")
    with pytest.raises(InputError) as error:
        model.fit(world.train)
    check(error, ["`device='cuda'` must find a CUDA device", "got", "device='auto' or 'cpu'"])
    assert model._fitted is None


def test_what_auto_chooses(monkeypatch):
    there = SimpleNamespace(is_available=lambda: True, current_device=lambda: 1)
    assert training_device("cpu", "MF", True) is None
    monkeypatch.setattr("graphrec_lm.models.device.torch.cuda", there)
    assert (
        training_device("auto", "MF", True) == training_device("cuda", "MF", True) == torch.device("cuda", 1)
    )
    assert training_device("cpu", "MF", True) is None and training_device("auto", "Toy", False) is None
    with pytest.raises(InputError) as error:
        training_device("cuda", "Toy", False)
    check(error, ["must be 'auto' or 'cpu' for Toy", "'cuda'", "no path there"])


def test_no_other_model_runs_there_by_inheritance():
    assert {name for name, kind in MODELS.items() if kind.runs_on_cuda} == {"AlphaRec", "LightGCN", "MF"}


@pytest.mark.parametrize("model", [IALS, SGL, MultVAE, TextGCNMLP])
def test_the_others_say_so(model, world, monkeypatch):
    monkeypatch.setattr("graphrec_lm.models.device.torch.cuda", SimpleNamespace(is_available=lambda: True))
    with pytest.raises(InputError) as error:
        model(device="cuda").fit(world.train)
    check(error, [f"must be 'auto' or 'cpu' for {model.__name__}", "'cuda'", "no path there"])


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"cpu_name": "Intel(R) Xeon(R) Processor", "amx_bf16": True, "avx512_bf16": True}, True),
        ({"cpu_name": "Intel(R) Xeon(R) Processor", "amx_bf16": False, "avx512_bf16": True}, False),
        ({"cpu_name": "AMD EPYC", "amx_bf16": False, "avx512_bf16": True}, True),
        ({"cpu_name": "AMD EPYC", "amx_bf16": False, "avx512_bf16": False}, False),
        ({}, False),
    ],
)
def test_what_auto_precision_chooses_on_a_processor(monkeypatch, known, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known, raising=False)
    assert uses_bfloat16("auto") is expected


@pytest.mark.parametrize(("capability", "expected"), [((7, 5), False), ((8, 0), True), ((9, 0), True)])
def test_what_auto_precision_chooses_on_a_cuda_device(monkeypatch, capability, expected):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert uses_bfloat16("auto", torch.device("cuda", 0)) is expected
    assert not uses_bfloat16("fp32", torch.device("cuda", 0))
