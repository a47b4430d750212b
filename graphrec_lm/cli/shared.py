"""What several subcommands do: load a model, read ids, show and write frames."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphrec_lm.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

    from graphrec_lm.data import IdMap
    from graphrec_lm.models import Recommender

OUTPUT_ENDINGS = (".parquet", ".csv")


def load_model(path: str) -> Recommender:
    """Return a saved model; a folder that is not there gets the nearest one suggested."""
    folder = Path(path).expanduser()
    if not folder.exists():
        beside = folder.parent if folder.parent.is_dir() else Path()
        saved = [str(config.parent) for config in sorted(beside.glob("*/config.json"))]
        near = get_close_matches(path, saved, n=1)
        remedy = f"Did you mean {near[0]!r}?" if near else "Give the folder that save(path) wrote."
        raise InputError("a saved model must be a folder", f"no folder at {path!r}", remedy)
    from graphrec_lm.models import load

    return load(folder)


def read_ids(texts: Sequence[str], ids: IdMap, what: str) -> list[Any]:
    """Return ids given on the command line in the type of the model's ids.

    >>> from graphrec_lm.data import IdMap
    >>> read_ids(["7", "42"], IdMap([7, 42]), "item")
    [7, 42]
    """
    if ids.ids.dtype.kind not in "iu":
        return list(texts)
    try:
        return [int(text) for text in texts]
    except ValueError:
        wrong = next(text for text in texts if not text.lstrip("-").isdecimal())
        known = ", ".join(map(str, ids.ids[:3]))
        remedy = f"Use ids such as {known}."
        raise InputError(f"{what} ids of this model must be integers", repr(wrong), remedy) from None


def check_output(path: str | None) -> None:
    """Refuse a file to write whose ending says neither Parquet nor CSV."""
    if path is not None and Path(path).suffix not in OUTPUT_ENDINGS:
        required = f"`--output` must end in {' or '.join(OUTPUT_ENDINGS)}"
        raise InputError(required, repr(path), "For example: --output top10.parquet")


def check_folder(path: str) -> None:
    """Refuse, before any work is done, a folder that a model can't be saved to."""
    from graphrec_lm.files import check_target

    check_target(path)


def to_table(frame: Any) -> pa.Table:
    """Return a frame of any library as an Arrow table."""
    from graphrec_lm.data.frames import to_arrow

    return to_arrow(frame, "result")[0]


def write_table(table: pa.Table, path: str) -> None:
    """Write a table to a Parquet or CSV file, whole or not at all."""
    from graphrec_lm.files import atomic_file

    with atomic_file(path) as temporary:
        if Path(path).suffix == ".csv":
            from pyarrow import csv

            csv.write_csv(table, temporary)
        else:
            from pyarrow import parquet

            parquet.write_table(table, temporary)


def show_metrics(evaluation: Any) -> None:
    """Print means of metrics, one line each."""
    from graphrec_lm.evaluation.comparison import metric_label
    from graphrec_lm.evaluation.tables import render_table

    rows = [{"metric": metric_label(name), "mean": value} for name, value in evaluation.items()]
    print(render_table(rows))


def show_settings(settings: dict[str, object]) -> None:
    """Print names and values in two columns."""
    width = max(map(len, settings), default=0)
    for name, value in settings.items():
        print(f"  {name:<{width}}  {value}")
