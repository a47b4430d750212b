"""Does a model still recommend when its titles are written otherwise? A refit for each way of writing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.errors import InputError, check_choice, check_number
from graphrec_lm.evaluation.comparison import metric_label
from graphrec_lm.evaluation.perturb import abbreviated, misspelled, respelled
from graphrec_lm.evaluation.report import Report
from graphrec_lm.evaluation.significance import holm, paired_bootstrap
from graphrec_lm.evaluation.years import without_year, year_alone
from graphrec_lm.kernels import unit_rows
from graphrec_lm.metrics import RANKING_METRICS
from graphrec_lm.models import Recommender
from graphrec_lm.text import DEFAULT_ENCODER, PrecomputedEncoder, embed, resolve_encoder
from graphrec_lm.text.base import check_texts

Float32 = NDArray[np.float32]
Floats = NDArray[np.float64]
Perturbation = Callable[[Sequence[str]], list[str]]

PERTURBATIONS: dict[str, Perturbation] = {
    "without year": without_year,
    "year alone": year_alone,
    "misspelled 10 %": partial(misspelled, rate=0.1),
    "misspelled 30 %": partial(misspelled, rate=0.3),
    "respelled": respelled,
    "abbreviated": abbreviated,
}
CONTROLS = ("shuffled", "random")
ORIGINAL = "original"


def perturbation_report(
    fit: Callable[[PrecomputedEncoder], Any],
    titles: Sequence[str],
    test: Any,
    *,
    encoder: Any = DEFAULT_ENCODER,
    perturbations: Mapping[str, Perturbation] | None = None,
    controls: Sequence[str] = CONTROLS,
    k: int = 20,
    metric: str = "ndcg",
    seed: int = 0,
) -> Report:
    """Refit a model on perturbed titles and on vectors without meaning, and evaluate each.

    What is lost from the original to misspelt, respelled or cut titles depended on the exact words, be it
    that the language model remembers them or that it reads the others badly; what is left with random vectors
    was never due to titles. A model that keeps its lead over the controls does not live on memorised strings.
    A year is also something that people choose by: a loss without it is no proof of memory.

    Parameters
    ----------
    fit : callable (encoder) -> fitted Recommender
        E.g. `lambda encoder: AlphaRec(encoder=encoder).fit(train, valid=valid)`; called for each row.
    titles : sequence of str
        Those of the items fitted, e.g. `train.titles`.
    test : Dataset or dataframe
        Held-out interactions; the validation part, as long as anything is chosen by what is found.
    encoder : name, folder, TextEncoder, or list of them
        Embeds originals and perturbed titles; `fit` gets their vectors under the original titles.
    perturbations : mapping, optional
        What to call it -> function from titles to titles, equal ones to equal ones. None: `PERTURBATIONS`.
    controls : sequence of {"shuffled", "random"}
        Vectors of other titles; Gaussian directions, as long as the originals.
    k : int
    metric : str
        As for `Recommender.evaluate`.
    seed : int
        Of the controls and the bootstrap.

    Returns
    -------
    Report
        `titles, changed` (share of titles), `cosine` (mean, with the original vector), the metric, `kept`
        (its ratio to the original's), `p` (paired bootstrap against the original, Holm's correction).

    Raises
    ------
    InputError
        On an unknown control, or what the encoder or `fit` refuses, such as a title that became empty.

    Examples
    --------
    >>> import graphrec_lm as gl
    >>> from graphrec_lm.text import TfidfEncoder
    >>> train, valid, _ = gl.load_dataset("movielens-small").split("from_column")
    >>> report = perturbation_report(
    ...     lambda encoder: gl.TitleCosine(encoder).fit(train), train.titles, valid,
    ...     encoder=TfidfEncoder(64), perturbations={"without year": without_year}, controls=["random"])
    >>> list(report.column("kept"))
    ['original', 'without year', 'random']
    """
    for control in controls:
        check_choice("controls", control, CONTROLS)
    check_number("seed", seed, least=0, integer=True)
    check_number("k", k, least=1, integer=True)
    check_choice("metric", metric, RANKING_METRICS)
    titles = check_texts(titles)
    perturbations = PERTURBATIONS if perturbations is None else perturbations
    taken = sorted({ORIGINAL, *CONTROLS} & set(perturbations))
    if taken:
        raise InputError("a perturbation must have a name of its own", repr(taken[0]), "Rename it.")
    variants = _variants(titles, encoder, perturbations, controls, seed)
    values: dict[str, Floats] = {}
    for variant in variants:
        if variant.changed == 0 and values:
            values[variant.name] = values[ORIGINAL]
        else:
            made = _fitted(fit, PrecomputedEncoder(texts=titles, embeddings=variant.vectors))
            values[variant.name] = made.evaluate(test, k=k, metrics=[metric]).per_user[f"{metric}@{k}"]
    p_values = _p_values(values, seed)
    rows = []
    for variant in variants:
        row: dict[str, Any] = {"titles": variant.name, "changed": variant.changed, "cosine": variant.cosine}
        mean, first = float(values[variant.name].mean()), float(values[ORIGINAL].mean())
        row |= {f"{metric_label(metric)}@{k}": mean, "kept": mean / first if first else None}
        rows.append(row | {"p": p_values.get(variant.name)})
    return Report(tuple(rows))


class _Variant(NamedTuple):
    """One way to write the titles: vectors, share of titles that changed, mean cosine with the original."""

    name: str
    vectors: Float32
    changed: float | None
    cosine: float


def _variants(
    titles: Sequence[str],
    encoder: Any,
    perturbations: Mapping[str, Perturbation],
    controls: Sequence[str],
    seed: int,
) -> list[_Variant]:
    encoder = resolve_encoder(encoder)  # once: one that is fitted to its first texts must not be fitted again
    original = embed(titles, encoder)
    found = [_Variant(ORIGINAL, original, 0.0, 1.0)]
    for name, perturb in perturbations.items():
        written = check_texts(perturb(titles))
        if len(written) != len(titles):
            required = f"the perturbation {name!r} must return a title for each"
            raise InputError(required, f"{len(written)} for {len(titles)}", "Keep them all.")
        changed = float(np.mean([new != old for new, old in zip(written, titles, strict=True)]))
        vectors = embed(written, encoder)
        found.append(_Variant(name, vectors, changed, _cosine(original, vectors)))
    for name in controls:
        vectors = _control(name, titles, original, seed)
        found.append(_Variant(name, vectors, None, _cosine(original, vectors)))
    return found


def _control(kind: str, titles: Sequence[str], original: Float32, seed: int) -> Float32:
    """Vectors that say nothing of the titles; equal titles keep equal vectors."""
    rng = np.random.default_rng(seed)
    _, first, place = np.unique(titles, return_index=True, return_inverse=True)
    distinct = original[first]
    if kind == "shuffled":
        return distinct[rng.permutation(len(distinct))][place]
    lengths = np.linalg.norm(distinct, axis=1, keepdims=True)
    return (unit_rows(rng.standard_normal(distinct.shape).astype(np.float32)) * lengths)[place]


def _fitted(fit: Callable[[PrecomputedEncoder], Any], encoder: PrecomputedEncoder) -> Recommender:
    """What `fit` makes of the encoder."""
    made = fit(encoder)
    if not isinstance(made, Recommender):
        remedy = "Write lambda encoder: AlphaRec(encoder).fit(train)."
        raise InputError("`fit` must return a fitted model", type(made).__name__, remedy)
    return made


def _cosine(one: Float32, other: Float32) -> float:
    return float((unit_rows(one) * unit_rows(other)).sum(axis=1).mean())


def _p_values(values: Mapping[str, Floats], seed: int) -> dict[str, float]:
    """Of each variant's difference from the original."""
    original, others = values[ORIGINAL], [name for name in values if name != ORIGINAL]
    pairs = [paired_bootstrap({ORIGINAL: original, name: values[name]}, seed=seed)[0] for name in others]
    adjusted = holm([pair.p_value for pair in pairs])
    return dict(zip(others, adjusted.tolist(), strict=True))
