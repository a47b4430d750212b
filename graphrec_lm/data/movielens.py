"""MovieLens folders: ml-latest*, ml-20m/25m/32m (CSV), ml-1m (`::`), ml-100k (`u.data`)."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from graphrec_lm.data.dataset import Dataset
from graphrec_lm.data.delimited import COMMA, Format, Source
from graphrec_lm.data.parsing import read_delimited
from graphrec_lm.data.readers import from_tables
from graphrec_lm.errors import InputError

GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary",
    "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller",
    "War", "Western",
)  # fmt: skip
_RATING = ("user_id", "item_id", "rating", "timestamp")
_CSV_NAMES = {"userId": "user_id", "movieId": "item_id"}
_TEXTS = ("title", "genres", "zip_code")


def read_movielens(folder: Source, *, positive: str | None = "rating >= 4") -> Dataset:
    """Return the Dataset of a MovieLens folder as GroupLens ships it; which one is seen from its files.

    Parameters
    ----------
    folder : path
        With `ratings.csv` and `movies.csv`, or `ratings.dat`, `movies.dat` and `users.dat`, or `u.data`,
        `u.item` and `u.user`.
    positive : str, optional
        Which ratings are edges; None makes every rating one.

    Raises
    ------
    InputError
        If the folder holds none of these, or a file is broken (file and line).
    """
    path = Path(folder)
    for name, read in (("ratings.csv", _read_csv), ("ratings.dat", _read_1m), ("u.data", _read_100k)):
        if (path / name).is_file():
            return from_tables(*read(path), positive=positive)
    found = "no such folder" if not path.is_dir() else f"files {sorted(p.name for p in path.iterdir())[:8]}"
    remedy = "Unpack an archive of https://grouplens.org/datasets/movielens/ and pass the folder inside it."
    raise InputError(f"{path} must hold ratings.csv, ratings.dat or u.data", found, remedy)


def _read_csv(path: Path) -> tuple[pa.Table, pa.Table]:
    rows, movies = (
        read_delimited(path / name, COMMA, columns=_CSV_NAMES, numeric=["rating"], texts=_TEXTS)
        for name in ("ratings.csv", "movies.csv")
    )
    return tuple(t.rename_columns([_CSV_NAMES.get(c, c) for c in t.column_names]) for t in (rows, movies))  # type: ignore[return-value]


def _read_1m(path: Path) -> tuple[pa.Table, pa.Table, pa.Table]:
    items = ("item_id", "title", "genres")
    users = ("user_id", "gender", "age", "occupation", "zip_code")
    files = (("ratings.dat", _RATING), ("movies.dat", items), ("users.dat", users))
    return tuple(_latin(path / name, "::", names) for name, names in files)  # type: ignore[return-value]


def _read_100k(path: Path) -> tuple[pa.Table, pa.Table, pa.Table]:
    item_names = ("item_id", "title", "release_date", "video_release_date", "imdb_url", *GENRES)
    user_names = ("user_id", "age", "gender", "occupation", "zip_code")
    rows = _latin(path / "u.data", "\t", _RATING)
    items = _latin(path / "u.item", "|", item_names)
    users = _latin(path / "u.user", "|", user_names)
    genres = _joined_genres(items)
    return rows, items.drop_columns(list(GENRES)).append_column("genres", genres), users


def _latin(path: Path, separator: str, names: tuple[str, ...]) -> pa.Table:
    form = Format(separator, quoted=False, encoding="latin-1", names=names)
    return read_delimited(path, form, numeric=["rating", "age", *GENRES], texts=_TEXTS)


def _joined_genres(items: pa.Table) -> pa.ChunkedArray:
    """Join the 19 flags of u.item to texts such as "Action|Comedy"."""
    flags = items.select(GENRES).combine_chunks()
    marked = [pc.if_else(pc.equal(flags[genre], 1), f"|{genre}", "") for genre in GENRES]
    return pc.utf8_ltrim(pc.binary_join_element_wise(*marked, ""), "|")
