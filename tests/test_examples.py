"""The example configuration is a valid one."""

from __future__ import annotations

from pathlib import Path

from graphrec_lm.config import read_config

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_the_configuration_describes_a_model() -> None:
    config = read_config(EXAMPLES / "fit.yaml")
    assert config.model.name == "TextRidge"
    assert config.data.dataset == "movielens-small"
