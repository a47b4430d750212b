"""Every model, in three lines each."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from graphrec_lm.models import (
    EASE,
    GFCF,
    IALS,
    KAR,
    L3AE,
    MF,
    MODELS,
    SGL,
    SLIM,
    AlphaFree,
    AlphaRec,
    BCLoss,
    Blend,
    ChebyCF,
    ItemKNN,
    LightGCN,
    MultVAE,
    Popularity,
    Random,
    RLMRec,
    TextGCN,
    TextGCNMLP,
    TextRidge,
    TitleCosine,
    WhiteGCN,
    XSimGCL,
)
from tests.models.contract import ModelContract
from tests.models.worlds import encoder

QUICK = dict(dim=8, batch_size=32, learning_rate=0.02, epochs=6, valid_every=3, verbose=False)
FEW = dict(QUICK, negatives=8)


class TestAlphaFree(ModelContract):
    model = AlphaFree
    params = FEW | dict(hidden=8, neighbors=2)


class TestAlphaRec(ModelContract):
    model = AlphaRec
    params = FEW | dict(hidden=8)


class TestAlphaRecLinearShared(ModelContract):
    model = AlphaRec
    params = FEW | dict(projection="linear", share_negatives=True, sampling="interaction")


class TestAlphaRecByBPR(ModelContract):
    model = AlphaRec
    params = FEW | dict(loss="bpr", negatives=1, hidden=8, epochs=30)


class TestAlphaRecLinearByBPR(ModelContract):
    model = AlphaRec
    params = FEW | dict(loss="bpr", negatives=2, projection="linear", epochs=30)


class TestAlphaRecInBfloat16(ModelContract):
    model = AlphaRec
    params = FEW | dict(hidden=8, precision="bf16")


class TestAlphaRecLinearInBfloat16(ModelContract):
    model = AlphaRec
    params = FEW | dict(projection="linear", precision="bf16")


class TestBlend(ModelContract):
    model = Blend
    params = dict(members=[EASE(regularization=2.0), TitleCosine(encoder=encoder())])


class TestBCLoss(ModelContract):
    model = BCLoss
    params = FEW | dict(margin="angle", tau=0.2)
    exact_history = False


class TestBCLossWithoutGraph(ModelContract):
    model = BCLoss
    params = FEW | dict(layers=0, share_negatives=True, epochs=20, learning_rate=0.03)
    exact_history = False


class TestEASE(ModelContract):
    model = EASE
    params = dict(regularization=2.0)


class TestChebyCF(ModelContract):
    model = ChebyCF
    params = dict(rank=4)


class TestGFCF(ModelContract):
    model = GFCF
    params = dict(rank=2)


@pytest.mark.skipif(find_spec("implicit") is None, reason="the extra `implicit` is not installed")
class TestIALS(ModelContract):
    model = IALS
    params = dict(factors=4, iterations=5, regularization=0.1, alpha=10.0, verbose=False)


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


class TestMultVAE(ModelContract):
    model = MultVAE
    params = QUICK | dict(hidden=12, epochs=40)


class TestPopularity(ModelContract):
    model = Popularity
    learns = similarity = False


class TestRandom(ModelContract):
    model = Random
    learns = similarity = exact_history = False


class TestSGL(ModelContract):
    model = SGL
    params = QUICK | dict(contrast=0.02)
    exact_history = False


class TestSGLInfoNCE(ModelContract):
    model = SGL
    params = FEW | dict(loss="infonce", drop=0.3)
    exact_history = False


class TestRLMRec(ModelContract):
    model = RLMRec
    params = QUICK
    exact_history = False


class TestRLMRecGenerative(ModelContract):
    model = RLMRec
    params = FEW | dict(variant="gen", loss="infonce", share_negatives=True)
    exact_history = False


class TestSLIM(ModelContract):
    model = SLIM
    params = dict(l1=0.1, l2=1.0, verbose=False)


class TestTextGCN(ModelContract):
    model = TextGCN
    params = dict(layers=2)


class TestTextGCNLastLayer(ModelContract):
    model = TextGCN
    params = dict(layers=3, combine="last")


class TestTextGCNMLP(ModelContract):
    model = TextGCNMLP
    params = FEW | dict(hidden=8, positives=3)


class TestTextGCNMLPOneTower(ModelContract):
    model = TextGCNMLP
    params = FEW | dict(hidden=8, positives=2, shared=True, share_negatives=True, layers=2)


class TestTextRidge(ModelContract):
    model = TextRidge
    params = dict(regularization=2.0, verbose=False)


class TestTextRidgeSparse(ModelContract):
    model = TextRidge
    params = dict(regularization=2.0, solver="sparse", neighbors=4, verbose=False)


class TestTitleCosine(ModelContract):
    model = TitleCosine


class TestXSimGCL(ModelContract):
    model = XSimGCL
    params = QUICK | dict(epochs=20)


class TestXSimGCLInfoNCE(ModelContract):
    model = XSimGCL
    params = FEW | dict(loss="infonce", layers=2, layer_zero=True, contrast=0.02, share_negatives=True)
    exact_history = False


def test_every_model_has_joined():
    assert {contract.model for contract in ModelContract.__subclasses__()} == set(MODELS.values())


class TestWhiteGCN(ModelContract):
    model = WhiteGCN
