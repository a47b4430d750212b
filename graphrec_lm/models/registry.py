"""Models by name, for saved folders, configurations and the command line."""

from graphrec_lm.models.alpharec import AlphaRec
from graphrec_lm.models.base import Recommender
from graphrec_lm.models.lightgcn import LightGCN
from graphrec_lm.models.mf import MF
from graphrec_lm.models.popularity import Popularity
from graphrec_lm.models.random import Random
from graphrec_lm.models.title_cosine import TitleCosine

MODELS: dict[str, type[Recommender]] = {
    model.__name__: model for model in (AlphaRec, LightGCN, MF, Popularity, Random, TitleCosine)
}
