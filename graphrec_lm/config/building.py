"""From a configuration to a Dataset, its split and a model."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphrec_lm.config.schema import FILE_FORMATS, Config, DataConfig, ModelConfig
from graphrec_lm.data import (
    Dataset,
    Split,
    load_dataset,
    read_alpharec,
    read_amazon,
    read_csv,
    read_lightgcn,
    read_movielens,
    read_parquet,
    read_recbole,
    read_tsv,
)
from graphrec_lm.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from graphrec_lm.models import Recommender

_READERS: dict[str, Callable[..., Dataset]] = {
    "csv": read_csv,
    "tsv": read_tsv,
    "parquet": read_parquet,
    "movielens": read_movielens,
    "recbole": read_recbole,
    "lightgcn": read_lightgcn,
    "amazon": read_amazon,
    "alpharec": read_alpharec,
}
_ENDINGS = {".csv": "csv", ".tsv": "tsv", ".parquet": "parquet", ".inter": "recbole"}
_PACKED = (".gz", ".bz2", ".zst")


def build_dataset(config: DataConfig) -> Dataset:
    """Return the Dataset of the section `data`.

    Raises
    ------
    InputError
        If a file is missing or not in the format, or the format has no such option.

    Examples
    --------
    >>> build_dataset(DataConfig(dataset="movielens-small", only_touched_items=True)).n_items
    6298
    """
    dataset = _named(config) if config.dataset is not None else _from_files(config)
    if config.only_touched_items:
        dataset = dataset.restrict_items(dataset.items.ids[dataset.item_counts > 0])
    return dataset


def build_split(config: Config, dataset: Dataset) -> Split:
    """Return the split of the section `split`."""
    return dataset.split(config.split.method, **config.split.options)


def build_model(config: Config) -> Recommender:
    """Return the new model of the section `model`."""
    return _model(config.model)


def _model(config: ModelConfig) -> Recommender:
    from graphrec_lm.models import MODELS

    members = [_model(ModelConfig(**member)) for member in config.members]
    return MODELS[config.name](**config.options | ({"members": members} if members else {}))


def _named(config: DataConfig) -> Dataset:
    options = {"positive": config.positive} if "positive" in config.model_fields_set else {}
    return load_dataset(str(config.dataset), root=config.root, download=config.download, **options)


def _from_files(config: DataConfig) -> Dataset:
    source = str(config.interactions)
    name = config.format or file_format(source)
    given = ("items", "users", "columns", "positive")
    options: dict[str, Any] = {key: getattr(config, key) for key in given if key in config.model_fields_set}
    known = list(inspect.signature(_READERS[name]).parameters)[1:]
    for key in options:
        if key not in known:
            required = f"`data.{key}` must be an option of the format {name!r}"
            raise InputError(required, "one it doesn't have", did_you_mean(key, known))
    return _READERS[name](source, **options)


def file_format(path: str) -> str:
    """Return the format that a file's ending says it has.

    >>> file_format("rows.csv.gz")
    'csv'
    """
    suffixes = [suffix for suffix in Path(path).suffixes if suffix not in _PACKED]
    ending = suffixes[-1] if suffixes else ""
    if ending not in _ENDINGS:
        required = f"{path} must end in {', '.join(_ENDINGS)}, or `data.format` must be given"
        raise InputError(required, repr(ending), f"Write `format:` with one of {', '.join(FILE_FORMATS)}.")
    return _ENDINGS[ending]
