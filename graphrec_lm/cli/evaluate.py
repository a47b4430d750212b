"""graphrec-lm evaluate: metrics of a saved model on held-out interactions"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from graphrec_lm.cli.parser import positive_int
from graphrec_lm.cli.shared import load_model, show_metrics
from graphrec_lm.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

    from graphrec_lm.data import Dataset

METRICS = ("recall", "precision", "ndcg", "hit_rate", "mrr", "map")
EXAMPLES = """\
All items are ranked for every user of the test file; what the model was fitted on, and the validation part
it was selected on, are hidden.

examples:
  graphrec-lm evaluate movies-model --test test.csv -k 10
  graphrec-lm evaluate movies-model --test ratings.parquet --positive "rating >= 4"
  graphrec-lm evaluate movies-model --config movies.yaml      (the test part that fit held out)
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("model", metavar="MODEL_FOLDER", help="a saved model")
    test = parser.add_mutually_exclusive_group(required=True)
    test.add_argument("--test", metavar="FILE", help=".csv, .tsv or .parquet with user_id and item_id")
    test.add_argument("--config", metavar="CONFIG.yaml", help="take the test part of this configuration")
    parser.add_argument("--positive", metavar="RULE",
                        help='rows that count: "rating >= 4", all (default: as in the fit)')  # fmt: skip
    parser.add_argument(
        "--on-unknown",
        choices=("raise", "drop"),
        default="raise",
        help="rows of users and items that were not fitted (default: raise)",
    )
    parser.add_argument("--on-fitted", choices=("raise", "drop"), default="raise",
                        help="rows that were fitted, which can't be ranked (default: raise)")  # fmt: skip
    parser.add_argument("-k", type=positive_int, nargs="+", metavar="K",
                        help="length of the ranked lists, or several (default: 20)")  # fmt: skip
    parser.add_argument("--metrics", nargs="+", choices=METRICS, metavar="METRIC",
                        help=f"of {', '.join(METRICS)} (default: recall ndcg hit_rate)")  # fmt: skip


def run(arguments: argparse.Namespace) -> None:
    """Evaluate and print."""
    k, metrics = arguments.k, arguments.metrics
    if arguments.config is not None:
        if arguments.positive is not None:
            remedy = "Change `positive` in the configuration."
            raise InputError("`--positive` must come with `--test`", "it with `--config`", remedy)
        from graphrec_lm.config import read_config

        config = read_config(arguments.config)
        k, metrics = k or config.evaluate.k, metrics or config.evaluate.metrics
    model = load_model(arguments.model)
    test = _test_file(arguments, model.dataset_) if arguments.test else _test_part(config)
    how = {"on_unknown": arguments.on_unknown, "on_fitted": arguments.on_fitted}
    evaluation = model.evaluate(test, k=k or 20, metrics=metrics or ("recall", "ndcg", "hit_rate"), **how)
    print(f"{type(model).__name__} on {len(evaluation.user_ids):,} users with test items")
    show_metrics(evaluation)


def _test_part(config: Any) -> Dataset:
    from graphrec_lm.config import build_dataset, build_split

    return build_split(config, build_dataset(config.data)).test


def _test_file(arguments: argparse.Namespace, dataset: Dataset) -> Dataset:
    """The rows of the test file that count, by the rule that is given instead of the fitted one."""
    import pyarrow as pa

    from graphrec_lm.data.positive import PositiveRule

    rule = dataset.rules.positive
    if arguments.positive is not None:
        rule = None if arguments.positive == "all" else PositiveRule.parse(arguments.positive)
    numeric = [] if rule is None or isinstance(rule.value, str) else [rule.column]
    table = _read(arguments.test, numeric, dataset.rules.columns)
    maps = {"user_id": dataset.users, "item_id": dataset.items}
    for at, name in enumerate(table.column_names):
        ids = maps.get(dataset.rules.columns.get(name, name))
        if ids is not None and ids.ids.dtype.kind == "O":
            table = table.set_column(at, name, table[name].cast(pa.large_string()))
    reading = replace(dataset, rules=replace(dataset.rules, positive=rule))
    return reading.align(table, on_unknown=arguments.on_unknown)


def _read(path: str, numeric: list[str], columns: Mapping[str, str]) -> pa.Table:
    from graphrec_lm.config.building import file_format
    from graphrec_lm.data.delimited import COMMA, TAB, check_file
    from graphrec_lm.data.parsing import read_delimited

    check_file(path)
    form = file_format(path)
    if form == "parquet":
        from graphrec_lm.data.readers import _parquet

        return _parquet(path)
    if form not in ("csv", "tsv"):
        raise InputError("`--test` must be a .csv, .tsv or .parquet file", repr(path), "Convert it.")
    return read_delimited(path, COMMA if form == "csv" else TAB, columns=columns, numeric=numeric)
