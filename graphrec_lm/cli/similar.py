"""graphrec-lm similar: the items most similar to some items"""

from __future__ import annotations

import argparse
from itertools import groupby
from typing import TYPE_CHECKING, Any

from graphrec_lm.cli.parser import positive_int
from graphrec_lm.cli.shared import check_output, load_model, read_ids, to_table, write_table

if TYPE_CHECKING:
    from graphrec_lm.data import Dataset

EXAMPLES = """\
examples:
  graphrec-lm similar movies-model 1 2571
  graphrec-lm similar movies-model 260 -k 50 --output similar.csv
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("model", metavar="MODEL_FOLDER", help="a saved model")
    parser.add_argument("items", nargs="+", metavar="ITEM", help="item ids")
    parser.add_argument("-k", type=positive_int, default=10, help="similar items of each (default: 10)")
    parser.add_argument("--output", metavar="FILE", help="write a .parquet or .csv file instead of printing")


def run(arguments: argparse.Namespace) -> None:
    """Find similar items, then print or write."""
    from graphrec_lm.evaluation.tables import render_table

    check_output(arguments.output)
    model = load_model(arguments.model)
    dataset = model.dataset_
    items = read_ids(arguments.items, dataset.items, "item")
    table = to_table(model.similar_items(items, arguments.k))
    if arguments.output is not None:
        write_table(table, arguments.output)
        print(f"Wrote {table.num_rows} rows to {arguments.output}")
        return
    titles = dict(zip(items, _titles(dataset, items), strict=True))
    for item, rows in groupby(table.to_pylist(), key=lambda row: row["item_id"]):
        print(f"Similar to {item}{titles[item]}")
        shown = [{"rank": row["rank"], **row} for row in rows]
        print(render_table([{n: v for n, v in row.items() if n != "item_id"} for row in shown]), end="\n\n")


def _titles(dataset: Dataset, items: list[Any]) -> list[str]:
    if not dataset.has_titles:
        return [""] * len(items)
    return [f": {dataset.titles[code]}" for code in dataset.items.codes(items)]
