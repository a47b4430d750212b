"""Which model to use for a Dataset, and why."""

from __future__ import annotations

from typing import NamedTuple

from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError, check_choice, check_number
from graphrec_lm.models.base import Recommender
from graphrec_lm.models.blend import Blend, usual_graph
from graphrec_lm.models.datasets import check_dataset
from graphrec_lm.models.dense_limit import fits_dense
from graphrec_lm.models.ease import EASE
from graphrec_lm.models.item_knn import ItemKNN
from graphrec_lm.models.slim import SLIM
from graphrec_lm.models.text_ridge import TextRidge
from graphrec_lm.models.white_gcn import WhiteGCN

GOALS = ("accuracy", "speed", "no training", "cold items", "new domains", "streaming")

_FEW = 300  # interactions; from there on TextRidge was level (benchmarks/results/learning_curve.md)


class Suggestion(NamedTuple):
    """A model, unfitted, and why.

    Attributes
    ----------
    model : Recommender
    reason : str
    """

    model: Recommender
    reason: str


def suggest_model(dataset: Dataset, *, goal: str = "accuracy", memory_gib: float | None = None) -> Suggestion:
    """Say which model suits a Dataset.

    A rule of thumb from the benchmarks, not a search: compare on validation what matters.

    Parameters
    ----------
    dataset : Dataset
        The training part.
    goal : {"accuracy", "speed", "no training", "cold items", "new domains", "streaming"}
        What counts most: accuracy (minutes of fitting are fine), the best that fits in seconds, no learning
        at all, items that nobody has touched yet, weights that are used on other domains, or interactions
        that come all the time and must count at once.
    memory_gib : float, optional
        What a fit may take; None is half of the machine's memory.

    Returns
    -------
    Suggestion
        `.model`, with its encoder's default, and `.reason`.

    Raises
    ------
    InputError
        If a goal that needs titles meets a Dataset without.

    Examples
    --------
    >>> import graphrec_lm as gl
    >>> train, valid, test = gl.load_dataset("movielens-small").split("from_column")
    >>> suggest_model(train, goal="speed").model
    TextRidge()
    """
    check_dataset(dataset)
    check_choice("goal", goal, GOALS)
    if memory_gib is not None:
        check_number("memory_gib", memory_gib, above=0)
    fits = fits_dense(dataset.n_items, memory_gib)
    if not dataset.has_titles:
        return _without_titles(dataset, goal, fits)
    if goal == "streaming":
        reason = "No weights that grow old: after `update` it is what a fit on everything would be."
        return Suggestion(WhiteGCN(weight=1.0), reason)
    few = dataset.n_interactions < _FEW and goal in ("accuracy", "speed")
    if goal == "no training" or few:
        return Suggestion(WhiteGCN(), "Titles spread over the graph, as they are and whitened: no weights.")
    if goal == "new domains":
        reason = "One number is learned; it carries over better than trained projections do."
        return Suggestion(WhiteGCN(), reason)
    ridge = TextRidge() if fits else TextRidge(solver="sparse")
    if goal == "cold items":
        reason = "Near titles stand for a new item. Beside those with a history it ranks low: pass the new"
        return Suggestion(ridge, f"{reason} ones as `candidates`.")
    memory = "in closed form" if fits else "its sparse solver, since items² do not fit in memory"
    if goal == "speed" or not fits:
        return Suggestion(ridge, f"Interactions and titles together, {memory}, tuned by itself.")
    return Suggestion(
        Blend(), "The ridge towards titles and a graph model see different things; both, weighed."
    )


def _without_titles(dataset: Dataset, goal: str, fits: bool) -> Suggestion:
    if goal == "no training":
        return Suggestion(ItemKNN(), "No titles: items that the same people touched, counted.")
    if goal in ("cold items", "new domains", "streaming"):
        remedy = "Make the Dataset with an item table that has titles."
        raise InputError(f"goal={goal!r} must be given titles", "a Dataset without", remedy)
    if fits:
        return Suggestion(
            EASE(), "No titles: ridge regression of each item on all others, one factorisation."
        )
    if goal == "speed":
        return Suggestion(SLIM(), "No titles, and items² do not fit in memory: few weights an item.")
    return Suggestion(usual_graph(), "No titles, and items² do not fit in memory: embeddings on the graph.")
