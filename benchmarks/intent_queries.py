"""Queries that people might type, made of genres, decades and tags; never of words of the title.

A third are bare attributes, a third sentences (other templates for validation than for test), a third
vague or about something else than what the person took next. A fourth kind quotes the title and is no
part of the mix.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

KINDS = ("attributes", "sentence", "vague", "unrelated", "circular")
_YEAR = re.compile(r"\((\d{4})\)\s*$")
_WORD = re.compile(r"[a-z0-9]+")

SENTENCES = {
    "valid": [
        "I'm in the mood for a {genre} movie",
        "recommend me a {genre} film from the {decade}",
        "something {tag}, please",
        "looking for a {genre} film that is {tag}",
        "any good {genre} and {genre2} movies from the {decade}?",
        "a {decade} movie that people call {tag}",
    ],
    "test": [
        "tonight I'd like to watch {genre}",
        "what is a great {genre} picture of the {decade}?",
        "show me films tagged {tag}",
        "I feel like {genre}, ideally {tag}",
        "can you suggest a mix of {genre} and {genre2} made in the {decade}?",
        "movies of the {decade}, {tag}",
    ],
}
VAGUE = {
    "valid": ["something good", "a nice movie for tonight", "surprise me", "what should I watch next?",
              "anything enjoyable", "a film I would like"],
    "test": ["a good film", "entertain me", "any recommendation?", "something to watch this evening",
             "a movie worth my time", "pick one for me"],
}  # fmt: skip
CIRCULAR = {"valid": "a movie like {title}", "test": "I want to see something similar to {title}"}


def item_facets(folder: Path) -> pd.DataFrame:
    """`title, genres, decade, tags` of every item, by `item_id`; without what repeats a word of the title."""
    items = pd.read_csv(folder / "items.csv.gz").set_index("item_id")
    tags = pd.read_csv(folder / "tags.csv.gz").dropna()
    tags = tags["tag"].str.strip().str.lower().groupby(tags["movieId"]).unique()
    years = items["title"].str.extract(_YEAR)[0].astype(float)
    found = pd.DataFrame({"title": items["title"]})
    words = [set(_WORD.findall(title.lower())) for title in items["title"]]
    genres = items["genres"].str.lower().str.replace("(no genres listed)", "", regex=False).str.split("|")
    found["genres"] = [_without(own, known) for own, known in zip(genres, words, strict=True)]
    own_tags = [list(tags.get(item, [])) for item in items.index]
    found["tags"] = [_without(own, known) for own, known in zip(own_tags, words, strict=True)]
    found["decade"] = [f"{int(year) // 10 * 10}s" if year == year else "" for year in years]
    return found


def _without(texts: list[str], words: set[str]) -> list[str]:
    return [text for text in texts if text and not words & set(_WORD.findall(text))]


def queries(folder: Path, split: Any, part: str, seed: int = 0) -> pd.DataFrame:
    """`user_id, item_id, kind, intent`: for one held-out item of each user, a query of each kind.

    Parameters
    ----------
    folder : Path
    split : Split
    part : {"valid", "test"}
    seed : int
    """
    facets, generator = item_facets(folder), np.random.default_rng([seed, part == "test"])
    held_out = getattr(split, part)
    rows = []
    for user in np.flatnonzero(held_out.user_counts):
        codes = held_out.indices[slice(*held_out.indptr[user : user + 2])]
        item = held_out.items.ids[generator.choice(codes)]
        other = facets.iloc[generator.integers(len(facets))]
        texts = {
            "attributes": _attributes(facets.loc[item], generator),
            "sentence": _sentence(facets.loc[item], part, generator),
            "vague": str(generator.choice(VAGUE[part])),
            "unrelated": _attributes(other, generator),
            "circular": CIRCULAR[part].format(title=facets.loc[item, "title"]),
        }
        who = held_out.users.ids[user]
        rows += [(who, item, kind, text) for kind, text in texts.items()]
    return pd.DataFrame(rows, columns=["user_id", "item_id", "kind", "intent"])


def _attributes(item: pd.Series, generator: Any) -> str:
    """One to three of: two genres, the decade, a tag."""
    options = [*generator.permutation(item["genres"])[:2], *generator.permutation(item["tags"])[:1]]
    options += [item["decade"]] * bool(item["decade"])
    if not options:
        return "movie"
    count = min(len(options), int(generator.integers(1, 4)))
    return ", ".join(generator.permutation(options)[:count])


def _sentence(item: pd.Series, part: str, generator: Any) -> str:
    """A template all of whose facets the item has."""
    genres = [*generator.permutation(item["genres"]), "", ""]
    tag = str(generator.choice(item["tags"])) if item["tags"] else ""
    known = {"genre": genres[0], "genre2": genres[1], "decade": item["decade"], "tag": tag}
    fit = [text for text in SENTENCES[part] if all(known[name] for name in re.findall(r"{(\w+)}", text))]
    return str(generator.choice(fit)).format(**known) if fit else f"a movie of the {item['decade'] or 'past'}"


def mixed(values: dict[str, float]) -> float:
    """The mix: a third attributes, a third sentences, a sixth vague, a sixth unrelated."""
    return (
        sum(values[kind] for kind in ("attributes", "sentence")) / 3
        + (values["vague"] + values["unrelated"]) / 6
    )
