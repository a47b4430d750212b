"""What arrives after the fit: items known by title alone, people with a short history, and what it takes.

    python benchmarks/arrivals.py --data FOLDER

Cold items: a fifth of the items is taken out of train with all its interactions; they are added by title and
ranked for people who touched some of them (in any part), among all items and among the cold ones alone; cold
items alone count as relevant. What could be known of them: the same lists among cold items for some of these
people (5,000, at most a third), by title, and by models that have the train interactions of everybody else.
Cold people: a fifth of the users is left out of the fit and served by `recommend(history=...)` with 1, 2, 5
or 10 of their items; their test items count as relevant. Latency: medians on Games, embeddings given.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from common import RESULTS, append_log, environment, median_ms, pairs, read_domain, statistics, write_text

import graphrec_lm as gl
from graphrec_lm.evaluation import render_table
from graphrec_lm.metrics import ranking_metrics
from graphrec_lm.text import PrecomputedEncoder

FOLDERS = {"movies": "ml-latest-small", "Games": "amazon-games"}
K, LENGTHS = 20, (1, 2, 5, 10)
ALPHAREC: dict[str, Any] = {
    "negatives": 1024,
    "share_negatives": True,
    "sampling": "interaction",
    "valid_every": 3,
}
OF_DOMAIN: dict[str, dict[str, Any]] = {  # as in quality.py, in fewer epochs
    "movies": {"hidden": 768, "epochs": 60, "batch_size": 1024, "learning_rate": 2e-3, "patience": 8},
    "Games": {"hidden": 192, "epochs": 24, "batch_size": 8192, "learning_rate": 4e-3, "patience": 4},
}
COLUMNS = {"all": "cold items' NDCG@20 among all", "cold": "among cold"}


def models(encoder: Any, domain: str) -> dict[str, Any]:
    """What takes new items and new people."""
    solver = {"solver": "sparse"} if domain == "Games" else {}
    ridge = gl.TextRidge(encoder=encoder, verbose=False, **solver)
    white = gl.WhiteGCN(encoder=encoder)
    alpharec = gl.AlphaRec(encoder=encoder, verbose=False, **ALPHAREC, **OF_DOMAIN[domain])
    return {
        "TitleCosine": gl.TitleCosine(encoder=encoder),
        "TextGCN": gl.TextGCN(encoder=encoder),
        "WhiteGCN": white,
        "TextRidge": ridge,
        "TextRidge + WhiteGCN": gl.Blend([ridge, white], weights=[1.0, 1.0]),
        "AlphaRec": alpharec,
    }


class Draw(NamedTuple):
    """Which items are cold, what is fitted without them, and whose lists of them are asked for."""

    items: pd.DataFrame
    is_cold: Any
    cold: list[Any]  # ids
    users: pd.DataFrame
    parts: dict[str, pd.DataFrame]  # pairs
    meant: pd.DataFrame  # pairs with cold items, of people who touched others
    generator: Any

    @classmethod
    def of(cls, split: Any) -> Draw:
        """A fifth of the items."""
        items = split.train.item_table.to_pandas()[["item_id", "title"]]
        users = pd.DataFrame({"user_id": split.train.users.ids})
        generator = np.random.default_rng(0)
        is_cold = np.zeros(len(items), dtype=bool)
        is_cold[generator.permutation(len(items))[: len(items) // 5]] = True
        parts = {name: pairs(getattr(split, name)) for name in ("train", "valid", "test")}
        cold, train = sorted(items.loc[is_cold, "item_id"]), parts["train"]
        able = train.loc[~train["item_id"].isin(cold), "user_id"]
        meant = pd.concat(parts.values())
        meant = meant[meant["item_id"].isin(cold) & meant["user_id"].isin(able)]
        return cls(items, is_cold, cold, users, parts, meant, generator)

    def people(self, most: int) -> Any:
        """Who is asked for: at most so many."""
        people = np.sort(self.meant["user_id"].unique())
        return people if len(people) <= most else np.sort(self.generator.choice(people, most, replace=False))

    def without(self, part: str, people: Any = None) -> pd.DataFrame:
        """A part's pairs without those of cold items, of these people or of all."""
        frame = self.parts[part]
        out = frame["item_id"].isin(self.cold)
        return frame[~(out if people is None else out & frame["user_id"].isin(people))]

    def fit_by_title(self, model: Any) -> None:
        """Fit without the cold items, then add them."""
        dataset = gl.Dataset.from_frame(self.without("train"), self.items[~self.is_cold], self.users)
        model.fit(dataset, valid=self.without("valid")).add_items(self.items[self.is_cold])

    def fit_by_others(self, model: Any, people: Any) -> None:
        """Fit without what these people did with cold items."""
        dataset = gl.Dataset.from_frame(self.without("train", people), self.items, self.users)
        model.fit(dataset, valid=self.without("valid", people))

    def ndcg(self, lists: pd.DataFrame, people: Any) -> float:
        """NDCG@20 of people's lists."""
        ids = self.items["item_id"].to_numpy()
        return _ndcg(lists, people, ids, _pattern(self.meant, people, ids))


