"""Years in titles, and titles written otherwise."""

from __future__ import annotations

import difflib

import numpy as np
import pytest

from graphrec_lm.analysis import (
    PERTURBATIONS,
    abbreviated,
    misspelled,
    release_years,
    respelled,
    without_year,
    year_alone,
)
from graphrec_lm.data import load_dataset
from graphrec_lm.errors import InputError

CASES = [
    ("Heat (1995)", 1995, "Heat"),
    ("Heat (1995) ", 1995, "Heat"),
    ("2001: A Space Odyssey (1968)", 1968, "2001: A Space Odyssey"),
    ("Death Note (2006–2007)", 2006, "Death Note"),
    ("Maniac (2018– )", 2018, "Maniac"),
    ("Babylon (1993-1998)", 1993, "Babylon"),
    ("Metropolis (1927) (2001)", 2001, "Metropolis (1927)"),
    ("Blade Runner (1982) [VHS]", 1982, "Blade Runner [VHS]"),
    ("Shall We Dance? (Shall We Dansu?) (1996)", 1996, "Shall We Dance? (Shall We Dansu?)"),
    ("1984", -1, "1984"),
    ("FIFA 15", -1, "FIFA 15"),
    ("Area (5100)", -1, "Area (5100)"),
    ("Room (12345)", -1, "Room (12345)"),
    ("(1995)", 1995, "(1995)"),
    ("", -1, ""),
]


@pytest.mark.parametrize(("title", "year", "rest"), CASES)
def test_years(title, year, rest):
    assert release_years([title]).tolist() == [year]
    assert without_year([title]) == [rest]
    assert year_alone([title]) == [title if year < 0 else f"({year})"]


@pytest.fixture(scope="module")
def titles() -> list[str]:
    return load_dataset("movielens-small").titles[::4]


def test_nearly_all_films_have_a_year_and_none_is_left(titles):
    years = release_years(titles)
    assert (years > 0).mean() > 0.99
    assert ((years == -1) | ((years >= 1890) & (years < 2030))).all()
    twice = np.flatnonzero(release_years(without_year(titles)) > 0)
    assert len(twice) < 5


@pytest.mark.parametrize("rate", [0.05, 0.3, 1.0])
def test_as_many_letters_slip_as_the_rate_says(titles, rate):
    letters = changed = 0
    for title, noisy in zip(titles[:400], misspelled(titles[:400], rate), strict=True):
        letters += sum(letter.isalpha() for letter in title)
        codes = difflib.SequenceMatcher(None, title, noisy, autojunk=False).get_opcodes()
        changed += sum(max(b - a, d - c) for kind, a, b, c, d in codes if kind != "equal")
    # half of the neighbours of a left-out or doubled letter may be matched otherwise when all letters slip
    assert changed / letters == pytest.approx(rate, rel=0.15)


def test_noise_is_a_function_of_title_and_seed(titles):
    some = titles[:200]
    noisy = misspelled(some, 0.2, seed=1)
    assert noisy[::-1] == misspelled(some[::-1], 0.2, seed=1)
    assert noisy != misspelled(some, 0.2, seed=2)
    assert misspelled(some, 0.0) == some


def test_noise_leaves_digits_and_never_nothing(titles):
    digits = [[c for c in title if not c.isalpha()] for title in titles]
    assert [[c for c in title if not c.isalpha()] for title in misspelled(titles, 1.0)] == digits
    assert all(misspelled(["a", "I", "É"], 1.0, seed=seed) != ["a", "I", "É"] for seed in range(5))
    assert all(misspelled(["a"], 1.0, seed=seed)[0] for seed in range(20))


def test_words_are_cut_numbers_are_not():
    assert abbreviated(["Amélie's Adventures 20000 (1999)"], 3) == ["Amé's Adv 20000 (1999)"]


def test_sounds_are_written_in_one_pass():
    assert respelled(["Physics", "Cyclops", "THX 1138", "Quick", "Chaos"]) == [
        "Fisiks",
        "Siklops",
        "THKs 1138",
        "Kwik",
        "Tshaos",
    ]


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_equal_titles_stay_equal_and_none_becomes_empty(titles, name):
    written = PERTURBATIONS[name](titles)
    assert len(written) == len(titles)
    assert all(title.strip() for title in written)
    assert len(set(zip(titles, written, strict=True))) == len(set(titles))
    assert written != titles


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: misspelled(["a"], 1.5), "`rate`"),
        (lambda: misspelled(["a"], seed=-1), "`seed`"),
        (lambda: abbreviated(["a"], 0), "`letters`"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
