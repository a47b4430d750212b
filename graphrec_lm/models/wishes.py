"""What people say they want, as vectors beside their histories.

A wish is a text. "a space opera, not horror" has a part that is wanted and one that is not; its vector is
q = e(wanted) - ½ e(unwanted), of unit vectors e by the model's own language model.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.errors import InputError
from graphrec_lm.kernels import unit_rows
from graphrec_lm.text import TextEncoder, embed

Float32 = NDArray[np.float32]

UNWANTED = 0.5  # weight of what is not wanted
_DONT = r"(?:[Ii]\s+)?(?:[Dd]o not|[Dd]on['\u2019]?t)\s+(?:want|like)(?:\s+any)?"
_NOT = r"not(?!\s+(?:only|just|to|yet|seen|be|been|know|sure|mind|care|matter)\b)"
_NO = r"no(?!\s+(?:one|preferences?|idea|matter)\b)|nothing(?!\s+(?:but|in particular|special|specific)\b)"
_LESS = rf"(?:{_NOT}|{_NO}|without|except|{_DONT})"
_PLEASE = r"(?:[Pp]lease,?\s+)?"
# A capital inside a sentence belongs to a title ("Rebel Without a Cause", "Dr. No"); one at a beginning may
# not ("Without gore").
_NEGATION = re.compile(
    rf"(?:^{_PLEASE}(?:{_LESS}|N{_NOT[1:]}|Without|Except)"
    rf"|(?<!\bDr)(?<!\bMr)[.!]\s+(?:[Bb]ut\s+)?{_PLEASE}(?:{_LESS}|N{_NOT[1:]}|No|Without|Except|Nothing)"
    rf"|(?:[,;]|\s\()\s*(?:(?:but|and)\s+)?{_PLEASE}{_LESS}"
    rf"|(?<![Ww]hy)\s(?:(?:but\s+)?(?:{_NOT}|without|except|{_DONT})|(?:but|with|and|or)\s+{_PLEASE}(?:{_NO})))\s+"
)
# Where what is wanted begins again: "not horror, but a comedy", "no gore, I want a comedy".
_AGAIN = re.compile(
    r"[,;.!]?\s+(?:but|rather|instead)(?:\s+(?:also|rather|instead))?\s+(?=\S)"
    r"|[,;.!]\s+(?:[Ii]\s+(?:(?:would|['\u2019]d)\s+)?|[Ii]['\u2019]d\s+)(?:want|like|love|prefer)\s+"
)
_YEAR = re.compile(r"\s*\(\d{4}\)\s*$")
_QUOTED = re.compile(r"\"[^\"]*\"|\u201c[^\u201d]*\u201d|\u00ab[^\u00bb]*\u00bb")


class Parts(NamedTuple):
    """The wanted and the unwanted part of an intent; either may be empty, not both."""

    wanted: str
    unwanted: str


@dataclass(frozen=True)
class Wishes:
    """The wishes of people, one each.

    Attributes
    ----------
    wanted, unwanted : float32 arrays [n, d_LM]
        Unit vectors of both parts, zero where there is none.
    alphas : float32 array [n]
        Their weights beside the histories, from 0 to 1.
    titles : float32 array [n_items, d_LM]
        Unit vectors of the items' titles.
    length : float
        Mean length of the titles' vectors before they were scaled to 1.
    """

    wanted: Float32
    unwanted: Float32
    alphas: Float32
    titles: Float32
    length: float = 1.0

    @property
    def vectors(self) -> Float32:
        """q above, float32 [n, d_LM]."""
        mixed: Float32 = self.wanted - np.float32(UNWANTED) * self.unwanted
        return mixed

    def part(self, start: int, stop: int) -> Wishes:
        """The wishes start..stop-1."""
        part = slice(start, stop)
        return replace(self, wanted=self.wanted[part], unwanted=self.unwanted[part], alphas=self.alphas[part])

    def padded(self, size: int) -> Wishes:
        """These and, up to `size`, wishes of weight 0."""
        extra = size - len(self.alphas)
        wanted, unwanted = (np.pad(rows, ((0, extra), (0, 0))) for rows in (self.wanted, self.unwanted))
        return replace(self, wanted=wanted, unwanted=unwanted, alphas=np.pad(self.alphas, (0, extra)))


def parse(intent: str) -> Parts:
    """Split an intent into what is wanted and what is not.

    The latter stands after "not", "without", "except" or "I don't want", up to a "but" or an "I want"; and
    after "no" or "nothing" where they begin, or follow a comma, "but", "with" or "and". In small letters,
    unless they begin a sentence: the capitals of "Rebel Without a Cause" are a title's, as is "No" at the
    very beginning. What stands in quotes is taken as it is.

    >>> parse("a space opera, not horror")
    Parts(wanted='a space opera', unwanted='horror')
    >>> parse("not horror")
    Parts(wanted='', unwanted='horror')
    >>> parse("not horror, but a comedy without romance")
    Parts(wanted='a comedy', unwanted='horror, romance')
    >>> parse("films like No Country for Old Men")
    Parts(wanted='films like No Country for Old Men', unwanted='')
    """
    text = intent.strip()
    masked = _QUOTED.sub(lambda quoted: "_" * len(quoted.group()), text)
    found = _NEGATION.search(masked)
    if found is None:
        return Parts(text, "")
    begin, stops = found.end(), []  # of the unwanted part: where it ends, and where the next one begins
    if "(" in found.group() and ")" in masked[begin:]:
        closing = masked.index(")", begin)
        stops.append((closing, closing + 1))
    if again := _AGAIN.search(masked, begin):
        stops.append(again.span())
    end, resumed = min(stops, default=(len(text), len(text)))
    rest = parse(text[resumed:].lstrip(" ,;."))
    wanted = text[: found.start()].strip(), rest.wanted
    unwanted = text[begin:end].strip(), rest.unwanted
    return Parts(", ".join(filter(None, wanted)), ", ".join(filter(None, unwanted)))


def _name(title: str) -> str:
    """A title as it is compared: capitals and spaces don't matter."""
    return " ".join(title.casefold().split())


