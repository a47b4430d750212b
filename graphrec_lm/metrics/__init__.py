"""Metrics on plain arrays.

`ranking_metrics` measures the accuracy of lists, a value a user; `beyond` what else a list can be: broad,
even, novel, diverse; `probability` how good predicted probabilities are.
"""

from __future__ import annotations

from graphrec_lm.metrics.beyond import (
    coverage,
    gini,
    intra_list_diversity,
    mean_popularity,
    novelty,
)
from graphrec_lm.metrics.probability import (
    PROBABILITY_METRICS,
    Reliability,
    auc,
    brier,
    ece,
    gauc,
    log_loss,
    probability_metrics,
    reliability,
    row_log_loss,
)
from graphrec_lm.metrics.ranking import RANKING_METRICS, macro_average, ranking_metrics

__all__ = [
    "PROBABILITY_METRICS",
    "RANKING_METRICS",
    "Reliability",
    "auc",
    "brier",
    "coverage",
    "ece",
    "gauc",
    "gini",
    "intra_list_diversity",
    "log_loss",
    "macro_average",
    "mean_popularity",
    "novelty",
    "probability_metrics",
    "ranking_metrics",
    "reliability",
    "row_log_loss",
]
