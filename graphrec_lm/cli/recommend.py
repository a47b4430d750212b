"""graphrec-lm recommend: the best items for users, for somebody new, or for everyone"""

from __future__ import annotations

import argparse
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphrec_lm.cli.parser import positive_int
from graphrec_lm.cli.shared import check_output, load_model, read_ids, to_table, write_table
from graphrec_lm.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

    from graphrec_lm.models import Recommender

EXAMPLES = """\
examples:
  graphrec-lm recommend movies-model --user 1 2 3
  graphrec-lm recommend movies-model --history 260 1196 1210 -k 5     (somebody new, by item ids)
  graphrec-lm recommend movies-model --user 1 --intent "a space opera, not horror" --alpha 0.4
  graphrec-lm recommend movies-model --intent "heist movies"          (a plain search)
  graphrec-lm recommend movies-model -k 20 --output top20.parquet     (everyone)
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("model", metavar="MODEL_FOLDER", help="a saved model")
    who = parser.add_mutually_exclusive_group()
    who.add_argument(
        "--user", nargs="+", metavar="ID", help="fitted users; without it and --history: everyone"
    )
    who.add_argument("--history", nargs="+", metavar="ITEM", action="append",
                     help="items of somebody new; may be repeated, once a person")  # fmt: skip
    parser.add_argument("--intent", metavar="TEXT", help="what they say they want; alone: a plain search")
    parser.add_argument("--alpha", type=_alpha, default=0.3, metavar="WEIGHT",
                        help="weight of the intent from 0 to 1, or auto (default: 0.3)")  # fmt: skip
    parser.add_argument("--on-unknown", choices=("raise", "drop"), default="raise",
                        help="users and items that were not fitted (default: raise)")  # fmt: skip
    parser.add_argument("-k", type=positive_int, default=10, help="items a person (default: 10)")
    parser.add_argument("--keep-seen", action="store_true", help="also recommend what they already have")
    parser.add_argument("--output", metavar="FILE", help="write a .parquet or .csv file instead of printing")


def _alpha(text: str) -> float | str:
    """A number, or "auto"; whether it lies in [0, 1] is checked where it is used."""
    if text == "auto":
        return text
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be auto or a number from 0 to 1, got {text!r}") from None


def run(arguments: argparse.Namespace) -> None:
    """Recommend, then print or write."""
    check_output(arguments.output)
    everyone = arguments.user is None and arguments.history is None and arguments.intent is None
    if everyone and arguments.output is None:
        remedy = "Name users by --user, or write a file by --output."
        raise InputError("recommendations for everyone must go to a file", "no `--output`", remedy)
    model = load_model(arguments.model)
    options: dict[str, Any] = {"k": arguments.k, "filter_seen": not arguments.keep_seen}
    if everyone and Path(arguments.output).suffix == ".parquet":
        model.recommend_batch(arguments.output, verbose=not arguments.quiet, **options)
        print(f"Wrote {arguments.output}")
        return
    if arguments.intent is not None:
        options |= {"intent": arguments.intent, "alpha": arguments.alpha}
    options["on_unknown"] = arguments.on_unknown
    table = to_table(model.recommend(**_people(model, arguments), **options))
    if arguments.output is None:
        _show(table, new=arguments.user is None)
    else:
        write_table(table, arguments.output)
        print(f"Wrote {table.num_rows} rows to {arguments.output}")


def _people(model: Recommender, arguments: argparse.Namespace) -> dict[str, Any]:
    dataset = model.dataset_
    if arguments.user is not None:
        return {"users": read_ids(arguments.user, dataset.users, "user")}
    if arguments.history is not None:
        return {"history": [read_ids(person, dataset.items, "item") for person in arguments.history]}
    return {}


def _show(table: pa.Table, *, new: bool) -> None:
    from graphrec_lm.evaluation.tables import render_table

    for user, rows in groupby(table.to_pylist(), key=lambda row: row["user_id"]):
        print(f"{'New person' if new else 'User'} {user}")
        print(render_table([{"rank": r.pop("rank"), **r} for r in map(_without_user, rows)]), end="\n\n")


def _without_user(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "user_id"}
