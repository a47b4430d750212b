"""Tuning with Optuna, on validation alone; a tuning that was interrupted goes on as it would have."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from comparing.domains import Domain
from comparing.fitting import VALID, fit
from graphrec_lm.errors import InputError
from graphrec_lm.evaluation.search_space import Space, next_point

Trial = dict[str, Any]


def suggest(space: Space, start: Mapping[str, Any], trials: Sequence[Trial], seed: int) -> dict[str, Any]:
    """The parameters of the next trial; see `next_point`."""
    done = [(trial["params"], trial["value"] if trial["state"] == "done" else None) for trial in trials]
    return next_point(space, start, done, seed)


def best_trial(trials: Sequence[Trial]) -> Trial | None:
    """The trial of the best validation, the first of equal ones; None if none ended well."""
    done = [trial for trial in trials if trial["state"] == "done"]
    return max(done, key=lambda trial: (trial["value"], -trial["number"]), default=None)


def is_over(trials: Sequence[Trial], count: int, seconds: float) -> bool:
    """Whether the budget of trials or of seconds is used up."""
    return len(trials) >= count or sum(trial["seconds"] for trial in trials) >= seconds


def tune(task: Mapping[str, Any], domain: Domain, emit: Callable[[dict[str, Any]], None]) -> None:
    """Run the trials that are missing; `emit` gets {"begin": params} before and the trial after each."""
    trials = list(task["trials"])
    encoder = None if task["encoder"] is None else domain.encoder(task["encoder"])
    while not is_over(trials, task["count"], task["seconds"]):
        params = suggest(task["space"], task["start"], trials, task["seed"])
        twin = next((trial for trial in trials if trial["params"] == params), None)
        if twin is not None:
            found = {**twin, "number": len(trials), "seconds": 0.0, "same_as": twin["number"]}
        else:
            emit({"begin": params})
            found = {"number": len(trials), "params": params, **_try(task, params, domain, encoder)}
        trials.append(found)
        emit(found)


def _try(task: Mapping[str, Any], params: dict[str, Any], domain: Domain, encoder: Any) -> Trial:
    """Fit with these parameters; a refusal of the library makes a failed trial."""
    started = time.perf_counter()
    given = {**task["params"], **params}
    try:
        made = fit(domain, task["model"], given, encoder, task["seed"], task["fit_seconds"])
    except InputError as error:
        seconds = time.perf_counter() - started
        return {"state": "failed", "value": None, "seconds": seconds, "error": str(error)}
    best = max(made.history, key=lambda record: record[VALID], default={})
    facts = {"epochs": made.epochs, "best_epoch": best.get("epoch"), "limited": made.limited}
    return {"state": "done", "value": made.valid, "seconds": time.perf_counter() - started, **facts}
