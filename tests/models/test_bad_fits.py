"""Bad parameters and data at fit: what was required, what was found, what to do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphrec_lm.errors import InputError, UnknownIdError
from graphrec_lm.models import (
    MF,
    SGL,
    AlphaFree,
    AlphaRec,
    BCLoss,
    Blend,
    LightGCN,
    Popularity,
    Random,
    TextGCNMLP,
    TitleCosine,
    XSimGCL,
)
from graphrec_lm.text import PrecomputedEncoder
from tests.data.messages import check
from tests.models.test_contract import FEW, QUICK
from tests.models.worlds import checkerboard, encoder, titles, untitled

WORLD = checkerboard()


def one_pair(item):
    return pd.DataFrame({"user_id": ["u1"], "item_id": [item]})


def fit(model, **changes):
    usual = FEW if model in (AlphaRec, BCLoss, TitleCosine) else QUICK
    text = {"encoder": encoder()} if model.uses_text else {}
    return lambda: model(**{**usual, **text, **changes}).fit(WORLD.train)


def encoded(**changes):
    vectors = encoder().encode(titles())
    return lambda: TitleCosine(
        PrecomputedEncoder(**{"texts": titles(), "embeddings": vectors, **changes})
    ).fit(WORLD.train)


def encoder_of(size):
    return PrecomputedEncoder(texts=titles(), embeddings=np.full((len(titles()), 2), size))


def spoilt(row, value):
    vectors = encoder().encode(titles())
    vectors[row] = value
    return vectors


FITTED = {
    "no dimension": (fit(AlphaRec, dim=0), "`dim` must be an integer >= 1", "0", "in that range"),
    "a hidden layer of nothing": (fit(AlphaRec, hidden=0), "`hidden` must be an integer >= 1", "0", "range"),
    "another projection": (fit(AlphaRec, projection="mpl"), "`projection` must be", "'mpl'", "mean 'mlp'"),
    "layers below zero": (fit(AlphaRec, layers=-1), "`layers` must be an integer >= 0", "-1", "range"),
    "a cold temperature": (fit(AlphaRec, tau=0), "`tau` must be a number > 0", "0", "range"),
    "no negatives": (fit(AlphaRec, negatives=0), "`negatives` must be an integer >= 1", "0", "range"),
    "negatives of None": (fit(TextGCNMLP, negatives=None), "`negatives` must be an integer", "None", "range"),
    "a power that is no number": (
        fit(AlphaRec, negative_power=-0.5),
        "`negative_power` must be a number >= 0",
        "-0.5",
        "range",
    ),
    "another precision": (fit(AlphaRec, precision="bf61"), "`precision` must be", "'bf61'", "mean 'bf16'"),
    "another sampling": (fit(AlphaRec, sampling="users"), "`sampling` must be", "'users'", "mean 'user'"),
    "no epochs": (fit(AlphaRec, epochs=0), "`epochs` must be an integer >= 1", "0", "range"),
    "another device": (fit(AlphaRec, device="tpu"), "`device` must be one of", "'tpu'", "auto, cpu, cuda"),
    "a seed below zero": (fit(AlphaRec, seed=-1), "`seed` must be an integer >= 0", "-1", "range"),
    "no positives": (fit(TextGCNMLP, positives=0), "`positives` must be an integer >= 1", "0", "range"),
    "hops below zero": (fit(TextGCNMLP, layers=-1), "`layers` must be an integer >= 0", "-1", "range"),
    "half a tower": (fit(TextGCNMLP, shared=0.5), "`shared` must be True or False", "0.5", "Pass a bool"),
    "neighbors below zero": (
        fit(AlphaFree, neighbors=-1),
        "`neighbors` must be an integer >= 0",
        "-1",
        "range",
    ),
    "an alignment below zero": (fit(AlphaFree, alignment=-0.1), "`alignment` must be", "-0.1", "range"),
    "a cold alignment": (fit(AlphaFree, alignment_tau=0), "`alignment_tau` must be", "0", "range"),
    "another loss": (fit(LightGCN, loss="brp"), "`loss` must be one of", "'brp'", "mean 'bpr'"),
    "half a dimension": (fit(LightGCN, dim=1.5), "`dim` must be an integer >= 1", "1.5", "range"),
    "half a layer": (fit(LightGCN, layers=1.5), "`layers` must be an integer >= 0", "1.5", "range"),
    "a penalty below zero": (fit(LightGCN, regularization=-1), "`regularization` must be", "-1", "range"),
    "BPR with shared negatives": (
        fit(LightGCN, share_negatives=True),
        "`share_negatives` must be False for BPR",
        "True",
        "loss='infonce'",
    ),
    "a temperature of nothing": (fit(MF, loss="infonce", tau=np.nan), "`tau` must be", "nan", "range"),
    "patience of nothing": (fit(MF, patience=0), "`patience` must be an integer >= 1", "0", "range"),
    "more than all edges dropped": (
        fit(SGL, drop=1.1),
        "`drop` must be a number >= 0 and <= 1",
        "1.1",
        "range",
    ),
    "a contrast below zero": (fit(SGL, contrast=-1), "`contrast` must be a number >= 0", "-1", "range"),
    "a cold contrast": (fit(XSimGCL, contrast_tau=0), "`contrast_tau` must be a number > 0", "0", "range"),
    "noise below zero": (fit(XSimGCL, noise=-0.1), "`noise` must be a number >= 0", "-0.1", "range"),
    "noise without a layer": (fit(XSimGCL, layers=0), "`layers` must be an integer >= 1", "0", "range"),
    "a contrast beyond the layers": (
        fit(XSimGCL, layers=2, contrast_layer=3),
        "`contrast_layer` must be an integer >= 1 and <= 2",
        "3",
        "range",
    ),
    "half a layer zero": (fit(XSimGCL, layer_zero=0.5), "`layer_zero` must be True or False", "0.5", "bool"),
    "another margin": (fit(BCLoss, margin="angel"), "`margin` must be one of", "'angel'", "mean 'angle'"),
    "no epochs for margins": (
        fit(BCLoss, margin_epochs=0),
        "`margin_epochs` must be an integer",
        "0",
        "range",
    ),
    "a cold popularity": (
        fit(BCLoss, popularity_tau=0),
        "`popularity_tau` must be a number > 0",
        "0",
        "range",
    ),
    "a random seed of text": (
        lambda: Random(seed="a").fit(WORLD.train),
        "`seed` must be an integer",
        "'a'",
        "range",
    ),
    "a seed of 70 bits": (
        fit(MF, seed=2**70),
        "`seed` must be an integer >= 0",
        "1180591620717411303424",
        "range",
    ),
    "a rate that blows up in the only step": (
        fit(MF, epochs=1, batch_size=10**6, learning_rate=3e38),
        "the learned vectors must be finite",
        "NaN or infinity",
        "Lower `learning_rate`",
    ),
    "no titles for TitleCosine": (
        lambda: TitleCosine(encoder()).fit(untitled()),
        "the item table must have a column 'title'",
        "none",
        "Give an item table",
    ),
    "no titles for AlphaRec": (
        lambda: AlphaRec(encoder=encoder(), **FEW).fit(untitled()),
        "the item table must have a column 'title'",
        "none",
        "Give an item table",
    ),
    "nothing to fit": (
        lambda: Popularity().fit(WORLD.train.split("random", valid=0.0, test=0.3).valid),
        "at least one positive interaction",
        "0",
        "training part",
    ),
    "embeddings beyond float16": (
        lambda: TitleCosine(encoder_of(1e5)).fit(WORLD.train),
        "must fit float16",
        "1e+05",
        "Scale",
    ),
    "embeddings below float16": (
        lambda: TitleCosine(encoder_of(1e-9)).fit(WORLD.train),
        "must fit float16",
        "1e-09",
        "Scale",
    ),
    "embeddings too few": (encoded(embeddings=np.ones((3, 4))), "one row a text (21)", "3", "order"),
    "embeddings of one dimension": (
        encoded(embeddings=np.ones(21)),
        "must be numbers [texts, dim]",
        "(21,)",
        "two",
    ),
    "embeddings that are no numbers": (encoded(embeddings=spoilt(4, np.nan)), "finite", "north 4", "Encode"),
    "embeddings of zeros": (encoded(embeddings=spoilt(4, 0)), "must not be zero", "north 4", "Encode"),
    "titles without an embedding": (
        encoded(texts=[*titles()[:19], "x", "y"]),
        "every text must have a precomputed embedding",
        "2 ('south 19', 'south 20')",
        "Add them",
    ),
    "an encoder that is a number": (lambda: TitleCosine(5).fit(WORLD.train), "encoder", "5", "Pass"),
    "a Dataset that is a frame": (
        lambda: Popularity().fit(one_pair(1)),
        "`dataset` must be a Dataset",
        "DataFrame",
        "Dataset.from_frame",
    ),
    "a validation of unknown items": (
        lambda: Popularity().fit(WORLD.train, valid=one_pair(777)),
        "every item id",
        "unknown 1 (777)",
        "items of",
    ),
    "a validation of what is fitted": (
        lambda: Popularity().fit(WORLD.train, valid=WORLD.train),
        "`valid` must hold no fitted interaction",
        f"{WORLD.train.n_interactions} of them",
        "dataset.split",
    ),
    "one member": (
        lambda: Blend(Popularity()).fit(WORLD.train),
        "`members` must be at least two models",
        "Popularity()",
        "Write Blend",
    ),
    "one weight": (
        lambda: Blend([Popularity(), Random()], weights=0.5).fit(WORLD.train),
        "`weights` must be 2 numbers",
        "0.5",
        "one weight a member",
    ),
}


@pytest.mark.parametrize("name", FITTED)
def test_of_fit(name):
    call, *words = FITTED[name]
    with pytest.raises(InputError) as error:
        call()
    check(error, words)


def test_a_validation_part_with_strangers_says_how_to_leave_them_out():
    rows = pd.DataFrame({"user_id": ["stranger"], "item_id": [WORLD.train.items.ids[0]]})
    with pytest.raises(UnknownIdError) as error:
        Popularity().fit(WORLD.train, valid=rows)
    check(error, ["stranger", "pass valid=dataset.align(valid, on_unknown='drop')."])
    assert WORLD.train.align(rows, on_unknown="drop").n_interactions == 0
