"""Search spaces: what a parameter may be.

A range is {log: [1e-4, 1e-2]}, {uniform: [0, 1]}, {int: [1, 4]} or {choices: [64, 128]}.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from graphrec_lm.errors import InputError, did_you_mean

KINDS = ("log", "uniform", "int", "choices")
_EXAMPLE = "Write for example `{log: [1e-4, 1e-2]}`, `{int: [1, 4]}` or `{choices: [64, 128]}`."

Space = Mapping[str, Mapping[str, Any]]


def check_range(where: str, spec: Any) -> None:
    """Raise InputError, naming the place, unless `spec` is one range of one of the KINDS."""
    if not isinstance(spec, Mapping) or len(spec) != 1:
        raise InputError(f"{where} must be a mapping with one key", repr(spec), _EXAMPLE)
    kind, values = next(iter(spec.items()))
    if kind not in KINDS:
        raise InputError(f"{where} must have a kind of range", repr(kind), did_you_mean(kind, KINDS))
    if not isinstance(values, list | tuple) or not values:
        raise InputError(f"{where}.{kind} must be a list", repr(values), _EXAMPLE)
    if kind == "choices":
        if any(isinstance(value, list | tuple | dict) for value in values):
            raise InputError(f"{where}.choices must be single values", values, _EXAMPLE)
        return
    numbers = Integral if kind == "int" else Real
    is_pair = len(values) == 2 and all(
        not isinstance(v, bool) and isinstance(v, numbers) and math.isfinite(v) for v in values
    )
    if not is_pair or not values[0] < values[1] or (kind == "log" and values[0] <= 0):
        noun = "integers" if kind == "int" else "finite numbers"
        above = " above 0" if kind == "log" else ""
        raise InputError(f"{where}.{kind} must be two {noun}{above}, the lower first", values, _EXAMPLE)


def next_point(
    space: Space, start: Mapping[str, Any], done: Sequence[tuple[Mapping[str, Any], float | None]], seed: int
) -> dict[str, Any]:
    """The point to try next: `start` first, then those of a tree-structured Parzen estimator (Optuna's).

    A function of the seed and of what was tried: an interrupted search proposes what it would have proposed.

    Parameters
    ----------
    space : mapping
        A range for each parameter.
    start : mapping
        The first point; empty: it is drawn, too.
    done : sequence of (point, value)
        What was tried; the value is to be large, None where the trial failed.
    seed : int
    """
    import optuna
    from optuna.trial import TrialState, create_trial

    if not done and start:
        return dict(start)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    own = int(np.random.SeedSequence([seed, len(done)]).generate_state(1)[0])  # neighbouring seeds differ
    sampler = optuna.samplers.TPESampler(seed=own, n_startup_trials=max(2, len(space)))
    study = optuna.create_study(direction="maximize", sampler=sampler)
    ranges = distributions(space)
    for point, value in done:
        state = TrialState.FAIL if value is None else TrialState.COMPLETE
        trial = create_trial(state=state, params=dict(point), distributions=ranges, value=value)
        study.add_trial(trial)
    return dict(study.ask(ranges).params)


def contains(spec: Mapping[str, Any], value: Any) -> bool:
    """Whether a value lies in a range.

    >>> contains({"log": [1e-4, 1e-2]}, 1e-3), contains({"choices": [1, None]}, True)
    (True, False)
    """
    kind, values = next(iter(spec.items()))
    if kind == "choices":
        return any(type(choice) is type(value) and choice == value for choice in values)
    numbers = Integral if kind == "int" else Real
    is_number = isinstance(value, numbers) and not isinstance(value, bool)
    return is_number and bool(values[0] <= value <= values[1])


def size_of(space: Space) -> float:
    """How many points there are.

    >>> size_of({"a": {"int": [1, 3]}, "b": {"choices": [True, None]}}), size_of({"a": {"uniform": [0, 1]}})
    (6, inf)
    """
    sizes = {"choices": len, "int": lambda values: int(values[1]) - int(values[0]) + 1}
    return math.prod(
        sizes[kind](values) if kind in sizes else math.inf
        for spec in space.values()
        for kind, values in spec.items()
    )


def distributions(space: Space) -> dict[str, Any]:
    """The space in Optuna's terms."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    made: dict[str, Callable[[Any], Any]] = {
        "log": lambda v: FloatDistribution(float(v[0]), float(v[1]), log=True),
        "uniform": lambda v: FloatDistribution(float(v[0]), float(v[1])),
        "int": lambda v: IntDistribution(int(v[0]), int(v[1])),
        "choices": CategoricalDistribution,
    }
    return {name: made[kind](values) for name, spec in space.items() for kind, values in spec.items()}
