"""The argument parser: one line an error, with the nearest valid word."""

from __future__ import annotations

import argparse
import re
import sys
from difflib import get_close_matches
from typing import Any, NoReturn

_INVALID_CHOICE = re.compile(r"invalid choice: '?([^' ]*)'? \(choose from (.*)\)")
_UNRECOGNIZED = re.compile(r"unrecognized arguments: (\S+)")


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one line, suggest the nearest word, and exit with 2."""

    def __init__(self, **settings: Any) -> None:
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        """Print the line and exit."""
        print(
            f"{self.prog}: error: {self._with_suggestion(message)} (see {self.prog} --help)", file=sys.stderr
        )
        sys.exit(2)

    def _with_suggestion(self, message: str) -> str:
        choice, stray = _INVALID_CHOICE.search(message), _UNRECOGNIZED.search(message)
        if choice:
            word, options = choice[1], re.findall(r"[\w-]+", choice[2])
        elif stray:
            word, options = stray[1].partition("=")[0], re.findall(r"--[\w-]+", self.format_help())
        else:
            return message
        near = get_close_matches(word, options, n=1)
        return f"{message}. Did you mean {near[0]!r}?" if near else message


def positive_int(text: str) -> int:
    """Read an option that must be an integer >= 1."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be an integer >= 1, got {text!r}")
    return value
