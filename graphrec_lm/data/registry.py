"""Datasets by name: one is bundled, the others are read from a folder and downloaded only on request."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphrec_lm.data.alpharec import read_alpharec
from graphrec_lm.data.bundled import load_movielens_small
from graphrec_lm.data.dataset import Dataset
from graphrec_lm.data.delimited import Source
from graphrec_lm.data.download import extract, fetch
from graphrec_lm.data.movielens import read_movielens
from graphrec_lm.errors import InputError, did_you_mean

_GROUPLENS = "https://files.grouplens.org/datasets/movielens/"
_ALPHAREC_PAGE = "https://github.com/LehengTHU/AlphaRec"
_PAGE = "https://grouplens.org/datasets/movielens/"


@dataclass(frozen=True)
class Entry:
    """A named dataset: what it is, its folder, where it comes from, and what reads it."""

    about: str
    read: Callable[..., Dataset]
    folder: str = ""
    url: str = ""
    page: str = ""


def _movielens(about: str, folder: str) -> Entry:
    return Entry(about, read_movielens, folder, f"{_GROUPLENS}{folder}.zip", _PAGE)


def _alpharec(about: str, folder: str) -> Entry:
    return Entry(f"{about}, as AlphaRec's authors released it", read_alpharec, folder, page=_ALPHAREC_PAGE)


REGISTRY: dict[str, Entry] = {
    "movielens-small": Entry("610 users, 9,742 films, 100,836 ratings; bundled", load_movielens_small),
    "movielens-100k": _movielens("943 users, 1,682 films, 100,000 ratings", "ml-100k"),
    "movielens-1m": _movielens("6,040 users, 3,883 films, 1,000,209 ratings", "ml-1m"),
    "movielens-20m": _movielens("138,493 users, 27,278 films, 20,000,263 ratings", "ml-20m"),
    "movielens-25m": _movielens("162,541 users, 62,423 films, 25,000,095 ratings", "ml-25m"),
    "movielens-32m": _movielens("200,948 users, 87,585 films, 32,000,204 ratings", "ml-32m"),
    "alpharec-books": _alpharec("Amazon Books (2014)", "amazon_book_2014"),
    "alpharec-movies": _alpharec("Amazon Movies & TV", "amazon_movie"),
    "alpharec-games": _alpharec("Amazon Video Games", "amazon_game"),
    "movielens-latest": _movielens("the latest full MovieLens; changes over time", "ml-latest"),
}


ALIASES = {entry.folder: name for name, entry in REGISTRY.items() if entry.folder}


def list_datasets() -> dict[str, str]:
    """Return the names that `load_dataset` knows, with a line on each.

    >>> list_datasets()["movielens-small"]
    '610 users, 9,742 films, 100,836 ratings; bundled'
    """
    return {name: entry.about for name, entry in REGISTRY.items()}


def load_dataset(name: str, *, root: Source | None = None, download: bool = False, **options: Any) -> Dataset:
    """Return a dataset by name.

    Parameters
    ----------
    name : str
        One of `list_datasets()`, or its folder's name ("ml-1m"); "movielens-small" is bundled and needs
        nothing else.
    root : path, optional
        The dataset's folder (e.g. `ml-1m`), or the folder that holds it.
    download : bool
        True downloads what is missing to `root`, and only then; the dataset's licence is yours to read.
        Not for "alpharec-...": get these by hand, see their authors' page.
    **options
        Passed to the reader, e.g. `positive="rating >= 3"`.

    Raises
    ------
    InputError
        On an unknown name or option, or a folder that is not there.

    Examples
    --------
    >>> load_dataset("movielens-small").n_items
    9742
    """
    name = ALIASES.get(name, name)
    if name not in REGISTRY:
        required = "the name of a dataset must be one of `list_datasets()`"
        raise InputError(required, repr(name), did_you_mean(str(name), list(REGISTRY)))
    entry = REGISTRY[name]
    _check_options(name, entry, options)
    if not entry.folder:
        return entry.read(**options)
    return entry.read(_folder(name, entry, root, download), **options)


def _check_options(name: str, entry: Entry, options: dict[str, Any]) -> None:
    known = [p.name for p in inspect.signature(entry.read).parameters.values() if p.kind is p.KEYWORD_ONLY]
    for option in options:
        if option not in known:
            raise InputError(
                f"an option of {name!r} must be one its reader has", repr(option), did_you_mean(option, known)
            )


def _folder(name: str, entry: Entry, root: Source | None, download: bool) -> Path:
    if root is None:
        get = "and download=True to get it" if entry.url else "which you get by hand"
        remedy = f"Pass root=, a folder for {entry.folder!r}, {get} from {entry.page}."
        raise InputError(f"the dataset {name!r} needs `root`", None, remedy)
    base = Path(root).expanduser()
    if base.name == entry.folder and base.is_dir():
        return base
    folder = base / entry.folder
    if folder.is_dir():
        return folder
    if not (download and entry.url):
        archive = f"{entry.url} (see {entry.page})" if entry.url else f"it by hand (see {entry.page})"
        remedy = f"Get {archive} and unpack it there{', or pass download=True' * bool(entry.url)}."
        raise InputError(f"{folder} must be the folder of {name!r}", "no such folder", remedy)
    return extract(fetch(entry.url, base / f"{entry.folder}.zip"), entry.folder, folder)
