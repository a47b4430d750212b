"""Rows of values as a table to read: aligned text for a terminal, or Markdown."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

from graphrec_lm.errors import check_choice, check_number

_GAP = "  "
_LEAST = 8


def render_table(
    rows: Sequence[Mapping[str, object]],
    *,
    style: str = "text",
    formats: Mapping[str, str] | None = None,
    width: int = 100,
) -> str:
    """Return rows as one table; numbers stand to the right, texts to the left.

    Parameters
    ----------
    rows : sequence of mappings
        Column name -> value; the columns are those of the first row, and a missing value is shown as "-".
    style : {"text", "markdown"}
    formats : mapping, optional
        Column name -> format specification of its numbers; default ".4f" for floats.
    width : int
        Characters a line of the text style may have; the longest texts are cut with an ellipsis to fit.

    Raises
    ------
    InputError
        On an unknown style or a width < 1.

    Examples
    --------
    >>> print(render_table([{"model": "AlphaRec", "NDCG@20": 0.19842}, {"model": "MF", "NDCG@20": 0.1}]))
    model     NDCG@20
    --------  -------
    AlphaRec   0.1984
    MF         0.1000
    >>> print(render_table([{"model": "MF", "NDCG@20": 0.1}], style="markdown"))
    | model | NDCG@20 |
    |:------|--------:|
    | MF    |  0.1000 |
    """
    check_choice("style", style, ("text", "markdown"))
    check_number("width", width, least=1, integer=True)
    if not rows:
        return ""
    names = list(rows[0])
    numeric = [all(_is_number(row.get(name)) for row in rows) for name in names]
    cells = [names, *([_cell(row.get(name), (formats or {}).get(name)) for name in names] for row in rows)]
    if style == "markdown":
        return _markdown([[cell.replace("|", "\\|") for cell in line] for line in cells], numeric)
    widths = _fitted([max(map(_columns, column)) for column in zip(*cells, strict=True)], numeric, width)
    header, *body = [_line(line, widths, numeric) for line in cells]
    return "\n".join([header, _GAP.join("-" * w for w in widths), *body])


def _is_number(value: object) -> bool:
    return value is None or (hasattr(value, "__float__") and not isinstance(value, bool))


def _cell(value: object, form: str | None) -> str:
    if value is None:
        return "-"
    if not _is_number(value):
        return " ".join(str(value).split())
    if form is None and hasattr(value, "__index__"):
        return str(value)
    return format(value, form or ".4f")


def _markdown(cells: list[list[str]], numeric: list[bool]) -> str:
    widths = [max(3, *map(_columns, column)) for column in zip(*cells, strict=True)]
    header, *body = [f"| {' | '.join(_padded(line, widths, numeric))} |" for line in cells]
    rules = [f"{'-' * (w + 1)}:" if n else f":{'-' * (w + 1)}" for w, n in zip(widths, numeric, strict=True)]
    return "\n".join([header, f"|{'|'.join(rules)}|", *body])


def _fitted(widths: list[int], numeric: list[bool], total: int) -> list[int]:
    """Narrow the widest columns of texts until a line fits, though never below 8; numbers stay whole."""
    widths, spare = list(widths), total - len(_GAP) * (len(widths) - 1)
    texts = [place for place, is_number in enumerate(numeric) if not is_number]
    while texts and sum(widths) > spare and max(widths[place] for place in texts) > _LEAST:
        widths[max(texts, key=lambda place: widths[place])] -= 1
    return widths


def _line(cells: list[str], widths: list[int], numeric: list[bool]) -> str:
    shown = [_cut(cell, width) for cell, width in zip(cells, widths, strict=True)]
    return _GAP.join(_padded(shown, widths, numeric)).rstrip()


def _padded(cells: list[str], widths: list[int], numeric: list[bool]) -> list[str]:
    pads = [" " * (width - _columns(cell)) for cell, width in zip(cells, widths, strict=True)]
    return [p + c if right else c + p for c, p, right in zip(cells, pads, numeric, strict=True)]


def _columns(text: str) -> int:
    """The columns a text takes on a terminal: 2 for a wide (CJK) character, 0 for a combining one."""
    if text.isascii():
        return len(text)
    return sum(_character(character) for character in text)


def _character(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _cut(text: str, width: int) -> str:
    if _columns(text) <= width:
        return text
    while _columns(text) > width - 1:
        text = text[:-1]
    return f"{text.rstrip()}…"
