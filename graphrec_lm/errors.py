"""The errors of the library: what was required, what was found, what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any


class InputError(ValueError):
    """A value the library cannot work with; the message is "`required`, got `found`. `remedy`".

    Parameters
    ----------
    required : str
        The rule that was broken, e.g. "`tau` must be > 0".
    found : object
        The offending value, or a description of it.
    remedy : str
        What the caller can do about it.

    Examples
    --------
    >>> raise InputError("`tau` must be > 0", -0.1, "Use a value such as 0.15.")
    Traceback (most recent call last):
    graphrec_lm.errors.InputError: `tau` must be > 0, got -0.1. Use a value such as 0.15.
    """

    def __init__(self, required: str, found: object, remedy: str = "") -> None:
        self.required, self.found, self.remedy = required, found, remedy
        super().__init__(f"{required}, got {found}. {remedy}".rstrip())

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return type(self), (self.required, self.found, self.remedy)


class UnknownIdError(InputError):
    """An external id that the model or the Dataset has never seen."""


class NotFittedError(RuntimeError):
    """A fitted result was asked of a model before `fit`."""


def first_few(values: Iterable[object], count: int, shown: int = 5) -> str:
    """Describe `count` offenders by the first of them: "3: 'a', 'b', 'c'".

    >>> first_few(["a", "b", "c"], 3, shown=2)
    "3 ('a', 'b', ...)"
    """
    head = [repr(v) for _, v in zip(range(shown), values, strict=False)]
    return f"{count} ({', '.join(head)}{', ...' if count > len(head) else ''})"


def did_you_mean(name: str, options: Sequence[str]) -> str:
    """Say which option is nearest to a misspelt name, and which there are.

    >>> did_you_mean("ncdg", ["recall", "ndcg"])
    "Did you mean 'ndcg'? Valid: recall, ndcg."
    """
    near = get_close_matches(str(name), options, n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return f"{hint}Valid: {', '.join(options)}."


def check_choice(parameter: str, value: object, options: Sequence[str]) -> None:
    """Raise InputError unless `value` is one of `options`."""
    if value not in options:
        required = f"`{parameter}` must be one of {', '.join(map(repr, options))}"
        raise InputError(required, repr(value), did_you_mean(str(value), options))


def check_bool(parameter: str, value: object) -> None:
    """Raise InputError unless `value` is True or False."""
    if not isinstance(value, bool):
        raise InputError(f"`{parameter}` must be True or False", repr(value), "Pass a bool.")


def check_number(
    parameter: str,
    value: object,
    *,
    above: float | None = None,
    least: float | None = None,
    most: float | None = None,
    below: float | None = None,
    integer: bool = False,
) -> None:
    """Raise InputError unless `value` is a finite number (an integer, if asked) within the bounds.

    >>> check_number("k", 0, least=1, integer=True)
    Traceback (most recent call last):
    graphrec_lm.errors.InputError: `k` must be an integer >= 1, got 0. Pass a value in that range.
    """
    import numbers

    kind = numbers.Integral if integer else numbers.Real
    ok = isinstance(value, kind) and not isinstance(value, bool)
    if ok:
        number = float(value)  # type: ignore[arg-type]
        ok = number == number and abs(number) != float("inf")
        ok = ok and (above is None or number > above) and (least is None or number >= least)
        ok = ok and (most is None or number <= most) and (below is None or number < below)
    if not ok:
        bounds = [f"> {above}"] * (above is not None) + [f">= {least}"] * (least is not None)
        bounds += [f"<= {most}"] * (most is not None) + [f"< {below}"] * (below is not None)
        noun = "an integer" if integer else "a number"
        required = f"`{parameter}` must be {noun} {' and '.join(bounds)}".rstrip()
        raise InputError(required, repr(value), "Pass a value in that range.")