def _titles_among(names: set[str], titles: Iterable[str]) -> set[str]:
    """The names that are titles, with their year or without."""
    words = tuple({name.split()[0] for name in names})
    near = [title for title in titles if title.lstrip().casefold().startswith(words)]
    return names & {name for title in near for name in (_name(title), _name(_YEAR.sub("", title)))}


def intent_texts(intent: Any, people: int | None) -> list[str]:
    """One text a person, from one text for all or a list; `people` None: as many as there are texts.

    Raises
    ------
    InputError
        If a text is empty, or there is not one a person.
    """
    if isinstance(intent, Mapping | Set):
        remedy = "Write [intent[user] for user in users]."
        raise InputError("`intent` must be a text, or a list of one a person", type(intent).__name__, remedy)
    if isinstance(intent, bytes) or not isinstance(intent, Iterable):
        raise InputError("`intent` must be a text, or one a person", repr(intent), "Write intent='...'.")
    texts = [intent] * (1 if people is None else people) if isinstance(intent, str) else list(intent)
    people = len(texts) if people is None else people
    if len(texts) != people:
        found = f"{len(texts)} for {people} people"
        raise InputError("`intent` must be one text for all, or one a person", found, "Give as many.")
    for text in texts:
        if not isinstance(text, str) or not text.strip():
            raise InputError("`intent` must say something", repr(text), "Leave it out for none.")
    return texts


def of_kept(given: Any, kept: NDArray[np.bool_]) -> Any:
    """Of a wish or α for each person those of the people that are kept; one for all as it is.

    >>> of_kept(["jazz", "noir"], np.array([False, True])), of_kept("jazz", np.array([False, True]))
    (['noir'], 'jazz')
    """
    if isinstance(given, str) or np.ndim(given) == 0 or len(given) != len(kept):
        return given
    return [one for one, stays in zip(given, kept, strict=True) if stays]


def check_alphas(alpha: Any, people: int) -> Float32:
    """`alpha`, one number or one a person, as float32 [people]; InputError outside [0, 1]."""
    required = "`alpha` must be 'auto', a number from 0 to 1, or one a person"
    try:
        listed = np.asarray(alpha)
        if listed.dtype.kind in "bSU":  # True is no weight, nor is a text
            raise TypeError
        given = listed.astype(np.float32)
    except (TypeError, ValueError):
        raise InputError(required, repr(alpha), "Write alpha=0.3.") from None
    if given.ndim > 1 or (given.ndim == 1 and len(given) != people):
        found = f"an array of shape {given.shape} for {people} people"
        raise InputError(required, found, "Give as many as there are people.")
    if not ((given >= 0) & (given <= 1)).all():
        raise InputError(required, repr(alpha), "0 is the history alone, 1 the intent alone.")
    return np.broadcast_to(given, people).astype(np.float32)


def wish_vectors(
    texts: Sequence[str], encoder: TextEncoder, titles: Callable[[], Sequence[str]] = list
) -> tuple[Float32, Float32]:
    """Unit vectors of what each text wants and doesn't, float32 [n, d_LM]; zero where it has no such part.

    One of the `titles()`, with its year or without, is wanted as a whole: "Not One Less".

    Warns
    -----
    UserWarning
        If the language model reads only the beginning of a text.
    """
    parsed = [parse(text) for text in texts]
    asked = {_name(text) for text, parts in zip(texts, parsed, strict=True) if parts.unwanted}
    if asked:
        known = _titles_among(asked, titles())
        parsed = [
            Parts(text.strip(), "") if _name(text) in known else parts
            for text, parts in zip(texts, parsed, strict=True)
        ]
    distinct = list(dict.fromkeys(part for parts in parsed for part in parts if part))
    cut = encoder.overlong(distinct)
    if cut:
        found = f"{len(cut[0].split())} words: {cut[0][:60]!r}..."
        warnings.warn(f"{encoder.name} reads only the beginning of an intent of {found}", stacklevel=3)
    vectors = unit_rows(embed(distinct, encoder))
    table = dict(zip(distinct, vectors, strict=True)) | {"": np.zeros_like(vectors[0])}
    wanted, unwanted = zip(*parsed, strict=True)
    return np.stack([table[part] for part in wanted]), np.stack([table[part] for part in unwanted])
