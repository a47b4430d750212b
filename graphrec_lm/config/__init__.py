"""Typed configuration of a run, read from YAML; whatever is wrong in it is named by its key."""

from graphrec_lm.config.building import build_dataset, build_model, build_split
from graphrec_lm.config.reading import read_config
from graphrec_lm.config.schema import Config

__all__ = ["Config", "build_dataset", "build_model", "build_split", "read_config"]
