"""What the demo shows of a model: lists for three people, and the films most like three others."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from graphrec_lm.cli.shared import to_table

if TYPE_CHECKING:
    from graphrec_lm.data import Dataset, Split
    from graphrec_lm.models import Recommender

SHOWN_OF_HISTORY = 5
GENRES = ("Animation", "Horror", "Sci-Fi")


def show_recommendations(model: Recommender, split: Split, k: int = 10) -> None:
    """Print, for three users, the latest of their history and the top k, held-out films marked.

    The users stand at the quarters of all by length of history: nobody picked them.
    """
    from graphrec_lm.evaluation import render_table

    train = split.train
    users = train.users.ids[quarter_users(split)].tolist()
    rows = to_table(model.recommend(users, k)).to_pylist()
    for user in users:
        latest, count = latest_titles(train, user)
        known = f"User {user} liked {count} films, the latest: {'; '.join(latest)}"
        print(textwrap.fill(known, 100, subsequent_indent="  "))
        held_out = _held_out(split, user)
        shown = [
            {"rank": row["rank"], "recommended": row["title"], "score": row["score"],
             "held out": "yes" if row["item_id"] in held_out else ""}
            for row in rows if row["user_id"] == user
        ]  # fmt: skip
        print(render_table(shown, formats={"score": ".3f"}), end="\n\n")


def quarter_users(split: Split) -> np.ndarray:
    """Return the codes of the users at 25, 50 and 75 % by length of history, among those with test items."""
    counts = split.train.user_counts
    tested = np.flatnonzero(split.test.user_counts > 0)
    ordered = tested[np.argsort(counts[tested], kind="stable")]
    return ordered[[len(ordered) // 4, len(ordered) // 2, 3 * len(ordered) // 4]]


def latest_titles(train: Dataset, user: object) -> tuple[list[str], int]:
    """Return the titles that a user liked last, newest first, and the number of all that they liked."""
    rows = train.interactions
    mine = np.flatnonzero((rows.user_codes == train.users.codes([user])[0]) & rows.positive)
    newest = mine[np.argsort(-rows.times()[mine], kind="stable")]
    titles = train.titles
    return [titles[code] for code in rows.item_codes[newest[:SHOWN_OF_HISTORY]]], len(mine)


def show_similar(model: Recommender, train: Dataset, k: int = 5) -> None:
    """Print, side by side, the films most similar to the best-known one of each of three genres."""
    from graphrec_lm.evaluation import render_table

    codes = [best_known(train, genre) for genre in GENRES]
    rows = to_table(model.similar_items(train.items.ids[codes].tolist(), k)).to_pylist()
    lists = {
        train.titles[code]: [row["title"] for row in rows if row["item_id"] == train.items.ids[code]]
        for code in codes
    }
    print(f"Most similar to the film that most people liked of {', '.join(GENRES)}:\n")
    lines = [dict(zip(lists, titles, strict=True)) for titles in zip(*lists.values(), strict=True)]
    print(render_table(lines), end="\n\n")


def best_known(train: Dataset, genre: str) -> int:
    """Return the code of the film of a genre that most people liked."""
    has_genre = [genre in genres.split("|") for genres in train.item_table["genres"].to_pylist()]
    return int(np.argmax(np.where(has_genre, train.item_counts, -1)))


def _held_out(split: Split, user: object) -> set[object]:
    code = split.test.users.codes([user])[0]
    items = split.test.indices[split.test.indptr[code] : split.test.indptr[code + 1]]
    return set(split.test.items.ids[items].tolist())
