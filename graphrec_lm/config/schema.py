"""The keys of a configuration, their types and their defaults."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

FileFormat = Literal["csv", "tsv", "parquet", "movielens", "recbole", "lightgcn", "amazon", "alpharec"]
FILE_FORMATS: tuple[str, ...] = get_args(FileFormat)
Length = Annotated[int, Field(ge=1)]
METRICS = Literal["recall", "precision", "ndcg", "hit_rate", "mrr", "map"]


class Section(BaseModel):
    """Base of the sections: no unknown keys, no silent conversions, no changes."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class DataConfig(Section):
    """Where the data comes from: a named dataset, or files.

    Attributes
    ----------
    dataset : str, optional
        A name of `list_datasets()`, such as "movielens-small".
    root : str, optional
        Folder of the named dataset.
    download : bool
        Download the named dataset to `root` if it is not there.
    interactions : str, optional
        File (or folder) of the interactions, instead of `dataset`.
    items, users : str, optional
        Files of the item and the user table.
    format : str, optional
        How the files are written; default: by the ending of `interactions`.
    columns : mapping, optional
        Your column names -> the library's.
    positive : str, optional
        Which rows are edges, e.g. "rating >= 4".
    only_touched_items : bool
        Drop items without a positive interaction.
    """

    dataset: str | None = None
    root: str | None = None
    download: bool = False
    interactions: str | None = None
    items: str | None = None
    users: str | None = None
    format: FileFormat | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    positive: str | None = None
    only_touched_items: bool = False


class NamedConfig(BaseModel):
    """A section whose further keys are the parameters of what `key` names."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    @property
    def options(self) -> dict[str, Any]:
        """The further keys."""
        return dict(self.__pydantic_extra__ or {})


class SplitConfig(NamedConfig):
    """`method` of `Dataset.split`; its options are the further keys."""

    method: str = "random"


class ModelConfig(NamedConfig):
    """`name` of the model; the parameters of its constructor are the further keys."""

    name: str

    @property
    def members(self) -> list[dict[str, Any]]:
        """Of a blend, each with its `name`."""
        given = self.options.get("members") or []
        return [{"name": member} if isinstance(member, str) else member for member in given]


class FitConfig(Section):
    """How to fit.

    Attributes
    ----------
    checkpoint : str, optional
        A `*.safetensors` file: an interrupted fit goes on from it.
    checkpoint_every : int
        Epochs between two checkpoints.
    """

    checkpoint: str | None = None
    checkpoint_every: int = Field(default=1, ge=1)


class EvaluateConfig(Section):
    """The length of the ranked lists, or several, and the metrics on them."""

    k: Length | Annotated[list[Length], Field(min_length=1)] = 20
    metrics: list[METRICS] = Field(default=["recall", "ndcg", "hit_rate"], min_length=1)


class Config(Section):
    """A whole run; paths are relative to the folder that it is started in.

    Examples
    --------
    >>> Config(data={"dataset": "movielens-small"}, model={"name": "Popularity"}, output="m").evaluate.k
    20
    """

    data: DataConfig
    split: SplitConfig = Field(default_factory=SplitConfig)
    model: ModelConfig
    fit: FitConfig = Field(default_factory=FitConfig)
    evaluate: EvaluateConfig = Field(default_factory=EvaluateConfig)
    output: str
