"""Choosing a model's parameters on validation, by Optuna."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError, check_choice, check_number, did_you_mean
from graphrec_lm.evaluation.search_space import Space, check_range, contains, next_point, size_of
from graphrec_lm.evaluation.trial_file import TrialFile, description
from graphrec_lm.metrics import RANKING_METRICS
from graphrec_lm.models import Recommender
from graphrec_lm.models.datasets import checked_datasets
from graphrec_lm.progress import Progress
from graphrec_lm.training import TimeLimit

logger = logging.getLogger("graphrec_lm")


@dataclass(frozen=True)
class Tuned:
    """What `tune` found.

    Attributes
    ----------
    model : Recommender
        The fitted one of the best trial; fitted once more, if that was in an earlier call. Under a limit of
        time the new fit may end elsewhere than the one that `value` is of.
    params : dict
        What was chosen.
    value : float
        Its metric on validation.
    trials : list of dict
        `params`, `value` (None if the fit failed), `seconds` and `error` of each trial; `same_as`, the place
        of an earlier trial, if that had the same parameters: it is not fitted again.
    """

    model: Recommender
    params: dict[str, Any]
    value: float
    trials: list[dict[str, Any]]


def tune(
    model: Recommender,
    train: Dataset,
    valid: Dataset,
    space: Space,
    *,
    trials: int = 20,
    seconds: float | None = None,
    fit_seconds: float | None = None,
    metric: str = "ndcg",
    k: int = 20,
    seed: int = 0,
    path: str | os.PathLike[str] | None = None,
    verbose: bool = True,
) -> Tuned:
    """Choose parameters by their metric on validation; needs the extra `tune`.

    The first trial has the model's own parameters, if they lie in the space; a tree-structured Parzen
    estimator proposes the others. Trials are a function of the seed, unless a limit of time ends fits.

    Parameters
    ----------
    model : Recommender
        Left as it is: copies are fitted.
    train, valid : Dataset
    space : mapping
        A range for each parameter to choose: {"log": [1e-4, 1e-2]}, {"uniform": [0, 1]}, {"int": [1, 4]} or
        {"choices": [64, 128]}.
    trials : int
        At most; where the space has fewer points, the tuning ends with the last of them.
    seconds : float, optional
        No trial begins after so many; the first does.
    fit_seconds : float, optional
        Of training, each trial of a model with epochs; see `TimeLimit`.
    metric : {"recall", "precision", "ndcg", "hit_rate", "mrr", "map"}
    k : int
        Cut-off of the metric.
    seed : int
    path : path, optional
        A JSON file that keeps the trials. The same call goes on from it, after Ctrl-C or a crash, or with
        more `trials`; trials that failed are forgotten. `seconds` are those of each call.
    verbose : bool
        Show progress.

    Raises
    ------
    ImportError
        Without Optuna: `pip install "graphrec_lm[tune]"`.
    InputError
        For a range that is none, a name that is no parameter, a `valid` that `fit` refuses or that is empty,
        a `path` with something else or with another tuning's trials, or if every trial failed.

    Examples
    --------
    >>> import graphrec_lm as gl
    >>> train, valid, test = gl.load_dataset("movielens-small").split("from_column")
    >>> space = {"neighbors": {"choices": [20, 100]}, "shrink": {"uniform": [0.0, 50.0]}}
    >>> tuned = gl.tune(gl.ItemKNN(), train, valid, space, trials=3, verbose=False)
    >>> sorted(tuned.params), len(tuned.trials)
    (['neighbors', 'shrink'], 3)
    """
    _check(model, space, metric, trials=trials, k=k, seed=seed, seconds=seconds, fit_seconds=fit_seconds)
    valid = _validation(train, valid)
    own = {name: model.get_params()[name] for name in space}
    start = own if all(contains(space[name], value) for name, value in own.items()) else {}
    file = None
    if path is not None:
        how = {"metric": metric, "k": k, "seed": seed, "fit_seconds": fit_seconds}
        file = TrialFile(path, description(model, train, valid, space, **how))
    done = [] if file is None else file.read()
    best, fitted = _best(done), None
    callbacks = [TimeLimit(fit_seconds)] if fit_seconds is not None and model.has_epochs else []
    started = time.perf_counter()
    with Progress(trials, f"tuning {type(model).__name__}", "trials", enabled=verbose) as bar:
        if done:
            bar.advance(min(len(done), trials))
        while not done or (len(done) < trials and not _is_late(started, seconds)):
            points = [trial["params"] for trial in done]
            if sum("same_as" not in trial for trial in done) == size_of(space):
                break
            point = next_point(space, start, [(trial["params"], trial["value"]) for trial in done], seed)
            tried = type(model)(**model.get_params() | point)
            begun = time.perf_counter()
            if point in points:
                found = done[points.index(point)] | {"same_as": points.index(point)}
            else:
                found = _measured(tried, train, valid, callbacks, metric, k)
            done.append({"params": point} | found | {"seconds": time.perf_counter() - begun})
            if file is not None:
                file.write(done)
            best = _best(done)
            if best is done[-1]:
                fitted = tried
            bar.advance(1, **({} if best is None else {metric: best["value"]}))
    if best is None:
        raise InputError("a trial must end well", done[-1]["error"], "Narrow the space.")
    if fitted is None:
        fitted = type(model)(**model.get_params() | best["params"])
        fitted.fit(train, valid=valid, callbacks=callbacks)
    return Tuned(fitted, best["params"], best["value"], done)


def _best(trials: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The first of the highest value; None if none ended well."""
    ended = [trial for trial in trials if trial["value"] is not None]
    return max(ended, key=lambda trial: trial["value"], default=None)


