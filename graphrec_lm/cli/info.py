"""graphrec-lm info: what is installed, in a saved model, or in a dataset"""

from __future__ import annotations

import argparse
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from graphrec_lm.cli.shared import load_model, show_settings
from graphrec_lm.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from graphrec_lm.models import Recommender

EXAMPLES = """\
examples:
  graphrec-lm info                                    (versions, models, datasets)
  graphrec-lm info movies-model                       (a saved model)
  graphrec-lm info movielens-small                    (a dataset)
  graphrec-lm info movielens-1m --root ~/datasets     (a dataset in a folder)
"""
_PACKAGES = ("numpy", "torch", "numba", "pyarrow", "sentence-transformers", "matplotlib")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("target", nargs="?", metavar="MODEL_FOLDER|DATASET", help="what to describe")
    parser.add_argument("--root", metavar="FOLDER", help="the folder of a dataset that is not bundled")


def run(arguments: argparse.Namespace) -> None:
    """Describe the target."""
    from graphrec_lm.data import list_datasets, load_dataset

    target, datasets = arguments.target, list_datasets()
    if target is None:
        _installation(datasets)
    elif target in datasets:
        print(f"{target}: {datasets[target]}\n{load_dataset(target, root=arguments.root)}")
    elif Path(target).expanduser().exists():
        _saved_model(target)
    else:
        required = "there must be a model folder or a dataset of that name"
        raise InputError(required, repr(target), did_you_mean(target, list(datasets)))


def _installation(datasets: dict[str, str]) -> None:
    from importlib.metadata import PackageNotFoundError, version

    from graphrec_lm import __version__
    from graphrec_lm.models import MODELS

    print(f"graphrec_lm {__version__}")
    settings: dict[str, object] = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            settings[package] = version(package)
        except PackageNotFoundError:
            settings[package] = "not installed"
    settings["processors"] = os.cpu_count()
    show_settings(settings)
    print("\nmodels")
    show_settings({name: str(model.__doc__).partition("\n")[0] for name, model in MODELS.items()})
    print("\ndatasets")
    show_settings(dict(datasets))


def _saved_model(path: str) -> None:
    model = load_model(path)
    size = sum(file.stat().st_size for file in Path(path).expanduser().rglob("*") if file.is_file())
    print(f"{type(model).__name__} in {path}, {size / 2**20:.1f} MiB")
    show_settings({**model.get_params(), **model._result.notes})
    measured = [record for record in model.history_ if "valid_ndcg@20" in record]
    if model.history_:
        print(f"\ntraining: {len(model.history_)} epochs in {model.history_[-1]['seconds']:.1f} s")
    if measured:
        best = max(measured, key=lambda record: record["valid_ndcg@20"])
        print(f"best validation NDCG@20: {best['valid_ndcg@20']:.4f} in epoch {best['epoch']}")
    print(f"\n{_domains(model) or model.dataset_}")


def _domains(model: Recommender) -> str:
    """What a model of several domains says of them; `adapt` makes it one of a dataset."""
    several = model._result.notes.get("domains")
    return "" if several is None else f"fitted on {several}: adapt(dataset) applies it to one"
