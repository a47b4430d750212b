"""What else a ridge towards titles could do: each idea alone, on validation, on several domains.

    python benchmarks/ridge_variants.py --data FOLDER [--only movies]

An idea is kept in `TextRidge` only if it helps on every domain, and on both halves of the Games users: what
has lost on one is not tried on the next. Each row is the best of the same small grid (λ, the titles' λ, κ).
Test is never looked at. Finished rows are kept in `results/ridge_variants.json`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from common import RESULTS, environment, read_domain, write_text
from scipy import sparse

from graphrec_lm.kernels import gram, pattern_matrix, spmm, take_rows, topk_scores, unit_rows
from graphrec_lm.metrics import ranking_metrics
from graphrec_lm.models.mixtures import title_kernel
from graphrec_lm.models.near_titles import NearTitles
from graphrec_lm.models.text import title_vectors
from graphrec_lm.models.text_prior import TextPrior

DOMAINS = {"movies": "ml-latest-small", "ml-100k": "ml-100k", "Games, half A": "amazon-games"}
DOMAINS["Games, half B"] = "amazon-games"
LAMBDAS = {"movies": (100.0, 200.0, 400.0), "ml-100k": (200.0, 400.0, 800.0)}
GAMES_LAMBDAS = (50.0, 100.0)
TEXT_LAMBDAS, KAPPAS = (10.0, 30.0, 100.0), (0.0, 1.0, 2.0, 4.0, 6.0, 8.0, 12.0)
PEOPLE = 2500


class Domain(NamedTuple):
    """Training pattern, what people validate on, and title vectors by LM."""

    indptr: Any
    indices: Any
    n_items: int
    seen: Any
    relevant: Any
    titles: dict[str, Any]

    def ndcg(self, scores: torch.Tensor) -> float:
        """NDCG@20 of scores [people, n_items]."""
        top = topk_scores(scores.numpy(), 20, seen=self.seen)[0]
        return float(ranking_metrics(top, *self.relevant, k=20, metrics=("ndcg",))["ndcg@20"].mean())


def read(data: Path, name: str) -> Domain:
    """A domain, or a half of its users."""
    titles = {}
    for lm in ("minilm", "mpnet"):
        if (data / DOMAINS[name] / f"titles.{lm}.f16.npy").exists():
            split, encoder = read_domain(data / DOMAINS[name], lm)
            titles[lm] = unit_rows(title_vectors(split.train, encoder)[0])
    train, valid = split.train, split.valid
    users = np.random.default_rng(0).permutation(train.n_users)
    if "half" in name:
        users = np.array_split(users, 2)["AB".index(name[-1])]
    people = users[np.diff(valid.indptr)[users] > 0][:PEOPLE]
    mine = take_rows(train.indptr, train.indices, np.sort(users))
    patterns = [take_rows(part.indptr, part.indices, people) for part in (train, valid)]
    return Domain(*mine, train.n_items, *patterns, titles)


class Ridge:
    """P for one λ, with users weighed by length^-a and λ_j = λ + p · G_jj."""

    def __init__(self, domain: Domain, regularization: float, a: float = 0.0, p: float = 0.0) -> None:
        self.domain = domain
        weight = np.maximum(np.diff(domain.indptr), 1).astype(np.float32) ** -a
        weight *= len(domain.indices) / (weight * np.diff(domain.indptr)).sum()
        matrix = torch.from_numpy(gram(domain.indptr, domain.indices, domain.n_items, row_weight=weight))
        self.counts = matrix.diagonal().clone()
        self.penalty = regularization + p * self.counts
        matrix.diagonal().add_(self.penalty)
        self.inverse = torch.cholesky_inverse(torch.linalg.cholesky(matrix)).T  # rows in C order
        self.on_diagonal = self.inverse.diagonal().clone()
        self.sums = torch.from_numpy(spmm(*domain.seen, self.inverse.numpy()))

    def constant(self) -> torch.Tensor:
        """Scores without titles."""
        return -self.sums / self.on_diagonal

    def slope_towards(self, target: torch.Tensor) -> torch.Tensor:
        """What any C [n_items, n_items] with a zero diagonal adds for κ = 1."""
        drawn = self.penalty[:, None] * target
        falling = (self.inverse * drawn.T).sum(1) / self.on_diagonal
        return self.sums @ drawn - self.sums * falling

    def slope(self, prior: TextPrior) -> torch.Tensor:
        """What titles add for κ = 1."""
        left = self.penalty[:, None] * prior.left
        product = ((self.inverse @ left) * prior.right).sum(1)
        product -= self.on_diagonal * self.penalty * prior.diagonal
        falling = self.penalty * prior.diagonal + product / self.on_diagonal
        return (self.sums @ left) @ prior.right.T - self.sums * falling


_KNOWN: dict[tuple[int, float], Ridge] = {}


def plain_ridge(domain: Domain, regularization: float) -> Ridge:
    """The ridge of most variants, computed once."""
    key = id(domain), regularization
    if key not in _KNOWN:
        _KNOWN[key] = Ridge(domain, regularization)
    return _KNOWN[key]


def both(domain: Domain) -> Any:
    """All LMs' unit rows side by side."""
    return np.hstack(list(domain.titles.values()))


