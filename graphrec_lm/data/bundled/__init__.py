"""The sample that the package carries: MovieLens ml-latest-small, its licence, its title embeddings."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pyarrow.parquet as pq

from graphrec_lm.data.dataset import Dataset
from graphrec_lm.data.readers import from_tables


def movielens_small_folder() -> Path:
    """Return the folder with interactions, items, title embeddings and the licence of the sample."""
    return Path(str(files(__name__).joinpath("movielens_small")))


def load_movielens_small(*, positive: str | None = "rating >= 4") -> Dataset:
    """Return MovieLens ml-latest-small: 610 users, 9,742 items with title and genres, 100,836 ratings.

    The fixed split of the benchmarks is in the column `split`: `dataset.split("from_column")`. Source:
    Harper and Konstan, The MovieLens Datasets, TiiS 2015; research use, see README.txt in the folder.

    Parameters
    ----------
    positive : str, optional
        Which ratings are edges; None makes every rating one.

    Examples
    --------
    >>> load_movielens_small().n_interactions
    48580
    """
    folder = movielens_small_folder()
    tables = (pq.read_table(folder / f"{name}.parquet") for name in ("interactions", "items"))
    return from_tables(*tables, positive=positive)
