"""Click and rating models on rows: fields as embeddings, sentences as language-model vectors.

After Le & Abel, arXiv 2504.08746.

>>> from graphrec_lm.ctr import DeepFM, Fields, TextFeatures
>>> fields = Fields(user=["age", "gender"], item=["title", "genres"], context=["timestamp"])
>>> DeepFM(fields, text=TextFeatures(), label="rating", label_threshold=4).label_threshold
4
"""

from graphrec_lm.ctr.base import CTREvaluation, CTRModel
from graphrec_lm.ctr.cost import lm_cost
from graphrec_lm.ctr.fields import Field, Fields
from graphrec_lm.ctr.graph_features import GraphFeatures
from graphrec_lm.ctr.networks.autoint import AutoInt
from graphrec_lm.ctr.networks.boosting import BoostedTrees
from graphrec_lm.ctr.networks.crosses import DCNv2, xDeepFM
from graphrec_lm.ctr.networks.deep import PNN, DeepFM, WideDeep
from graphrec_lm.ctr.networks.factorization import AFM, FM, LR, NFM
from graphrec_lm.ctr.networks.ncf import GMF, MLP, NeuMF
from graphrec_lm.ctr.persistence import load
from graphrec_lm.ctr.rows import rows_of
from graphrec_lm.ctr.sentences import default_template, load_templates
from graphrec_lm.ctr.text_features import TextFeatures
from graphrec_lm.text import Template

MODELS: dict[str, type[CTRModel]] = {
    model.__name__: model
    for model in (
        LR, FM, NFM, DeepFM, xDeepFM, AFM, WideDeep, DCNv2, AutoInt, PNN, GMF, MLP, NeuMF, BoostedTrees,
    )
}  # fmt: skip

__all__ = [
    "AFM", "FM", "GMF", "LR", "MLP", "MODELS", "NFM", "PNN",
    "AutoInt", "BoostedTrees", "CTREvaluation", "CTRModel", "DCNv2", "DeepFM", "Field", "Fields",
    "GraphFeatures", "NeuMF", "Template", "TextFeatures", "WideDeep",
    "default_template", "lm_cost", "load", "load_templates", "rows_of", "xDeepFM",
]  # fmt: skip
