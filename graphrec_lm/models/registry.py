"""Models by name, for saved folders, configurations and the command line."""

from graphrec_lm.models.alpha_free import AlphaFree
from graphrec_lm.models.alpharec import AlphaRec
from graphrec_lm.models.base import Recommender
from graphrec_lm.models.bc_loss import BCLoss
from graphrec_lm.models.blend import Blend
from graphrec_lm.models.chebycf import ChebyCF
from graphrec_lm.models.ease import EASE
from graphrec_lm.models.gfcf import GFCF
from graphrec_lm.models.ials import IALS
from graphrec_lm.models.item_knn import ItemKNN
from graphrec_lm.models.kar import KAR
from graphrec_lm.models.l3ae import L3AE
from graphrec_lm.models.lightgcn import LightGCN
from graphrec_lm.models.mf import MF
from graphrec_lm.models.multvae import MultVAE
from graphrec_lm.models.popularity import Popularity
from graphrec_lm.models.random import Random
from graphrec_lm.models.rlmrec import RLMRec
from graphrec_lm.models.sgl import SGL
from graphrec_lm.models.slim import SLIM
from graphrec_lm.models.text_gcn import TextGCN
from graphrec_lm.models.text_gcn_mlp import TextGCNMLP
from graphrec_lm.models.text_ridge import TextRidge
from graphrec_lm.models.title_cosine import TitleCosine
from graphrec_lm.models.white_gcn import WhiteGCN
from graphrec_lm.models.xsimgcl import XSimGCL

MODELS: dict[str, type[Recommender]] = {
    model.__name__: model
    for model in (
        AlphaFree,
        AlphaRec,
        Blend,
        BCLoss,
        ChebyCF,
        EASE,
        GFCF,
        IALS,
        ItemKNN,
        KAR,
        L3AE,
        LightGCN,
        MF,
        MultVAE,
        Popularity,
        Random,
        SGL,
        RLMRec,
        SLIM,
        TextGCN,
        TextGCNMLP,
        TextRidge,
        TitleCosine,
        WhiteGCN,
        XSimGCL,
    )
}
