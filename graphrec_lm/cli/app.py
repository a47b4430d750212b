"""`main`: from arguments to a subcommand, and from errors to one line and an exit code."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from graphrec_lm import __version__
from graphrec_lm.cli import demo, evaluate, fit, info, recommend, similar
from graphrec_lm.cli.parser import Parser
from graphrec_lm.errors import InputError, NotFittedError

COMMANDS = {
    "demo": demo,
    "fit": fit,
    "evaluate": evaluate,
    "recommend": recommend,
    "similar": similar,
    "info": info,
}
_DESCRIPTION = "Recommendations from who touched what and what the items are called."
_EPILOG = """\
start here:
  graphrec-lm demo                      fit, compare and show four models on the bundled films
  graphrec-lm fit CONFIG.yaml           fit a model on your data; see graphrec-lm fit --help
"""


def build_parser() -> Parser:
    """Return the parser of all subcommands."""
    parser = Parser(prog="graphrec-lm", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=f"graphrec-lm {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")
    for name, module in COMMANDS.items():
        summary = str(module.__doc__).partition(": ")[2].partition("\n")[0]
        sub = commands.add_parser(
            name, help=summary, description=summary, epilog=module.EXAMPLES, prog=f"graphrec-lm {name}"
        )
        sub.add_argument("-q", "--quiet", action="store_true", help="show no progress")
        module.add_arguments(sub)
        sub.set_defaults(run=module.run, parser=sub)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code.

    0 is success, 2 bad input (one line on standard error), 130 an interruption. Wrong usage and `--help`
    raise SystemExit, as argparse does.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process.

    Examples
    --------
    >>> main(["recommend", "no-such-folder", "--user", "1"])
    2
    """
    _let_idle_threads_sleep()
    parser = build_parser()
    chosen, stray = parser.parse_known_args(arguments)
    if stray:
        chosen.parser.error(f"unrecognized arguments: {' '.join(stray)}")
    try:
        with _logging(quiet=chosen.quiet):
            chosen.run(chosen)
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (InputError, NotFittedError, NotImplementedError, ImportError, OSError) as error:
        return _fail(chosen.command, error)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


def _let_idle_threads_sleep() -> None:
    """Have OpenMP threads wait asleep: torch and numba bring a pool each, which would else spin side by side.

    Read when the pools start, so it must be set before torch is imported; a user's own setting stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _fail(command: str, error: Exception) -> int:
    print(f"graphrec-lm {command}: error: {' '.join(str(error).split())}", file=sys.stderr)
    return 2


@contextmanager
def _logging(*, quiet: bool) -> Iterator[None]:
    """Show the library's log on standard error while a command runs."""
    logger, handler = logging.getLogger("graphrec_lm"), logging.StreamHandler(sys.stderr)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.WARNING if quiet else logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
