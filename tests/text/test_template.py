"""Sentence templates: values, filters, what is missing, and what is refused."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrec_lm.ctr import Field, default_template, load_templates
from graphrec_lm.errors import InputError
from graphrec_lm.text import Template

FILMS = {
    "title": ["Alien", "Up", None, "Alien"],
    "genres": [["Action", "Horror", "Sci-Fi"], ["Comedy"], [], ["Action", "Horror", "Sci-Fi"]],
    "year": [1979.0, np.nan, 2000.0, 1979.0],
    "seen": [880_000_000, None, 0, 880_000_000],
}


def sentences(text: str, columns: dict = FILMS) -> list[str]:
    distinct, index = Template(text).render(columns)
    return [distinct[place] for place in index]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{title} is a {genres|join} film[ from {year}].", [
            "Alien is an Action, Horror and Sci-Fi film from 1979.", "Up is a Comedy film.",
            "unknown title is an unknown genres film from 2000."]),
        ("[{title}][ ({year})]", ["Alien (1979)", "Up", "(2000)"]),
        ("{title|upper|or:NO NAME}", ["ALIEN", "UP", "NO NAME"]),
        ("{{{title}}} [[x]]", ["{Alien} [x]", "{Up} [x]", "{unknown title} [x]"]),
        ("[on a {seen|weekday} {seen|daypart} in {seen|season} {seen|year}, {seen|month}]",
         ["on a Thursday night in autumn 1997, November", "unknown",
          "on a Thursday night in winter 1970, January"]),
        ("{year|words}", ["very low", "unknown year", "very high"]),
        ("An {{open}} film[ of the [[old]] kind].", ["An {open} film of the [old] kind."] * 3),
    ],
)  # fmt: skip
def test_rendering(text: str, expected: list[str]):
    assert sentences(text) == [*expected, expected[0]]


def test_distinct_rows_are_written_once():
    distinct, index = Template("{a} and {b}").render({"a": [1, 2, 1], "b": ["x", "y", "x"]})
    assert distinct == ["1 and x", "2 and y"]
    assert index.tolist() == [0, 1, 0]


def test_numbers_are_worded_by_the_quantiles_of_the_fit():
    template = Template("{n|words}").fit({"n": list(range(100))})
    assert template.render({"n": [99]})[0] == ["very high"]
    assert Template("{n|words}", template.edges) == template


def test_edges_that_are_given_leave_those_of_other_numbers_to_be_learned():
    columns = {"a": [9, 9, 9], "b": [1, 2, 3]}
    given = Template("{a|words} {b|words}", {"a": (1, 2, 3, 4)})
    assert sorted(given.render(columns)[0]) == [
        "very high medium",
        "very high very high",
        "very high very low",
    ]


def test_lists_pass_all_filters():
    columns = {"g": [["A", "B"], [None], []]}
    assert sentences("{g|lower|join}[ of {g}]", columns) == ["a and b of A and B", "unknown g", "unknown g"]
    assert sentences("{g|split:;|lower|join}", {"g": ["A;B"]}) == ["a and b"]


def test_large_numbers_keep_their_digits():
    assert sentences("{price}", {"price": [12345.6, 10000.5, 0.123456]}) == ["12345.6", "10000.5", "0.1235"]


def test_times_of_all_types():
    when = dt.datetime(2024, 7, 1, 13)
    fine = pa.array([when.replace(microsecond=123456)])
    tokyo = (
        pa.array([when - dt.timedelta(hours=9)])
        .cast(pa.timestamp("us", "UTC"))
        .cast(pa.timestamp("us", "Asia/Tokyo"))
    )
    counts = [[1719838800 * 1000**n] for n in range(4)]  # seconds to nanoseconds
    for column in ([when], fine, tokyo, [when.replace(tzinfo=dt.UTC).timestamp()], *counts):
        assert sentences("{t|weekday} {t|daypart} {t|season}", {"t": column}) == ["Monday afternoon summer"]


@pytest.mark.parametrize(
    ("values", "text", "message"),
    [
        ([dt.time(13)], "{t|daypart}", "must hold dates, datetimes or numbers, got type time64"),
        ([dt.timedelta(1)], "{t|daypart}", "must hold dates, datetimes or numbers, got type duration"),
        ([{"p": 1}], "{t}", "must hold values or lists of values, got type struct"),
        ([[["a"]]], "{t}", "must hold values or lists of values, got type list"),
    ],
)
def test_columns_that_no_sentence_can_say(values: list, text: str, message: str):
    with pytest.raises(InputError, match=message):
        sentences(text, {"t": values})


@pytest.mark.parametrize(
    "text",
    ["{a.b}", "{a[0]}", "{a!r}", "{a:>9}", "{}", "{a", "a}", "[a", "a]", "[[a]", "[a[b]]", "{a|eval}",
     "{__class__.__mro__}", "{a()}", "{a+b}", "", " "],
)  # fmt: skip
def test_broken_and_hostile_templates_are_refused(text: str):
    with pytest.raises(InputError):
        Template(text)


def test_nothing_in_a_value_is_evaluated():
    assert sentences("{title}", {"title": ["{year} [x] {title.__class__}"]}) == [
        "{year} [x] {title.__class__}"
    ]


def test_unknown_column_says_which_are_there():
    with pytest.raises(InputError, match=r"got 'yaer'. Did you mean 'year'\?"):
        Template("{yaer}").render(FILMS)


def test_filters_in_the_wrong_place():
    with pytest.raises(InputError, match="'daypart' must stand right after the column"):
        sentences("{seen|lower|daypart}")
    with pytest.raises(InputError, match="a time column must hold dates, datetimes or numbers"):
        sentences("{title|weekday}")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.integers(0, 3)), min_size=1, max_size=20))
def test_rendering_equals_a_loop(pairs: list):
    columns = {"x": [x for x, _ in pairs], "y": [y for _, y in pairs]}
    expected = [f"{x}: {y}." if y is not None else f"{x}." for x, y in pairs]
    assert sentences("{x}[: {y}].", columns) == expected


FIELDS = [Field("title", "text"), Field("genres", "list"), Field("year", "number"), Field("seen", "time")]


@pytest.mark.parametrize(
    ("style", "first", "second"),
    [
        ("bare", "Alien Action, Horror and Sci-Fi 1979 Thursday night in autumn", "Up Comedy"),
        ("labelled",
         "title: Alien; genres: Action, Horror and Sci-Fi; year: 1979; seen: Thursday night in autumn",
         "title: Up; genres: Comedy"),
        ("sentence",
         "An item, whose title is Alien, whose genres are Action, Horror and Sci-Fi, whose year is 1979, "
         "on a Thursday night in autumn.", "An item, whose title is Up, whose genres are Comedy."),
    ],
)  # fmt: skip
def test_default_templates(style: str, first: str, second: str):
    template = default_template("item", FIELDS, style)
    assert sentences(template.text)[:2] == [first, second]


def test_templates_from_yaml(tmp_path):
    path = tmp_path / "templates.yaml"
    path.write_text("item: ['{title}', '{year}']\nuser: '{age|words}'\n")
    assert load_templates(path) == {"item": ["{title}", "{year}"], "user": ["{age|words}"]}
    for wrong in ("items: '{title}'", "- x", "item: '{a.b}'", "item: [", "item: !!python/object:os.system x"):
        path.write_text(wrong)
        with pytest.raises(InputError):
            load_templates(path)
