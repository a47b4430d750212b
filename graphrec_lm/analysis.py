"""Which title properties carry the signal, and may the language model have memorised the catalogue?

>>> import graphrec_lm as gl
>>> train = gl.load_dataset("movielens-small").split("from_column").train
>>> report = gl.analysis.analyse(gl.TextGCN().fit(train), least=20, sample=300)
>>> report.column("value")["CKA"] > report.column("shuffled")["CKA"]
True
"""

from graphrec_lm.evaluation.analyse import analyse
from graphrec_lm.evaluation.carried import carried_popularity
from graphrec_lm.evaluation.compare_spaces import compare_spaces
from graphrec_lm.evaluation.components import whitened, without_components
from graphrec_lm.evaluation.familiarity import YearRecall, by_familiarity, familiarity_strata, year_recall
from graphrec_lm.evaluation.item_spaces import ItemSpaces, item_spaces
from graphrec_lm.evaluation.item_strata import by_item_strata
from graphrec_lm.evaluation.leakage import PERTURBATIONS, perturbation_report
from graphrec_lm.evaluation.periods import by_period
from graphrec_lm.evaluation.perturb import abbreviated, misspelled, respelled
from graphrec_lm.evaluation.plot_spaces import plot_item_spaces, plot_spaces
from graphrec_lm.evaluation.probe import held_out_r2, out_of_fold
from graphrec_lm.evaluation.report import Report
from graphrec_lm.evaluation.spaces import linear_cka, neighbour_overlap, procrustes_error
from graphrec_lm.evaluation.years import release_years, without_year, year_alone

__all__ = [
    "PERTURBATIONS",
    "ItemSpaces",
    "Report",
    "YearRecall",
    "abbreviated",
    "analyse",
    "by_familiarity",
    "by_item_strata",
    "by_period",
    "carried_popularity",
    "compare_spaces",
    "familiarity_strata",
    "held_out_r2",
    "item_spaces",
    "linear_cka",
    "misspelled",
    "neighbour_overlap",
    "out_of_fold",
    "perturbation_report",
    "plot_item_spaces",
    "plot_spaces",
    "procrustes_error",
    "release_years",
    "respelled",
    "whitened",
    "without_components",
    "without_year",
    "year_alone",
    "year_recall",
]
