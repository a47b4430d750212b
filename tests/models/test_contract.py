"""Every model, in three lines each."""

from __future__ import annotations

from graphrec_lm.models import (
    EASE,
    GFCF,
    KAR,
    L3AE,
    MF,
    MODELS,
    AlphaRec,
    ItemKNN,
    LightGCN,
    Popularity,
    Random,
    RLMRec,
    TextGCN,
    TextRidge,
    TitleCosine,
)
from tests.models.contract import ModelContract

QUICK = dict(dim=8, batch_size=32, learning_rate=0.02, epochs=6, valid_every=3, verbose=False)
FEW = dict(QUICK, negatives=8)


class TestAlphaRec(ModelContract):
    model = AlphaRec
    params = FEW | dict(hidden=8)


class TestAlphaRecLinearShared(ModelContract):
    model = AlphaRec
    params = FEW | dict(projection="linear", share_negatives=True, sampling="interaction")


class TestAlphaRecInBfloat16(ModelContract):
    model = AlphaRec
    params = FEW | dict(hidden=8, precision="bf16")


class TestAlphaRecLinearInBfloat16(ModelContract):
    model = AlphaRec
    params = FEW | dict(projection="linear", precision="bf16")


class TestEASE(ModelContract):
    model = EASE
    params = dict(regularization=2.0)


class TestGFCF(ModelContract):
    model = GFCF
    params = dict(rank=2)


class TestItemKNN(ModelContract):
    model = ItemKNN
    params = dict(shrink=0.5)


class TestKAR(ModelContract):
    model = KAR
    params = QUICK | dict(hidden=8)
    exact_history = False


class TestKARBesideEmbeddings(ModelContract):
    model = KAR
    params = FEW | dict(loss="infonce", share_negatives=True, fusion="concat", hidden=8)
    exact_history = False


class TestL3AE(ModelContract):
    model = L3AE
    params = dict(interaction_regularization=1.0, distillation=1.0)


class TestLightGCN(ModelContract):
    model = LightGCN
    params = QUICK
    exact_history = False


class TestLightGCNInfoNCE(ModelContract):
    model = LightGCN
    params = FEW | dict(loss="infonce", share_negatives=True)
    exact_history = False


class TestMF(ModelContract):
    model = MF
    params = QUICK | dict(epochs=20, learning_rate=0.03)
    exact_history = False


class TestMFInfoNCE(ModelContract):
    model = MF
    params = FEW | dict(loss="infonce", epochs=20, learning_rate=0.03, sampling="user")
    exact_history = False


class TestPopularity(ModelContract):
    model = Popularity
    learns = similarity = False


class TestRandom(ModelContract):
    model = Random
    learns = similarity = exact_history = False


class TestRLMRec(ModelContract):
    model = RLMRec
    params = QUICK
    exact_history = False


class TestRLMRecGenerative(ModelContract):
    model = RLMRec
    params = FEW | dict(variant="gen", loss="infonce", share_negatives=True)
    exact_history = False


class TestTextGCN(ModelContract):
    model = TextGCN
    params = dict(layers=2)


class TestTextGCNLastLayer(ModelContract):
    model = TextGCN
    params = dict(layers=3, combine="last")


class TestTextRidge(ModelContract):
    model = TextRidge
    params = dict(regularization=2.0, verbose=False)


class TestTitleCosine(ModelContract):
    model = TitleCosine


def test_every_model_has_joined():
    assert {contract.model for contract in ModelContract.__subclasses__()} == set(MODELS.values())
