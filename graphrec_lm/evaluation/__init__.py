"""What is made of fitted models: tables that compare them, tests, strata, and plots."""

from graphrec_lm.evaluation.comparison import comparison_rows, metric_label
from graphrec_lm.evaluation.plot_differences import differences_from, plot_differences
from graphrec_lm.evaluation.plot_learning import plot_learning
from graphrec_lm.evaluation.plot_strata import plot_strata
from graphrec_lm.evaluation.plot_tradeoff import plot_tradeoff
from graphrec_lm.evaluation.plots import plot_training
from graphrec_lm.evaluation.reliability import plot_reliability
from graphrec_lm.evaluation.significance import Difference, holm, p_text, paired_bootstrap
from graphrec_lm.evaluation.strata import by_history, by_popularity, popularity_strata
from graphrec_lm.evaluation.tables import render_table
from graphrec_lm.evaluation.tuning import Tuned, tune

__all__ = [
    "Difference",
    "Tuned",
    "by_history",
    "by_popularity",
    "comparison_rows",
    "differences_from",
    "holm",
    "metric_label",
    "p_text",
    "paired_bootstrap",
    "plot_differences",
    "plot_learning",
    "plot_reliability",
    "plot_strata",
    "plot_tradeoff",
    "plot_training",
    "popularity_strata",
    "render_table",
    "tune",
]
