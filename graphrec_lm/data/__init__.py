"""Interactions in, codes out: IdMap, Dataset, splits, readers and named datasets."""

from __future__ import annotations

from graphrec_lm.data.alpharec import alpharec_vectors, read_alpharec
from graphrec_lm.data.amazon import read_amazon
from graphrec_lm.data.dataset import Dataset
from graphrec_lm.data.idmap import IdMap
from graphrec_lm.data.interactions import Interactions
from graphrec_lm.data.lightgcn import read_lightgcn
from graphrec_lm.data.movielens import read_movielens
from graphrec_lm.data.readers import read_csv, read_parquet, read_tsv
from graphrec_lm.data.recbole import read_recbole
from graphrec_lm.data.registry import list_datasets, load_dataset
from graphrec_lm.data.splits import Split

__all__ = [
    "Dataset",
    "IdMap",
    "Interactions",
    "Split",
    "alpharec_vectors",
    "list_datasets",
    "load_dataset",
    "read_alpharec",
    "read_amazon",
    "read_csv",
    "read_lightgcn",
    "read_movielens",
    "read_parquet",
    "read_recbole",
    "read_tsv",
]
