"""Choosing a model's parameters on validation, by Optuna."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError, check_choice, check_number, did_you_mean
from graphrec_lm.evaluation.search_space import Space, check_range, contains, next_point
from graphrec_lm.metrics import RANKING_METRICS
from graphrec_lm.models import Recommender
from graphrec_lm.progress import Progress
from graphrec_lm.training import TimeLimit

logger = logging.getLogger("graphrec_lm")


@dataclass(frozen=True)
class Tuned:
    """What `tune` found.

    Attributes
    ----------
    model : Recommender
        The fitted one of the best trial.
    params : dict
        What was chosen.
    value : float
        Its metric on validation.
    trials : list of dict
        `params`, `value` (None if the fit failed), `seconds` and `error` of each trial.
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
        At most.
    seconds : float, optional
        No trial begins after so many; the first does.
    fit_seconds : float, optional
        Of training, each trial; see `TimeLimit`.
    metric : {"recall", "precision", "ndcg", "hit_rate", "mrr", "map"}
    k : int
        Cut-off of the metric.
    seed : int
    verbose : bool
        Show progress.

    Raises
    ------
    ImportError
        Without Optuna: `pip install "graphrec_lm[tune]"`.
    InputError
        For a range that is none, a name that is no parameter, or if every trial failed.

    Examples
    --------
    >>> import graphrec_lm as gl
    >>> train, valid, test = gl.load_dataset("movielens-small").split("from_column")
    >>> space = {"neighbors": {"choices": [20, 100]}, "shrink": {"uniform": [0.0, 50.0]}}
    >>> tuned = gl.tune(gl.ItemKNN(), train, valid, space, trials=3, verbose=False)
    >>> sorted(tuned.params), len(tuned.trials)
    (['neighbors', 'shrink'], 3)
    """
    _check(model, space, trials, metric, k)
    own = {name: model.get_params()[name] for name in space}
    start = own if all(contains(space[name], value) for name, value in own.items()) else {}
    done: list[dict[str, Any]] = []
    best: Tuned | None = None
    callbacks = [] if fit_seconds is None else [TimeLimit(fit_seconds)]
    started = time.perf_counter()
    with Progress(trials, f"tuning {type(model).__name__}", "trials", enabled=verbose) as bar:
        while not done or (len(done) < trials and not _is_late(started, seconds)):
            point = next_point(space, start, [(trial["params"], trial["value"]) for trial in done], seed)
            tried = type(model)(**model.get_params() | point)
            trial: dict[str, Any] = {"params": point, "value": None}
            begun = time.perf_counter()
            try:
                tried.fit(train, valid=valid, callbacks=callbacks)
                trial["value"] = tried.evaluate(valid, k=k, metrics=(metric,))[f"{metric}@{k}"]
            except (MemoryError, RuntimeError, ArithmeticError, ValueError) as error:  # the others go on
                trial["error"] = str(error) if isinstance(error, InputError) else repr(error)
                logger.warning("tuning %s: trial %d failed: %r", type(model).__name__, len(done), error)
            done.append(trial | {"seconds": time.perf_counter() - begun})
            if trial["value"] is not None and (best is None or trial["value"] > best.value):
                best = Tuned(tried, point, trial["value"], done)
            bar.advance(1, **({} if best is None else {metric: best.value}))
    if best is None:
        raise InputError("a trial must end well", done[-1]["error"], "Narrow the space.")
    return best


def _is_late(started: float, seconds: float | None) -> bool:
    return seconds is not None and time.perf_counter() - started >= seconds


def _check(model: Recommender, space: Space, trials: int, metric: str, k: int) -> None:
    """Raise ImportError without Optuna, InputError for a wrong call."""
    try:
        import optuna  # noqa: F401
    except ImportError as error:
        raise ImportError('tune needs Optuna: pip install "graphrec_lm[tune]"') from error
    check_number("trials", trials, least=1, integer=True)
    check_number("k", k, least=1, integer=True)
    check_choice("metric", metric, RANKING_METRICS)
    if not space:
        example = 'Write for example {"learning_rate": {"log": [1e-4, 1e-2]}}.'
        raise InputError("`space` must name a parameter", space, example)
    for name, spec in space.items():
        if name not in model.parameter_names():
            required = f"`space` must name parameters of {type(model).__name__}"
            raise InputError(required, repr(name), did_you_mean(name, model.parameter_names()))
        check_range(f"`space` of {name!r}", spec)