def cold_items(split: Any, encoder: Any, domain: str) -> list[dict[str, Any]]:
    """NDCG@20 among all items and among cold ones; random ranks beside."""
    draw, rows = Draw.of(split), []
    people = draw.people(5000)
    for name, model in models(encoder, domain).items():
        draw.fit_by_title(model)
        row = {"domain": domain, "model": name}
        for among, candidates in (("all", None), ("cold", draw.cold)):
            lists = model.recommend(people.tolist(), k=K, candidates=candidates)
            row[COLUMNS[among]] = draw.ndcg(lists, people)
        rows.append(row)
        print(row, flush=True)
    chance = pd.DataFrame(
        {"user_id": np.repeat(people, K), "rank": np.tile(np.arange(1, K + 1), len(people))}
    )
    drawn = [draw.generator.choice(draw.cold, K, replace=False) for _ in people]
    chance["item_id"] = np.concatenate(drawn)
    row = {"domain": domain, "model": "random", COLUMNS["cold"]: draw.ndcg(chance, people)}
    return [*rows, row]


def known_items(split: Any, encoder: Any, domain: str) -> list[dict[str, Any]]:
    """NDCG@20 among cold items by title, and by what everybody else did with them: what could be known."""
    draw, rows = Draw.of(split), []
    people = draw.people(min(5000, draw.meant["user_id"].nunique() // 3))
    by_title = {name: models(encoder, domain)[name] for name in ("TitleCosine", "TextRidge")}
    by_others = {"Popularity": gl.Popularity(), "ItemKNN": gl.ItemKNN()}
    by_others["TextRidge"] = models(encoder, domain)["TextRidge"]
    for model in by_title.values():
        draw.fit_by_title(model)
    for model in by_others.values():
        draw.fit_by_others(model, people)
    fitted = by_title | {f"{name}, of everybody else": model for name, model in by_others.items()}
    for name, model in fitted.items():
        lists = model.recommend(people.tolist(), k=K, candidates=draw.cold)
        row = {"domain": domain, "model": name, "people": len(people), "NDCG@20": draw.ndcg(lists, people)}
        rows.append(row)
        print(row, flush=True)
    return rows


def _pattern(frame: pd.DataFrame, people: Any, items: Any) -> tuple[Any, Any]:
    """CSR of (people, items) by their places."""
    frame = frame[frame["user_id"].isin(people)]
    rows = np.searchsorted(people, frame["user_id"])
    codes = pd.Index(items).get_indexer(frame["item_id"])
    order = np.lexsort((codes, rows))
    counts = np.bincount(rows, minlength=len(people))
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), codes[order].astype(np.int32)


def _ndcg(lists: pd.DataFrame, people: Any, items: Any, relevant: Any) -> float:
    top = np.full((len(people), K), -1, dtype=np.int32)
    rows = np.searchsorted(people, lists["user_id"])
    top[rows, lists["rank"].to_numpy() - 1] = pd.Index(items).get_indexer(lists["item_id"])
    return float(ranking_metrics(top, *relevant, k=K, metrics=("ndcg",))[f"ndcg@{K}"].mean())


def cold_people(split: Any, encoder: Any, domain: str) -> list[dict[str, Any]]:
    """NDCG@20 for people who were not fitted, by the length of the history that is given."""
    generator = np.random.default_rng(1)
    train, test = pairs(split.train), pairs(split.test)
    counts = train["user_id"].value_counts()
    new = np.sort(generator.choice(split.train.users.ids, split.train.n_users // 5, replace=False))
    asked = [user for user in new if counts.get(user, 0) >= max(LENGTHS) and user in set(test["user_id"])]
    asked = np.array(asked[:3000])
    items = split.train.item_table.to_pandas()[["item_id", "title"]]
    known = train[~train["user_id"].isin(new)]
    dataset = gl.Dataset.from_frame(known, items)
    own = train[train["user_id"].isin(asked)].groupby("user_id")["item_id"]
    histories = [generator.permutation(own.get_group(user)) for user in asked]
    relevant = _pattern(test, asked, items["item_id"].to_numpy())
    hidden = train[train["user_id"].isin(asked)].assign(
        user_id=lambda t: np.searchsorted(asked, t["user_id"])
    )
    rows = []
    for name, model in models(encoder, domain).items():
        model.fit(dataset)
        row: dict[str, Any] = {"domain": domain, "model": name, "people": len(asked)}
        for length in LENGTHS:
            shown = [list(history[:length]) for history in histories]
            lists = model.recommend(history=shown, k=K, exclude=hidden)
            lists = lists.assign(user_id=asked[lists["user_id"]])
            row[f"{length} items"] = _ndcg(lists, asked, items["item_id"].to_numpy(), relevant)
        rows.append(row)
        print(row, flush=True)
    return rows


def latency(split: Any, encoder: Any) -> list[dict[str, Any]]:
    """Medians in ms, on Games."""
    generator = np.random.default_rng(2)
    texts, vectors = split.train.titles, encoder.encode(split.train.titles)
    new = pd.DataFrame({"item_id": np.arange(1000) + 10**9, "title": [f"new {n}" for n in range(1000)]})
    given = PrecomputedEncoder(
        texts=texts + new["title"].tolist(),
        embeddings=np.concatenate([vectors, generator.permutation(vectors)[:1000]]),
    )
    users = generator.choice(split.train.users.ids, 1000)
    more = pd.DataFrame({"user_id": users, "item_id": generator.choice(split.train.items.ids, 1000)})
    history = [generator.choice(split.train.items.ids, 10, replace=False).tolist()]
    quick: dict[str, Any] = {
        "hidden": 192,
        "epochs": 1,
        "batch_size": 65536,
        "negatives": 64,
        "verbose": False,
    }
    ridge = {"regularization": 200.0, "strength": 4.0, "text_regularization": 10.0, "verbose": False}
    dense = gl.TextRidge(encoder=given, **ridge)
    graph = gl.LightGCN(layers=2, epochs=1, batch_size=65536, verbose=False)
    tried = models(given, "Games") | {
        "TextRidge": gl.TextRidge(solver="sparse", encoder=given, **ridge),
        "TextRidge, dense": dense,
        "TextRidge, dense, + LightGCN": gl.Blend([dense, graph], weights=[1.0, 0.7]),
        "AlphaRec": gl.AlphaRec(encoder=given, share_negatives=True, **quick),
    }
    rows = []
    for name, model in tried.items():
        model.fit(split.train)
        state = model._fitted

        def reset(model: Any = model, state: Any = state) -> None:
            model._fitted = state

        model.recommend(history=history)
        row = {"model": name, "one history": median_ms(lambda m=model: m.recommend(history=history), 30)}
        model.add_items(new[:1])
        row["add 1,000 items"] = median_ms(lambda m=model: m.add_items(new), 7, reset)
        reset()
        if not isinstance(model, gl.TextRidge | gl.Blend):
            row["update with 1,000"] = median_ms(lambda m=model: m.update(more), 3, reset)
        rows.append(row)
        print(row, flush=True)
    return rows


def report(result: dict[str, Any]) -> str:
    """The Markdown page."""
    text = [
        "# What arrives after the fit",
        "",
        "Generated by `python benchmarks/arrivals.py --data FOLDER`. MiniLM.",
    ]
    text += [__doc__.split("FOLDER")[1].strip(), "", "## New items by title", ""]
    text += [render_table(result["items"], style="markdown"), "", "## What could be known of new items", ""]
    text += [render_table(result["known"], style="markdown"), "", "## New people by history, NDCG@20", ""]
    text += [render_table(result["people"], style="markdown"), "", "## Milliseconds on Games", ""]
    text += [render_table(result["latency"], style="markdown", formats={"one history": ".2f"}), ""]
    facts = [f"- {name}: {json.dumps(values)}" for name, values in result["statistics"].items()]
    text += ["Data:", "", *facts, "", f"Seed 0. Machine: {json.dumps(result['environment'])}", ""]
    return "\n".join(text)


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description="New items, new people, latency.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--again", action="store_true", help="measure anew what is in arrivals.json")
    options = parser.parse_args()
    known = {name: read_domain(options.data / place) for name, place in FOLDERS.items()}
    store = RESULTS / "arrivals.json"
    result: dict[str, Any] = json.loads(store.read_text()) if store.exists() and not options.again else {}
    for what, measure in (("items", cold_items), ("known", known_items), ("people", cold_people)):
        if what not in result:
            result[what] = [row for name, domain in known.items() for row in measure(*domain, name)]
            append_log(RESULTS / "test_log.jsonl", {"benchmark": "arrivals", what: result[what]})
            write_text(store, json.dumps(result, indent=1))
    if "latency" not in result:
        result["latency"] = latency(*known["Games"])
        result["environment"] = environment()
    result["statistics"] = {name: statistics(split) for name, (split, _) in known.items()}
    write_text(store, json.dumps(result, indent=1))
    write_text(RESULTS / "arrivals.md", report(result))


if __name__ == "__main__":
    main()