def without_top(vectors: Any, components: int) -> Any:
    """Centred, without the largest principal components."""
    centred = vectors - vectors.mean(0)
    basis = np.linalg.eigh((centred.T @ centred).astype(np.float64))[1][:, : vectors.shape[1] - components]
    return unit_rows((centred @ basis @ basis.T).astype(np.float32))


def whitened(vectors: Any) -> Any:
    """All principal components alike (with a floor), unit rows."""
    centred = vectors - vectors.mean(0)
    values, basis = np.linalg.eigh((centred.T @ centred).astype(np.float64) / len(centred))
    return unit_rows((centred @ (basis / np.sqrt(values + values.mean()))).astype(np.float32))


def diffused(domain: Domain) -> Any:
    """Titles, and beside them the mean title of what an item occurs with: hops apart."""
    pattern = pattern_matrix(domain.indptr, domain.indices, domain.n_items)
    own = both(domain)
    hop = pattern.T @ ((pattern @ own) / np.maximum(np.diff(domain.indptr), 1)[:, None])
    return np.hstack([unit_rows(own), 0.5 * unit_rows(hop.astype(np.float32))])


def behaviour(domain: Domain, rank: int = 64) -> Any:
    """Titles, and beside them the leading right singular vectors of the normalised interactions."""
    counts = np.maximum(np.bincount(domain.indices, minlength=domain.n_items), 1)
    users = np.repeat(np.arange(len(domain.indptr) - 1), np.diff(domain.indptr))
    lengths = np.diff(domain.indptr)[users]
    values = (lengths * counts[domain.indices]).astype(np.float32) ** -0.5
    shape = len(domain.indptr) - 1, domain.n_items
    pattern = sparse.csr_array((values, (users, domain.indices)), shape=shape)
    start = np.random.default_rng(0).standard_normal(min(shape)).astype(np.float32)
    _, sizes, right = sparse.linalg.svds(pattern, k=rank, v0=start)
    return np.hstack([unit_rows(both(domain)), 0.5 * unit_rows((right.T * sizes).astype(np.float32))])


Path_ = tuple[torch.Tensor, torch.Tensor]
Variant = Callable[[Domain, float], Iterator[Path_]]


def towards(vectors: Callable[[Domain], Any], a: float = 0.0, p: float = 0.0) -> Variant:
    """The ridge towards the prior of some vectors."""

    def paths(domain: Domain, regularization: float) -> Iterator[Path_]:
        ridge = Ridge(domain, regularization, a, p) if a or p else plain_ridge(domain, regularization)
        given = vectors(domain)
        for text in TEXT_LAMBDAS:
            yield ridge.constant(), ridge.slope(TextPrior.of(given, text))

    return paths


