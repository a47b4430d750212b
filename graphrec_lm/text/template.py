"""Sentence templates: rows of a table to natural language, without running any code that a template holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphrec_lm.errors import InputError, did_you_mean
from graphrec_lm.text.phrases import EDGES, FILTERS, NEEDS_EDGES, Phrases, numbers_of, phrases

_TOKEN = re.compile(r"\{\{|\}\}|\[\[|\]\]|\{([^{}\[\]]*)\}|[\[\]{}]")
_TIDY = ((re.compile(r"\s+"), " "), (re.compile(r" ([,;.])"), r"\1"), (re.compile(r"^[\s,;]+|[\s,;]+$"), ""))
_ARTICLE = re.compile(r"(?:^|.*\W)[Aa] $", re.DOTALL)
_VOWEL = re.compile(r"[aeioAEIO]|[uU](?!ni|se|sua)|8|1[18](?!\d)")


@dataclass(frozen=True)
class Slot:
    """A place for a value: `{name|filter:argument|...}`; optional ones vanish with their bracket."""

    name: str
    filters: tuple[tuple[str, str], ...]


Part = str | Slot | tuple[Any, ...]


@dataclass(frozen=True)
class Template:
    """A sentence with places for the values of a row.

    `{title}` is the value of a column, `{genres|join}` the value passed through a filter, `[ from {year}]`
    a part that is left out where one of its values is missing. A missing value outside brackets reads
    "unknown year". `{{`, `}}`, `[[` and `]]` stand for themselves. "a" becomes "an" before a vowel.

    Filters: `join` (a list, or a text with `|` between values: "A, B and C"), `split:;` (at another sign),
    `lower`, `upper`, `or:text` (for a missing value), `words` (a number as one of five words, by the
    quantiles seen in `fit`), and of a time `daypart`, `weekday`, `month`, `season`, `year`.

    Parameters
    ----------
    text : str
    edges : dict
        Column -> upper edges of the first four of five bins, for `words`; learned by `fit`.

    Raises
    ------
    InputError
        For a broken template, an unknown filter, and (when rendering) an unknown column.

    Examples
    --------
    >>> template = Template("{title} is a {genres|join} film[ from {year}].")
    >>> films = {"title": ["Alien", "Up"], "genres": ["Action|Horror", "Comedy"], "year": [1979, None]}
    >>> template.render(films)[0]
    ['Alien is an Action and Horror film from 1979.', 'Up is a Comedy film.']
    """

    text: str
    edges: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    _parts: tuple[Part, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.text, str) or not self.text.strip():
            raise InputError("a template must be a text", repr(self.text), "Write e.g. '{title} is a film.'.")
        object.__setattr__(self, "_parts", _parse(self.text))

    @property
    def fields(self) -> tuple[str, ...]:
        """The columns it uses, in the order of their first use."""
        return tuple(dict.fromkeys(slot.name for slot in _slots(self._parts)))

    def fit(self, columns: Mapping[str, Any]) -> Template:
        """The same template with the quantiles of the numbers that it words."""
        new = [name for name in _worded(self._parts) if name not in self.edges]
        if not new:
            return self
        learned = {name: _edges(name, _column(columns, name)) for name in new}
        return Template(self.text, {**learned, **self.edges})

    def render(self, columns: Mapping[str, Any]) -> tuple[list[str], npt.NDArray[np.int64]]:
        """Return the distinct sentences of the rows, and which of them each row has.

        Parameters
        ----------
        columns : mapping
            Column name -> values [n]: a list, a numpy array or an Arrow array.

        Returns
        -------
        sentences : list of str [m]
        index : int64 [n]
        """
        ready = self.fit(columns)  # what has no edges yet
        slots = list(dict.fromkeys(_slots(self._parts)))
        if not slots:
            rows = len(next(iter(columns.values()))) if columns else 0
            return [_write(self._parts, {}, [], np.zeros(0, np.int64))], np.zeros(rows, np.int64)
        worded = [phrases(_column(columns, s.name), s.filters, ready.edges.get(s.name)) for s in slots]
        keys, first, index = _distinct([w.codes for w in worded])
        table = {slot: place for place, slot in enumerate(slots)}
        texts = [_write(self._parts, table, worded, keys[row]) or "unknown" for row in first]
        sentences, of = np.unique(np.array(texts, dtype=object), return_inverse=True)
        return sentences.tolist(), of[index]


def _edges(name: str, column: pa.Array) -> tuple[float, ...]:
    """The quantiles of a column of numbers, whatever is missing or no number left out."""
    values = numbers_of(column, f"{{{name}|words}}")
    values = values[np.isfinite(values)]
    if not len(values):
        raise InputError(f"{{{name}|words}} needs a number to learn from", "none", "Drop the filter.")
    return tuple(float(edge) for edge in np.quantile(values, EDGES))


def _parse(text: str) -> tuple[Part, ...]:
    stack: list[list[Part]] = [[]]
    at = 0
    for match in _TOKEN.finditer(text):
        stack[-1].append(text[at : match.start()])
        at, token = match.end(), match.group()
        if match.group(1) is not None:
            stack[-1].append(_slot(match.group(1), text))
        elif len(token) == 2:
            stack[-1].append(token[0])
        elif token == "[" and len(stack) == 1:
            stack.append([])
        elif token == "]" and len(stack) == 2:
            inner = tuple(stack.pop())
            stack[-1].append(inner)
        else:
            raise _broken(f"{token!r} at character {match.start()}", text)
    if len(stack) == 2:
        raise _broken("a '[' that is never closed", text)
    return tuple(part for part in (*stack[0], text[at:]) if part != "")


def _broken(found: str, text: str) -> InputError:
    required = f"the braces and brackets of the template {text!r} must pair up"
    return InputError(required, found, "Write {{, }}, [[ or ]] for the sign itself.")


def _slot(inside: str, text: str) -> Slot:
    name, *steps = inside.split("|")
    if not re.fullmatch(r"\w+([ :-]\w+)*", name):
        raise InputError(
            f"a place of the template {text!r} must hold a column's name",
            repr(inside),
            "Write {column} or {column|filter}: expressions, attributes and formats are not evaluated.",
        )
    filters = []
    for step in steps:
        filter_name, _, argument = step.partition(":")
        if filter_name not in FILTERS:
            required = f"a filter of the template {text!r} must be a known one"
            raise InputError(required, repr(filter_name), did_you_mean(filter_name, FILTERS))
        filters.append((filter_name, argument))
    return Slot(name, tuple(filters))


def _slots(parts: Sequence[Part]) -> Iterator[Slot]:
    for part in parts:
        if isinstance(part, Slot):
            yield part
        elif isinstance(part, tuple):
            yield from _slots(part)


def _worded(parts: Sequence[Part]) -> Iterator[str]:
    """The columns whose numbers become words."""
    return (slot.name for slot in _slots(parts) if any(name in NEEDS_EDGES for name, _ in slot.filters))


def _column(columns: Mapping[str, Any], name: str) -> pa.Array:
    if name not in columns:
        required = "each place of a template must be a column of the rows"
        raise InputError(required, repr(name), did_you_mean(name, list(columns)))
    values = columns[name]
    if isinstance(values, pa.ChunkedArray):
        return values.combine_chunks()
    return values if isinstance(values, pa.Array) else pa.array(values, from_pandas=True)


def _distinct(codes: list[npt.NDArray[np.int64]]) -> tuple[npt.NDArray[np.int64], Any, npt.NDArray[np.int64]]:
    """Distinct combinations: all rows' codes [n, slots], a row of each, and the combination of each row."""
    joint = np.zeros(len(codes[0]), np.int64)
    for column in codes:  # renumbered at each step, so that the product never overflows
        joint = np.unique(joint * (int(column.max(initial=0)) + 1) + column, return_inverse=True)[1]
    _, first, index = np.unique(joint, return_index=True, return_inverse=True)
    return np.stack(codes, axis=1), first, index


def _write(
    parts: Sequence[Part], table: Mapping[Slot, int], worded: Sequence[Phrases], row: npt.NDArray[np.int64]
) -> str:
    def value(slot: Slot) -> str | None:
        place = table[slot]
        return worded[place].texts[row[place]]

    def fill(some: Sequence[Part], so_far: str) -> str:
        for part in some:
            if isinstance(part, tuple):
                if all(value(slot) is not None for slot in _slots(part)):
                    so_far = fill(part, so_far)
                continue
            text = part
            if isinstance(part, Slot):
                found = value(part)
                text = f"unknown {part.name.replace('_', ' ')}" if found is None else found
                if _VOWEL.match(text) and _ARTICLE.match(so_far):
                    so_far = so_far[:-1] + "n "
            so_far += str(text)
        return so_far

    written = fill(parts, "")
    return written if len(parts) == 1 else _tidy(written)  # a value alone stays as it is


def _tidy(sentence: str) -> str:
    for pattern, by in _TIDY:
        sentence = pattern.sub(by, sentence)
    return sentence
