"""What is made of fitted models: tables that compare them and plots of their training."""

from graphrec_lm.evaluation.comparison import comparison_rows, metric_label
from graphrec_lm.evaluation.plots import plot_training
from graphrec_lm.evaluation.reliability import plot_reliability
from graphrec_lm.evaluation.tables import render_table

__all__ = ["comparison_rows", "metric_label", "plot_reliability", "plot_training", "render_table"]