def by_popularity(power: float) -> Variant:
    """κ_j grows with the item's popularity to some power."""

    def paths(domain: Domain, regularization: float) -> Iterator[Path_]:
        ridge, given = plain_ridge(domain, regularization), both(domain)
        scale = ((ridge.counts + 1) / (ridge.counts.mean() + 1)) ** power
        for text in TEXT_LAMBDAS:
            yield ridge.constant(), ridge.slope(TextPrior.of(given, text)) * scale

    return paths


def relaxed(power: float) -> Variant:
    """Scores of item j times P_jj^power: 0 is diag(B) = 0, 1 a ridge without it, below 0 more than it.

    Between the two lies the relaxed diagonal of RLAE (Moon, Kim & Lee, SIGIR 2023).
    """

    def paths(domain: Domain, regularization: float) -> Iterator[Path_]:
        ridge, given = plain_ridge(domain, regularization), both(domain)
        scale = (ridge.on_diagonal / ridge.on_diagonal.mean()) ** power
        for text in TEXT_LAMBDAS:
            yield ridge.constant() * scale, ridge.slope(TextPrior.of(given, text)) * scale

    return paths


def gaussian(domain: Domain, regularization: float) -> Iterator[Path_]:
    """C from a Gaussian kernel of the titles instead of their inner products."""
    ridge, titles = plain_ridge(domain, regularization), torch.from_numpy(unit_rows(both(domain)))
    for text in TEXT_LAMBDAS:
        target = title_kernel(titles @ titles.T)
        target.diagonal().add_(text)
        target = torch.cholesky_inverse(torch.linalg.cholesky(target)).T
        target /= -target.diagonal().clone()
        target.fill_diagonal_(0)
        yield ridge.constant(), ridge.slope_towards(target)


_NOISES = (10.0, 100.0)
_NEAR: dict[int, NearTitles] = {}


def near_titles(domain: Domain) -> NearTitles:
    """Near titles of both noises, computed once."""
    if id(domain) not in _NEAR:
        counts = np.bincount(domain.indices, minlength=domain.n_items)
        _NEAR[id(domain)] = NearTitles(unit_rows(both(domain)), counts, _NOISES)
    return _NEAR[id(domain)]


def beside_near(noise: float) -> Variant:
    """The prior, and beside it what the hundred nearest titles say (`models/near_titles.py`)."""

    def paths(domain: Domain, regularization: float) -> Iterator[Path_]:
        ridge, given = plain_ridge(domain, regularization), both(domain)
        weights = near_titles(domain).weights(regularization, noise)
        added = torch.from_numpy((pattern_matrix(*domain.seen, domain.n_items) @ weights).toarray())
        for text in TEXT_LAMBDAS:
            slope = ridge.slope(TextPrior.of(given, text))
            for strength in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0):
                yield torch.add(ridge.constant(), added, alpha=strength), slope

    return paths


def two_scales(domain: Domain, regularization: float) -> Iterator[Path_]:
    """Half of a prior with a small λ of its own and half of one with a large."""
    ridge, given = plain_ridge(domain, regularization), both(domain)
    slopes = [ridge.slope(TextPrior.of(given, text)) for text in (10.0, 100.0)]
    for share in (0.25, 0.5, 0.75):
        yield ridge.constant(), share * slopes[0] + (1 - share) * slopes[1]


def apart(domain: Domain, regularization: float) -> Iterator[Path_]:
    """A prior for each LM, added in three proportions."""
    ridge = plain_ridge(domain, regularization)
    for text in TEXT_LAMBDAS:
        first, *others = (ridge.slope(TextPrior.of(own, text)) for own in domain.titles.values())
        for share in (0.25, 0.5, 0.75) if others else (1.0,):
            yield ridge.constant(), share * first + sum((1 - share) * other for other in others)


