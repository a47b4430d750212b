"""The plan of a comparison, read from YAML and checked before anything runs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field

from graphrec_lm.config.problems import validated
from graphrec_lm.config.schema import Section
from graphrec_lm.config.yaml_file import read_yaml
from graphrec_lm.errors import InputError, did_you_mean
from graphrec_lm.evaluation.search_space import check_range


class Budget(Section):
    """What every model that is tuned gets on a dataset; where none is, the first three don't matter.

    Attributes
    ----------
    trials : int
        At most; the first has the library's defaults, or the plan's `start`.
    seconds : float
        Of wall clock; no trial begins after that.
    fit_seconds, final_seconds : float
        Training time of a trial, and of a final fit; it stops after the epoch that ends beyond it.
    epochs : int
        Of a model that says nothing else.
    kill_seconds : float
        A process that is at one trial or one final row for longer is killed, and the report says so.
    """

    trials: int = Field(default=1, ge=1)
    seconds: float = Field(default=600.0, gt=0)
    fit_seconds: float = Field(default=600.0, gt=0)
    final_seconds: float = Field(gt=0)
    epochs: int = Field(ge=1)
    kill_seconds: float = Field(default=1800.0, gt=0)


class DataPlan(Section):
    """A dataset with its protocol.

    Attributes
    ----------
    folder : str
        Below `--data`.
    reader : str
        Its layout: "tables", or "alpharec" as AlphaRec's authors released theirs; see `domains.py`.
    split : mapping
        `method` of `Dataset.split`, and its options.
    known_users : bool
        Validate and test only on users with training interactions (a split by time leaves others).
    encoders : list of str
        Text models run with each: names of `titles.<name>.f16.npy`, or of `item_info/<name>.npy` for
        "alpharec"; see `domains.py` for more.
    seeds : list of int
        Of the final fits.
    budget : Budget
    params : mapping
        Given to each model that has a parameter of that name and doesn't tune it.
    space : mapping
        Parameter -> range, instead of that of each model that tunes it.
    start : mapping
        Parameter -> value of the first trial of each model that tunes it.
    models : list of str, optional
        Names under `models` of the plan; all, if left out. None of them, `[]`, makes it a source alone.
    note : str
        Shown in the report.
    """

    folder: str
    reader: Literal["tables", "alpharec"] = "tables"
    split: dict[str, Any] = Field(default_factory=lambda: {"method": "from_column"})
    known_users: bool = False
    encoders: list[str] = Field(default_factory=list)
    seeds: list[int] = Field(min_length=1)
    budget: Budget
    params: dict[str, Any] = Field(default_factory=dict)
    space: dict[str, Any] = Field(default_factory=dict)
    start: dict[str, Any] = Field(default_factory=dict)
    models: list[str] | None = None
    note: str = ""


class Published(Section):
    """Figures of a paper, at the plan's k."""

    recall: float = Field(gt=0, le=1)
    ndcg: float = Field(gt=0, le=1)


class ModelPlan(Section):
    """A model with its fixed parameters and its search space.

    Attributes
    ----------
    model : str, optional
        Its class; the plan's key, if left out.
    params : mapping
        Fixed parameters.
    per_data : mapping
        Dataset of the plan -> fixed parameters there.
    space : mapping
        Parameter -> range; without one nothing is tuned.
    start : mapping
        Of the first trial, where the constructor's default is not meant.
    deterministic : bool
        One seed is enough.
    encoders : list of str, optional
        Instead of the dataset's.
    seeds : list of int, optional
        Instead of the dataset's.
    data : list of str, optional
        The only datasets it runs on, of those that have it.
    sources : list of str
        Zero-shot: fitted on these datasets of the plan together, and adapted to the one it is ranked on.
    final_seconds : mapping
        Dataset of the plan -> training time of its final fits, where epochs are dear; else the dataset's.
    beside : str
        An entry beside which it is shown, as an ablation that is tuned for itself.
    note : str
        What differs, for an ablation, or from what was published.
    published : mapping
        Dataset of the plan -> Published: shown beside ours, for each encoder.
    """

    model: str | None = None
    params: dict[str, Any] = Field(default_factory=dict)
    per_data: dict[str, dict[str, Any]] = Field(default_factory=dict)
    space: dict[str, Any] = Field(default_factory=dict)
    start: dict[str, Any] = Field(default_factory=dict)
    deterministic: bool = False
    encoders: list[str] | None = None
    seeds: list[int] | None = Field(default=None, min_length=1)
    data: list[str] | None = None
    sources: list[str] = Field(default_factory=list)
    final_seconds: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    beside: str = ""
    note: str = ""
    published: dict[str, Published] = Field(default_factory=dict)


