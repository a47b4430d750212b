"""From a plan to its entries: one model with one encoder on one dataset, ready to run or not."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from comparing.domains import lacking
from comparing.plan import DataPlan, ModelPlan, Plan
from graphrec_lm.errors import InputError, did_you_mean
from graphrec_lm.evaluation.search_space import contains
from graphrec_lm.models import MODELS


@dataclass(frozen=True)
class Entry:
    """A line of the comparison.

    Attributes
    ----------
    data, name : str
        Of the dataset and of the entry: "AlphaRec [minilm]".
    base : str
        Its key in the plan.
    model : str
        Its class.
    params, space, start : mapping
        Fixed parameters, ranges of the others, and the first trial.
    encoder : str or None
    sources : tuple of str
        Datasets on which it is fitted instead of `data`; see `ModelPlan`.
    seeds : tuple of int
    final_seconds : float
        Training time of a final fit, at most.
    like : str
        The entry whose chosen parameters it takes; "" for a model of its own.
    beside : str
        The entry beside which it is shown, as a control or an ablation; "" for the main table.
    note : str
        What differs, from that one or from what was published.
    published : mapping
        "recall" and "ndcg" of a paper; empty, if there are none.
    skipped : str
        Why it can't run; "" if it can.
    """

    data: str
    name: str
    base: str
    model: str
    params: Mapping[str, Any] = field(default_factory=dict)
    space: Mapping[str, Any] = field(default_factory=dict)
    start: Mapping[str, Any] = field(default_factory=dict)
    encoder: str | None = None
    sources: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    final_seconds: float = 0.0
    like: str = ""
    beside: str = ""
    note: str = ""
    published: Mapping[str, float] = field(default_factory=dict)
    skipped: str = ""

    def key(self, plan: Plan, chosen: Mapping[str, Any] | None = None) -> str:
        """Fingerprint of all that a trial depends on; with `chosen`, of what a final row depends on."""
        data: DataPlan = plan.data[self.data]
        parts: list[Any] = [data.folder, data.split, data.known_users, self.model, self.encoder, plan.k]
        parts += [data.reader] if data.reader != "tables" else []  # so that older rows keep their keys
        for source in (plan.data[name] for name in self.sources):
            parts += [source.folder, source.split, source.known_users, source.reader]
        if chosen is None:
            parts += [self.params, self.space, self.start, data.budget.fit_seconds, plan.seed]
        else:
            parts += [{**self.params, **chosen}, self.final_seconds]
        text = json.dumps(parts, sort_keys=True, default=str)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def entries_of(plan: Plan, root: Path) -> list[Entry]:
    """All entries of a plan in its order, those that can't run among them.

    Raises
    ------
    InputError
        On a parameter that a model lacks, or a first trial outside its space.
    """
    _check_shared(plan)
    made = [entry for data in plan.data for entry in _on(plan, data, root)]
    known = {(entry.data, entry.name): entry for entry in made}
    return made + [entry for data in plan.data for entry in _variants(plan, data, known, root)]


def _on(plan: Plan, data: str, root: Path) -> Iterator[Entry]:
    where: DataPlan = plan.data[data]
    for base in where.models if where.models is not None else plan.models:
        model: ModelPlan = plan.models[base]
        name = model.model or base
        if model.data is not None and data not in model.data:
            continue
        if name not in MODELS:
            yield Entry(data, base, base, name, beside=model.beside, skipped="not in this version")
            continue
        names = MODELS[name].parameter_names()
        fixed = _fixed(where, model, data, names)
        _check_parameters(base, model, fixed, names)
        wanted = where.seeds if model.seeds is None else model.seeds
        seeds = tuple(wanted[:1] if model.deterministic else wanted)
        space = {parameter: where.space.get(parameter, own) for parameter, own in model.space.items()}
        start = _start(base, model, name, space, where.start)
        note = model.note
        if data in model.sources:
            required = f"`models.{base}.sources` must leave out what it is ranked on"
            raise InputError(required, repr(data), "List its targets under `data`.")
        if model.sources:
            note = f"fitted on {', '.join(model.sources)}; adapted, without a fit. {note}".rstrip()
        rest: dict[str, Any] = {"seeds": seeds, "beside": model.beside, "note": note}
        rest["sources"] = tuple(model.sources)
        rest["published"] = model.published[data].model_dump() if data in model.published else {}
        rest["final_seconds"] = model.final_seconds.get(data, where.budget.final_seconds)
        entry = Entry(data, base, base, name, fixed, space, start, **rest)
        if not MODELS[name].uses_text:
            yield entry
            continue
        for encoder in where.encoders if model.encoders is None else model.encoders:
            read = [where, *(plan.data[source] for source in model.sources)]
            absent = next(filter(None, (lacking(root / w.folder, encoder, w.reader) for w in read)), "")
            yield replace(entry, name=f"{base} [{encoder}]", encoder=encoder, skipped=absent)


def _variants(plan: Plan, data: str, known: Mapping[tuple[str, str], Entry], root: Path) -> Iterator[Entry]:
    for name, variant in plan.variants.items():
        if data not in variant.data:
            continue
        base = known.get((data, variant.like)) or known.get((data, variant.like.partition(" [")[0]))
        if base is None:
            valid = [entry for at, entry in known if at == data]
            required = f"`variants.{name}.like` must be an entry on {data}"
            raise InputError(required, repr(variant.like), did_you_mean(variant.like, valid))
        where, encoder = plan.data[data], variant.encoder or base.encoder
        absent = base.skipped or (encoder and lacking(root / where.folder, encoder, where.reader)) or ""
        if base.model in MODELS:
            names = MODELS[base.model].parameter_names()
            for parameter in variant.params:
                _check_parameter(f"variants.{name}.params", base.model, parameter, names)
        yield replace(
            base,
            name=name,
            base=name,
            params={**base.params, **variant.params},
            space={},
            start={},
            encoder=encoder,
            seeds=base.seeds if variant.seeds is None else tuple(variant.seeds),
            like=base.name,
            beside=base.name,
            note=variant.note,
            published={},
            skipped=absent,
        )


def _check_shared(plan: Plan) -> None:
    """Refuse a parameter for all models of a dataset that none of them has."""
    known = {name for model in MODELS.values() for name in model.parameter_names()}
    for data, where in plan.data.items():
        for parameter in where.params:
            _check_parameter(f"data.{data}.params", "any model", parameter, sorted(known))


def _fixed(where: DataPlan, model: ModelPlan, data: str, names: list[str]) -> dict[str, Any]:
    """Fixed parameters: of the dataset, then of the model, then of the model there."""
    shared = {"epochs": where.budget.epochs, "verbose": False} | where.params
    fixed = {name: value for name, value in shared.items() if name in names and name not in model.space}
    return fixed | model.params | model.per_data.get(data, {})


def _check_parameters(base: str, model: ModelPlan, fixed: Mapping[str, Any], names: list[str]) -> None:
    for place, given in (("params", fixed), ("space", model.space), ("start", model.start)):
        for parameter in given:
            _check_parameter(f"models.{base}.{place}", model.model or base, parameter, names)
    both = sorted(set(fixed) & set(model.space))
    if both:
        required = f"a parameter of `models.{base}` must be fixed or tuned"
        raise InputError(required, f"{both} in both", "Drop one.")


def _check_parameter(where: str, model: str, parameter: str, names: list[str]) -> None:
    if parameter in ("encoder", "seed", "device"):
        remedy = "Encoders and seeds have keys of their own."
        raise InputError(f"`{where}` must leave {parameter!r} to the comparison", "it", remedy)
    if parameter not in names:
        required = f"`{where}` must hold parameters of {model}"
        raise InputError(required, repr(parameter), did_you_mean(parameter, names))


def _start(
    base: str, model: ModelPlan, name: str, space: Mapping[str, Any], there: Mapping[str, Any]
) -> dict[str, Any]:
    """The first trial: the plan's `start`, of the dataset first, else the constructor's defaults."""
    defaults, given = inspect.signature(MODELS[name]).parameters, model.start | dict(there)
    start = {parameter: given.get(parameter, defaults[parameter].default) for parameter in space}
    for parameter, value in start.items():
        if not contains(space[parameter], value):
            required = f"the first trial of `models.{base}` must lie in its space"
            remedy = f"Widen `space.{parameter}`, or give `start: {{{parameter}: ...}}`."
            raise InputError(required, f"{parameter} = {value!r}", remedy)
    return start