VARIANTS: dict[str, Variant] = {
    "as it is, all LMs": towards(both),
    "MiniLM alone": towards(lambda domain: domain.titles["minilm"]),
    "users weighed by length^-.25": towards(both, a=0.25),
    "users weighed by length^-.5": towards(both, a=0.5),
    "λ_j = λ + .1 G_jj": towards(both, p=0.1),
    "λ_j = λ + .3 G_jj": towards(both, p=0.3),
    "κ_j by popularity^.2": by_popularity(0.2),
    "κ_j by popularity^-.2": by_popularity(-0.2),
    "scores times P_jj^.5": relaxed(0.5),
    "scores times P_jj^.2": relaxed(0.2),
    "scores times P_jj^-.2": relaxed(-0.2),
    "titles without 1 component": towards(lambda domain: without_top(both(domain), 1)),
    "titles without 5 components": towards(lambda domain: without_top(both(domain), 5)),
    "titles whitened": towards(lambda domain: whitened(both(domain))),
    "titles and their neighbours' titles": towards(diffused),
    "titles and behaviour factors": towards(behaviour),
    "titles by a Gaussian kernel": gaussian,
    "the 100 nearest titles beside, their ridge 10": beside_near(_NOISES[0]),
    "the 100 nearest titles beside, their ridge 100": beside_near(_NOISES[1]),
    "two scales of titles": two_scales,
    "a prior for each LM": apart,
}


def best(domain: Domain, variant: Variant, regularizations: tuple[float, ...]) -> dict[str, Any]:
    """The best point of the grid."""
    started, found = time.perf_counter(), {"ndcg": -1.0}
    for regularization in regularizations:
        for n, (constant, slope) in enumerate(variant(domain, regularization)):
            for strength in KAPPAS:
                value = domain.ndcg(torch.add(constant, slope, alpha=strength))
                if value > found["ndcg"]:
                    found = {"ndcg": value, "lambda": regularization, "path": n, "kappa": strength}
    return found | {"seconds": time.perf_counter() - started}


def markdown(results: dict[str, dict[str, Any]], machine: dict[str, Any]) -> str:
    """The table of gains over the ridge as it is."""
    first = next(iter(VARIANTS))
    lines = [
        "# Variants of the ridge towards titles",
        "",
        "Generated by `python benchmarks/ridge_variants.py`. ",
    ]
    lines[-1] += "NDCG@20 on validation, the best of the same grid; relative to the first row in brackets. "
    lines[-1] += "What has lost on one domain was not tried on the next."
    lines += [
        "",
        f"| variant | {' | '.join(results)} | helps everywhere |",
        "|---" * (len(results) + 2) + "|",
    ]
    for name in VARIANTS:
        gains = [
            rows[name]["ndcg"] / rows[first]["ndcg"] - 1 if name in rows else None
            for rows in results.values()
        ]
        cells = [
            "" if gain is None else f"{rows[name]['ndcg']:.4f} ({gain:+.1%})"
            for rows, gain in zip(results.values(), gains, strict=True)
        ]
        helps = all(gain is not None and gain > 0 for gain in gains)
        lines.append(f"| {name} | {' | '.join(cells)} | {'yes' if helps else ''} |")
    lines += ["", "Machine: " + ", ".join(f"{k} {v}" for k, v in machine.items())]
    return "\n".join(lines) + "\n"


def _has_lost(results: dict[str, dict[str, Any]], name: str) -> bool:
    """Whether a variant is below the ridge as it is anywhere."""
    first = next(iter(VARIANTS))
    return any(rows[name]["ndcg"] < rows[first]["ndcg"] for rows in results.values() if name in rows)


def main() -> None:
    """Run the domains that are missing and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the domains")
    parser.add_argument("--only", nargs="+", default=list(DOMAINS), choices=list(DOMAINS))
    options = parser.parse_args()
    store = RESULTS / "ridge_variants.json"
    results = json.loads(store.read_text())["results"] if store.exists() else {}
    for name in options.only:
        rows = results.setdefault(name, {})
        domain = read(options.data, name)
        _KNOWN.clear()
        _NEAR.clear()
        for variant, paths in VARIANTS.items():
            if variant not in rows and not _has_lost(results, variant):
                rows[variant] = best(domain, paths, LAMBDAS.get(name, GAMES_LAMBDAS))
                print(name, variant, rows[variant], flush=True)
                write_text(store, json.dumps({"results": results, "environment": environment()}, indent=1))
                write_text(RESULTS / "ridge_variants.md", markdown(results, environment()))


if __name__ == "__main__":
    main()
