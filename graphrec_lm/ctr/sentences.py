"""Default sentences, made from the columns and their kinds, and templates from YAML files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from graphrec_lm.ctr.fields import SIDES, Field
from graphrec_lm.errors import InputError, check_choice, did_you_mean
from graphrec_lm.text import Template

STYLES = ("bare", "labelled", "sentence")
_VALUE = {"number": "|words", "list": "|split:{separator}|join"}
_YEARS = ("year", "release_year")


def default_template(side: str, fields: Sequence[Field], style: str = "sentence") -> Template | None:
    """A template for the fields of one side; None if it has none besides its id.

    Parameters
    ----------
    side : {"user", "item", "context"}
    fields : sequence of Field
        With their kinds decided.
    style : {"bare", "labelled", "sentence"}
        The values alone, "name: value; ..." or a sentence.

    Examples
    --------
    >>> fields = [Field("title", "text"), Field("genres", "list"), Field("year", "number")]
    >>> template = default_template("item", fields)
    >>> template.render({"title": ["Up"], "genres": ["Comedy|Drama"], "year": [2009]})[0]
    ['An item, whose title is Up, whose genres are Comedy and Drama, whose year is 2009.']
    """
    check_choice("style", style, STYLES)
    clauses = [_clause(field, style) for field in fields]
    if not clauses:
        return None
    if style != "sentence":
        return Template("".join(clauses))
    return Template(f"{'An' if side == 'item' else 'A'} {side}{''.join(clauses)}.")


def _clause(field: Field, style: str) -> str:
    label = field.name.replace("_", " ")
    if field.kind == "time":
        when = f"{{{field.name}|weekday}} {{{field.name}|daypart}} in {{{field.name}|season}}"
        return {"bare": f"[{when} ]", "labelled": f"[{label}: {when}; ]", "sentence": f"[, on a {when}]"}[
            style
        ]
    steps = "" if field.name.lower() in _YEARS else _VALUE.get(field.kind, "")
    if field.kind == "list" and field.separator == "|":
        steps = "|join"
    value = f"{{{field.name}{steps.format(separator=field.separator)}}}"
    verb = "are" if field.kind == "list" else "is"
    return {
        "bare": f"[{value} ]",
        "labelled": f"[{label}: {value}; ]",
        "sentence": f"[, whose {label} {verb} {value}]",
    }[style]


def load_templates(path: str | os.PathLike[str]) -> dict[str, list[str]]:
    """Templates by side from a YAML file: `item: "{title} is ..."`, or a list of them.

    The result goes to `TextFeatures(**load_templates(path))`. The file is read by PyYAML's `safe_load`.

    Raises
    ------
    InputError
        If it is no such file, or a template in it is broken.
    """
    import yaml

    required = "a file of templates must hold a template, or a list of them, for user, item or context"
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(required, f"{type(error).__name__}: {error}", "Correct the file.") from error
    if not isinstance(content, dict):
        raise InputError(required, f"{type(content).__name__} in {path}", "Write e.g. item: '{title}'.")
    templates = {}
    for side, given in content.items():
        if side not in SIDES:
            raise InputError(required, repr(side), did_you_mean(str(side), SIDES))
        templates[side] = given if isinstance(given, list) else [given]
        for text in templates[side]:
            Template(text)
    return templates
