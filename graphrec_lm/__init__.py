"""Recommendations from who touched what and what the items are called.

Names are imported when first used, so `import graphrec_lm` itself loads neither torch nor a language model.

>>> import graphrec_lm
>>> "AlphaRec" in dir(graphrec_lm)
True
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from graphrec_lm.errors import InputError, NotFittedError, UnknownIdError

if TYPE_CHECKING:
    from graphrec_lm.data import Dataset, Split, load_dataset
    from graphrec_lm.evaluation import tune
    from graphrec_lm.models import (
        EASE,
        GFCF,
        IALS,
        KAR,
        L3AE,
        MF,
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
        load,
        suggest_model,
    )

__version__ = "0.1.0"

__all__ = [
    "EASE",
    "GFCF",
    "IALS",
    "KAR",
    "L3AE",
    "MF",
    "SGL",
    "SLIM",
    "AlphaFree",
    "AlphaRec",
    "BCLoss",
    "Blend",
    "ChebyCF",
    "Dataset",
    "InputError",
    "ItemKNN",
    "LightGCN",
    "MultVAE",
    "NotFittedError",
    "Popularity",
    "RLMRec",
    "Random",
    "Split",
    "TextGCN",
    "TextGCNMLP",
    "TextRidge",
    "TitleCosine",
    "UnknownIdError",
    "WhiteGCN",
    "XSimGCL",
    "load",
    "load_dataset",
    "suggest_model",
    "tune",
]

_HOME = {
    "Dataset": "data",
    "Split": "data",
    "load_dataset": "data",
    "AlphaFree": "models",
    "AlphaRec": "models",
    "Blend": "models",
    "BCLoss": "models",
    "ChebyCF": "models",
    "EASE": "models",
    "GFCF": "models",
    "IALS": "models",
    "ItemKNN": "models",
    "KAR": "models",
    "L3AE": "models",
    "LightGCN": "models",
    "MF": "models",
    "MultVAE": "models",
    "Popularity": "models",
    "RLMRec": "models",
    "Random": "models",
    "SGL": "models",
    "SLIM": "models",
    "TextGCN": "models",
    "TextGCNMLP": "models",
    "TextRidge": "models",
    "TitleCosine": "models",
    "WhiteGCN": "models",
    "XSimGCL": "models",
    "load": "models",
    "suggest_model": "models",
    "tune": "evaluation",
}
_ROOMS = (
    "analysis",
    "ctr",
    "data",
    "evaluation",
    "graph",
    "kernels",
    "metrics",
    "models",
    "text",
    "training",
)


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"{__name__}.{name}")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ROOMS})
