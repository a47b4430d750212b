"""Titles written otherwise: a reader still understands them, a memory of the exact words does not."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

import numpy as np

from graphrec_lm.errors import check_number

_ALPHABET = "abcdefghijklmnopqrstuvwxyz"
_WORD = re.compile(r"[^\W\d_]+")
# one pass from left to right: what was written is not written again
_SOUNDS = {"ph": "f", "ck": "k", "qu": "kw", "gh": "g", "wh": "w", "oo": "u", "ee": "i", "ou": "u", "x": "ks",
           "c": "k", "ch": "tsh", "sch": "sh", "y": "i", "w": "v", "z": "s"}  # fmt: skip
_SPELLING = re.compile("|".join(sorted(_SOUNDS, key=len, reverse=True)), re.IGNORECASE)


def misspelled(titles: Sequence[str], rate: float = 0.1, seed: int = 0) -> list[str]:
    """Misspell letters at random: each with probability `rate` replaced, left out or doubled.

    Digits, blanks and punctuation stay. The noise is a function of (title, seed), so that equal titles stay
    equal and the other titles do not matter. The first letter of a title is never left out.

    Parameters
    ----------
    titles : sequence of str [n]
    rate : float
        From 0 to 1.
    seed : int

    Returns
    -------
    list of str [n]

    Raises
    ------
    InputError
        If the rate or the seed is out of range.

    Examples
    --------
    >>> misspelled(["The Empire Strikes Back (1980)"], rate=0.2)
    ['...(1980)']
    >>> misspelled(["Heat (1995)"], rate=0.0)
    ['Heat (1995)']
    """
    check_number("rate", rate, least=0, most=1)
    check_number("seed", seed, least=0, integer=True)
    return [_misspell(title, rate, seed) for title in titles]


def abbreviated(titles: Sequence[str], letters: int = 4) -> list[str]:
    """Cut each word to its first `letters` letters.

    Raises
    ------
    InputError
        If `letters` is no integer >= 1.

    Examples
    --------
    >>> abbreviated(["The Empire Strikes Back (1980)"])
    ['The Empi Stri Back (1980)']
    """
    check_number("letters", letters, least=1, integer=True)
    return [_WORD.sub(lambda word: word[0][:letters], title) for title in titles]


def respelled(titles: Sequence[str]) -> list[str]:
    """Spell each word as another language might: much the same sound in other letters, by fixed rules.

    >>> respelled(["The Phantom Menace (1999)", "Back to the Future"])
    ['The Fantom Menase (1999)', 'Bak to the Future']
    """
    return [_SPELLING.sub(_sound, title) for title in titles]


def _sound(found: re.Match[str]) -> str:
    soft = found[0] in "cC" and found.string[found.end() : found.end() + 1].lower() in {"e", "i", "y"}
    new = "s" if soft else _SOUNDS[found[0].lower()]
    return new.capitalize() if found[0][0].isupper() else new


def _misspell(title: str, rate: float, seed: int) -> str:
    rng = np.random.default_rng([seed, zlib.crc32(title.encode())])
    slips = rng.random(len(title)) < rate
    kinds, drawn = rng.integers(3, size=len(title)), rng.integers(len(_ALPHABET), size=len(title))
    letters = list(title)
    for place in np.flatnonzero(slips):
        if letters[place].isalpha():
            letters[place] = _slip(letters[place], kinds[place], drawn[place], is_first=place == 0)
    return "".join(letters)


def _slip(letter: str, kind: int, drawn: int, *, is_first: bool) -> str:
    """The letter doubled, left out, or another in its place, in the same case."""
    if kind == 0:
        return letter * 2
    if kind == 1 and not is_first:
        return ""
    other = _ALPHABET[drawn] if _ALPHABET[drawn] != letter.lower() else _ALPHABET[drawn - 1]
    return other.upper() if letter.isupper() else other
