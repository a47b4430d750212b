"""Years of release, as titles carry them: "Heat (1995)"."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_YEAR = re.compile(r"\s*\(((?:18|19|20)\d\d)(?:\s*[-–]\s*(?:\d{4})?)?\s*\)")

NO_YEAR = -1


def release_years(titles: Sequence[str]) -> NDArray[np.int64]:
    """Read the year of each title: the last that stands in brackets, the first of "(2006–2007)".

    Parameters
    ----------
    titles : sequence of str [n]

    Returns
    -------
    int64 array [n]
        From 1800 to 2099; -1 where the title has none.

    Examples
    --------
    >>> release_years(["Heat (1995)", "2001: A Space Odyssey (1968)", "1984", "Maniac (2018– )"])
    array([1995, 1968,   -1, 2018])
    """
    found = (_last(title) for title in titles)
    return np.array([NO_YEAR if match is None else int(match[1]) for match in found], dtype=np.int64)


def without_year(titles: Sequence[str]) -> list[str]:
    """Take from each title the year that `release_years` reads; a title that is nothing else stays.

    >>> without_year(["Heat (1995)", "Blade Runner (1982) [VHS]", "1984"])
    ['Heat', 'Blade Runner [VHS]', '1984']
    """
    return [_cut(title, _last(title)) for title in titles]


def year_alone(titles: Sequence[str]) -> list[str]:
    """Leave of each title the year that `release_years` reads; a title without one stays.

    >>> year_alone(["Heat (1995)", "1984"])
    ['(1995)', '1984']
    """
    years = release_years(titles)
    return [title if year == NO_YEAR else f"({year})" for title, year in zip(titles, years, strict=True)]


def _last(title: str) -> re.Match[str] | None:
    match = None
    for match in _YEAR.finditer(title):  # noqa: B007 - the last one is wanted
        pass
    return match


def _cut(title: str, match: re.Match[str] | None) -> str:
    if match is None:
        return title
    return (title[: match.start()] + title[match.end() :]).strip() or title
