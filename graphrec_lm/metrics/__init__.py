"""Metrics on plain arrays of item codes, one value a user.

`ranking_metrics` measures accuracy, `beyond` what else a list can be: broad, even, novel, diverse.
"""

from __future__ import annotations

from graphrec_lm.metrics.beyond import (
    coverage,
    gini,
    intra_list_diversity,
    mean_popularity,
    novelty,
)
from graphrec_lm.metrics.ranking import RANKING_METRICS, macro_average, ranking_metrics

__all__ = [
    "RANKING_METRICS",
    "coverage",
    "gini",
    "intra_list_diversity",
    "macro_average",
    "mean_popularity",
    "novelty",
    "ranking_metrics",
]