def _measured(
    model: Recommender, train: Dataset, valid: Dataset, callbacks: list[TimeLimit], metric: str, k: int
) -> dict[str, Any]:
    """`value` on validation of the model, fitted now; or None, and the `error`."""
    try:
        model.fit(train, valid=valid, callbacks=callbacks)
        return {"value": model.evaluate(valid, k=k, metrics=(metric,))[f"{metric}@{k}"]}
    except (MemoryError, RuntimeError, ArithmeticError, ValueError) as error:  # the others go on
        logger.warning("tuning: the trial of %r failed: %r", model, error)
        return {"value": None, "error": str(error) if isinstance(error, InputError) else repr(error)}


def _is_late(started: float, seconds: float | None) -> bool:
    return seconds is not None and time.perf_counter() - started >= seconds


def _validation(train: Dataset, valid: Dataset) -> Dataset:
    """The validation part, aligned; raise InputError for what `fit` refuses, or an empty one."""
    (part,) = checked_datasets(train, valid)[1]
    if part is None or not part.n_interactions:
        remedy = "Split one off: train, valid, test = dataset.split('random')."
        raise InputError("`valid` must hold at least one positive interaction", part or "None", remedy)
    return part


def _check(model: Recommender, space: Space, metric: str, **numbers: Any) -> None:
    """Raise ImportError without Optuna, InputError for a wrong call."""
    try:
        import optuna  # noqa: F401
    except ImportError as error:
        raise ImportError('tune needs Optuna: pip install "graphrec_lm[tune]"') from error
    if not isinstance(model, Recommender):
        raise InputError("`model` must be a model of this library", repr(model), "Pass e.g. gl.LightGCN().")
    for name, value in numbers.items():
        if not name.endswith("seconds"):
            check_number(name, value, least=0 if name == "seed" else 1, integer=True)
        elif value is not None:
            is_open = name == "fit_seconds"
            check_number(name, value, above=0 if is_open else None, least=None if is_open else 0)
    check_choice("metric", metric, RANKING_METRICS)
    if not isinstance(space, Mapping) or not space:
        example = 'Write for example {"learning_rate": {"log": [1e-4, 1e-2]}}.'
        raise InputError("`space` must be a mapping that names a parameter", repr(space), example)
    for name, spec in space.items():
        if name not in model.parameter_names():
            required = f"`space` must name parameters of {type(model).__name__}"
            raise InputError(required, repr(name), did_you_mean(name, model.parameter_names()))
        check_range(f"`space` of {name!r}", spec)