class VariantPlan(Section):
    """A model as it was tuned, with something changed, as a control: nothing is tuned anew.

    Attributes
    ----------
    like : str
        An entry such as "AlphaRec [minilm]": its parameters, those chosen for it too, are taken over.
    params : mapping
        What is different.
    encoder : str, optional
        Another encoder.
    seeds : list of int, optional
        Instead of those of `like`.
    data : list of str
        On which datasets.
    note : str
    """

    like: str
    params: dict[str, Any] = Field(default_factory=dict)
    encoder: str | None = None
    seeds: list[int] | None = Field(default=None, min_length=1)
    data: list[str] = Field(min_length=1)
    note: str = ""


class Convergence(Section):
    """How convergence is measured: until a share of the best validation of an entry is reached."""

    reference: str
    share: float = Field(default=0.95, gt=0, le=1)


class Plan(Section):
    """The whole plan; sections by name are checked one by one.

    Attributes
    ----------
    seed : int
        Of the tuning.
    k : int
    resamples, level
        Of the bootstrap, and of the tests.
    convergence : Convergence, optional
    data, models, variants : mapping
        DataPlan, ModelPlan and VariantPlan by name.
    remarks : list of str
        What a reader should know of what is not there.
    published_note : str
        Below tables with published figures: whose they are, and how they differ from ours.
    """

    seed: int = Field(default=0, ge=0)
    k: int = Field(default=20, ge=1)
    resamples: int = Field(default=20_000, ge=1)
    level: float = Field(default=0.05, gt=0, lt=1)
    convergence: Convergence | None = None
    data: dict[str, Any] = Field(min_length=1)
    models: dict[str, Any] = Field(min_length=1)
    variants: dict[str, Any] = Field(default_factory=dict)
    remarks: list[str] = Field(default_factory=list)
    published_note: str = ""


def read_plan(path: str | os.PathLike[str]) -> Plan:
    """Return the plan in a YAML file.

    Raises
    ------
    InputError
        On an unknown key, a wrong type, a range that is none or a name that doesn't exist: with the file
        and the dotted key.
    """
    source = os.fspath(path)
    plan = validated(Plan, read_yaml(path), source)
    kinds = {"data": DataPlan, "models": ModelPlan, "variants": VariantPlan}
    sections: dict[str, dict[str, Any]] = {
        key: {name: _section(kind, name, values, source, key) for name, values in getattr(plan, key).items()}
        for key, kind in kinds.items()
    }
    plan = plan.model_copy(update=sections)
    _check_names(plan, source)
    for section, named in (("data", plan.data), ("models", plan.models)):
        for name, part in named.items():
            for parameter, spec in part.space.items():
                check_range(f"{source}: `{section}.{name}.space.{parameter}`", spec)
    return plan


def _section(kind: Any, name: str, values: Any, source: str, key: str) -> Any:
    where = f"`{key}.{name}`"
    if "/" in name:
        raise InputError(f"{source}: a name must have no slash", where, "`--only` reads DATASET/MODEL/SEED.")
    if values is None:
        values = {}
    if not isinstance(values, dict):
        remedy = "Write its keys below it."
        raise InputError(f"{source}: {where} must be a mapping", repr(values), remedy)
    return validated(kind, values, source, f"{key}.{name}")


def _check_names(plan: Plan, source: str) -> None:
    """Refuse names of datasets and models that the plan doesn't have."""

    def check(where: str, names: Iterable[str], valid: Iterable[str]) -> None:
        for name in names:
            if name not in valid:
                required = f"{source}: `{where}` must name something in the plan"
                raise InputError(required, repr(name), did_you_mean(name, list(valid)))

    tuned = sorted({parameter for model in plan.models.values() for parameter in model.space})
    for name, data in plan.data.items():
        check(f"data.{name}.models", data.models or (), plan.models)
        check(f"data.{name}.space", data.space, tuned)
        check(f"data.{name}.start", data.start, tuned)
    for name, model in plan.models.items():
        check(f"models.{name}.per_data", model.per_data, plan.data)
        check(f"models.{name}.data", model.data or (), plan.data)
        check(f"models.{name}.sources", model.sources, plan.data)
        if model.sources and model.space:
            required = f"{source}: a model with `sources` must have no space"
            raise InputError(required, f"`models.{name}`", "Nothing is tuned for another dataset.")
        check(f"models.{name}.final_seconds", model.final_seconds, plan.data)
        check(f"models.{name}.published", model.published, plan.data)
    for name, variant in plan.variants.items():
        check(f"variants.{name}.data", variant.data, plan.data)
        check(f"variants.{name}.like", [variant.like.partition(" [")[0]], plan.models)
