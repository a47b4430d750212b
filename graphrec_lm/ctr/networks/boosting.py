"""Calibrated gradient boosting: what deep models have to beat."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from graphrec_lm.ctr.base import Arrays, CTRModel
from graphrec_lm.ctr.features import Features, Rows
from graphrec_lm.ctr.layers import Sizes
from graphrec_lm.ctr.training import RowOptions
from graphrec_lm.errors import InputError, check_number

Floats = NDArray[np.float64]
_FOLDS = 5


class BoostedTrees(CTRModel):
    """scikit-learn's HistGradientBoostingClassifier under CalibratedClassifierCV (Platt's sigmoid).

    Users and items enter by their statistics, lists as 0/1 columns, sentences by their components. With
    `valid` the trees are fitted on the rows and calibrated on `valid`; without it, calibrated by five-fold
    cross-validation. The trees are kept as plain arrays, so that nothing is pickled.

    Parameters
    ----------
    iterations : int
        Trees, at most; they stop early on a tenth of the rows.
    leaves : int
        Of a tree.
    shrinkage : float
        > 0, the learning rate of boosting. Of the other parameters, `dim`, `hidden` and those of the
        training loop have no effect.
    """

    def __init__(
        self, *args: Any, iterations: int = 300, leaves: int = 31, shrinkage: float = 0.05, **common: Any
    ) -> None:
        super().__init__(*args, **common)
        self.iterations, self.leaves, self.shrinkage = iterations, leaves, shrinkage

    def _head(self, sizes: Sizes, generator: torch.Generator) -> nn.Module:
        raise NotImplementedError("BoostedTrees has no network.")

    def _options(self) -> RowOptions:
        check_number("iterations", self.iterations, least=1, integer=True)
        check_number("leaves", self.leaves, least=2, integer=True)
        check_number("shrinkage", self.shrinkage, above=0)
        return super()._options()

    def _learn(
        self, features: Features, rows: Rows, labels: Any, valid: Any, options: RowOptions
    ) -> tuple[Arrays, list[dict[str, float]]]:
        from sklearn.calibration import CalibratedClassifierCV
        from sklearn.ensemble import HistGradientBoostingClassifier

        trees = HistGradientBoostingClassifier(
            max_iter=self.iterations, max_leaf_nodes=self.leaves, learning_rate=self.shrinkage,
            early_stopping=len(labels) >= 1000, random_state=self.seed % 2**32,
        )  # fmt: skip
        if valid is not None and valid[1].min() == valid[1].max():
            valid = None  # rows of one class say nothing about the other
        x, y = _matrix(features, rows), labels
        if not x.shape[1]:
            raise InputError("trees need a column beside the ids", "none", "Name one in `fields`.")
        fewest = int(np.bincount(labels.astype(np.int64), minlength=2).min())
        if valid is None and fewest < _FOLDS:
            remedy = "Pass `valid`, on which it is done otherwise."
            raise InputError(f"calibration needs {_FOLDS} rows of either label", fewest, remedy)
        how: dict[str, Any] = {"cv": _FOLDS, "ensemble": False}
        if valid is not None:
            x, y = np.concatenate([x, _matrix(features, valid[0])]), np.concatenate([y, valid[1]])
            places = np.arange(len(y))
            how = {"cv": [(places[: len(labels)], places[len(labels) :])]}
        fitted = CalibratedClassifierCV(trees, method="sigmoid", **how).fit(x, y).calibrated_classifiers_[0]
        [sigmoid] = fitted.calibrators
        slope = np.array(
            [sigmoid.a_, sigmoid.b_, np.asarray(fitted.estimator._baseline_prediction).ravel()[0]]
        )
        return {**_tree_arrays(fitted.estimator), "calibration": slope}, []

    def _probabilities(self, rows: Rows) -> Floats:
        arrays = self._state.arrays
        a, b, start = arrays["calibration"]
        z = a * (start + _tree_sums(arrays, _matrix(self._state.features, rows))) + b
        return np.asarray(np.exp(-np.logaddexp(0, z)))


def _matrix(features: Features, rows: Rows) -> Floats:
    """Rows as columns of numbers for trees."""
    columns: list[NDArray[Any]] = [rows.dense]
    offset, at = 1, 0
    ids = {coder.name for coder in features.ids.values()}
    for coder in features.columns:
        codes = rows.codes[:, at : at + coder.width] - offset
        if coder.kind == "list":
            columns.append((codes[:, :, None] == np.arange(1, coder.size)).any(axis=1))
        elif coder.name not in ids:
            columns.append(codes)
        at, offset = at + coder.width, offset + coder.size
    columns += [vectors[index] for vectors, index in rows.blocks]
    return np.concatenate(columns, axis=1).astype(np.float64)


def _tree_arrays(trees: Any) -> Arrays:
    """All nodes of all trees, one after the other; `roots` are where each begins."""
    nodes = [predictor.nodes for [predictor] in trees._predictors]
    roots = np.cumsum([0, *(len(n) for n in nodes)])[:-1]
    joined = np.concatenate(nodes)
    shift = np.repeat(roots, [len(n) for n in nodes])
    leaf = joined["is_leaf"].astype(bool)
    own = np.arange(len(joined))
    arrays = {name: np.where(leaf, own, joined[name] + shift).astype(np.int64) for name in ("left", "right")}
    feature = np.where(leaf, 0, joined["feature_idx"]).astype(np.int64)
    threshold = joined["num_threshold"].astype(np.float64)
    return {
        **arrays,
        "roots": roots,
        "feature": feature,
        "threshold": threshold,
        "value": joined["value"].copy(),
    }


def _tree_sums(arrays: Arrays, x: Floats) -> Floats:
    """Sum over the trees of the value of each row's leaf; a leaf is its own child."""
    total, rows = np.zeros(len(x)), np.arange(len(x))
    for root in arrays["roots"]:
        node = np.full(len(x), root)
        while True:
            goes_left = x[rows, arrays["feature"][node]] <= arrays["threshold"][node]
            below = np.where(goes_left, arrays["left"][node], arrays["right"][node])
            if (below == node).all():
                break
            node = below
        total += arrays["value"][node]
    return total
