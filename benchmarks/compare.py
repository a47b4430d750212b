"""All models under one protocol: tuned alike on validation, evaluated once on test, with costs and tests.

    python benchmarks/compare.py --data FOLDER [--plan PLAN.yaml] [--only DATASET[/MODEL[/SEED]]]

tunes and fits what the plan asks for and is not there yet, each final row in a process of its own, and
writes `compare.md`, `compare.json` and pictures to `results/`, or for another plan than the comparison of all
models to a folder of `results/` named like it. Stop it whenever you like: finished trials
and rows are kept in `compare.trials.jsonl` and `compare.rows.jsonl`, and the next run goes on. A dataset or a
model is added in the plan alone. `--list` says what is left and how long it can take, `--report` only
writes the report. Per-user values, which the significance tests need, lie in `--scratch`.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import Any

from common import RESULTS
from comparing.budgeting import overview
from comparing.entries import entries_of
from comparing.plan import read_plan
from comparing.report import write_report
from comparing.running import Comparison
from comparing.store import alone_in

from graphrec_lm.errors import InputError

PLAN = Path(__file__).parent / "plans" / "compare.yaml"


def default_scratch() -> Path:
    """A folder in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "graphrec_lm" / "compare"


def default_results(plan: Path) -> Path:
    """`results/`, and for another plan than PLAN a folder there of its name, since rows must not mix."""
    return RESULTS if plan.resolve() == PLAN.resolve() else RESULTS / plan.stem


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--data", type=Path, help="folder with the datasets' folders")
    made.add_argument("--plan", type=Path, default=PLAN)
    made.add_argument("--only", default="", help="DATASET, DATASET/MODEL or DATASET/MODEL/SEED")
    made.add_argument("--again", action="store_true", help="run final rows again that are there")
    made.add_argument("--jobs", type=int, default=1, help="processes at a time; they share the cores")
    made.add_argument("--hours", type=float, default=float("inf"), help="begin nothing after so many hours")
    made.add_argument("--results", type=Path, help="folder for all that is kept")
    made.add_argument("--scratch", type=Path, help="folder for per-user values; default: in the user's cache")
    made.add_argument("--list", action="store_true", help="say what is left, and stop")
    made.add_argument("--report", action="store_true", help="write the report from what is there, and stop")
    return made


def comparison_of(options: argparse.Namespace) -> Comparison:
    """What the command line asks for, checked."""
    if options.data is None or not options.data.is_dir():
        raise InputError("`--data` must be a folder", options.data, "Pass the folder with the datasets.")
    plan = read_plan(options.plan)
    entries = entries_of(plan, options.data)
    scratch = options.scratch or default_scratch()
    results = options.results or default_results(options.plan)
    made = Comparison(plan, entries, options.data, results, scratch)
    made.jobs, made.only, made.again = max(1, options.jobs), options.only, options.again
    made.hours = options.hours
    if options.plan.resolve() != PLAN.resolve():
        made.command += f" --plan {_shown(options.plan)}"
    if options.only and not any(made.is_asked(entry) for entry in entries):
        valid = ", ".join(f"{entry.data}/{entry.name}" for entry in entries)
        raise InputError(
            "`--only` must be DATASET, DATASET/MODEL or DATASET/MODEL/SEED", options.only, f"Valid: {valid}."
        )
    return made


def _shown(path: Path) -> str:
    """A path as the report shows it: from the repository's root, if it is in it."""
    root, whole = PLAN.resolve().parents[2], path.resolve()
    return str(whole.relative_to(root)) if whole.is_relative_to(root) else path.name


def main(arguments: list[str] | None = None) -> None:
    """Run what is missing, and report."""
    options = parser().parse_args(arguments)
    try:
        comparison = comparison_of(options)
        print(overview(comparison), flush=True)
        if options.list:
            return
        with alone_in(comparison.results):
            if not options.report:
                signal.signal(signal.SIGTERM, _stop)
                comparison.run()
            write_report(comparison)
    except InputError as error:
        sys.exit(str(error))
    print(f"wrote {comparison.results / 'compare.md'}")


def _stop(*_: Any) -> None:
    sys.exit("stopped: run the same command to go on")


if __name__ == "__main__":
    main()
