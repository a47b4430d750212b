"""The base of click and rating models: columns in, probabilities out, in scikit-learn's manner."""

from __future__ import annotations

import inspect
import logging
import os
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import nn

from graphrec_lm.ctr.coding import label_of
from graphrec_lm.ctr.features import Features, Rows
from graphrec_lm.ctr.fields import Fields
from graphrec_lm.ctr.fitted import Arrays, CTREvaluation, FittedCTR
from graphrec_lm.ctr.graph_features import GraphFeatures
from graphrec_lm.ctr.layers import Front, Sizes
from graphrec_lm.ctr.text_features import TextFeatures
from graphrec_lm.ctr.training import ClickNetwork, RowOptions, RowTensors, predict_rows, train_rows
from graphrec_lm.data import Dataset
from graphrec_lm.data.frames import to_arrow
from graphrec_lm.errors import InputError, NotFittedError, check_choice, check_number
from graphrec_lm.metrics import probability_metrics
from graphrec_lm.models.base import Parameters
from graphrec_lm.training import EpochRecord

logger = logging.getLogger("graphrec_lm")

_ONE_CLASS = (
    "%s: all labels of `valid` are %d: such rows can neither say when to stop nor calibrate. Hold out rows "
    'of both classes; the split "random" of a Dataset leaves what is not positive in train.'
)


class CTRModel(Parameters):
    """Base of click and rating models; a model writes `_head`, what it makes of the field vectors.

    Parameters
    ----------
    fields : Fields
        The columns; see `Fields`.
    text : TextFeatures, optional
        Language-model features; None: the raw features alone.
    graph : GraphFeatures, optional
        Behaviour representations of a fitted graph model.
    raw : bool
        False leaves the fields out: language-model (and graph) features alone, and what is learned about ids
        unless `statistics` and `TextFeatures.tastes` are False, too.
    statistics : bool
        Add shrunken mean labels of users and items, out of fold for the training rows.
    label : str
        Column of the label.
    label_threshold : float, optional
        Rows with at least so much are positive; None: the label is 0 or 1 already.
    dim : int
        Of an embedding.
    hidden : sequence of int
        Widths of the deep part.
    dropout : float
        In [0, 1), of the deep part.
    l2, epochs, batch_size, learning_rate, evaluations, patience
        See `graphrec_lm.ctr.training.RowOptions`. Without `valid` all epochs are trained.
    seed : int
        Makes a fit repeatable on one machine.
    device : {"auto", "cpu"}
    verbose : bool
        Show progress.

    Notes
    -----
    scikit-learn's conventions: the constructor stores, `fit` returns self, `predict_proba` is [n, 2].
    """

    def __init__(
        self,
        fields: Fields | None = None,
        text: TextFeatures | None = None,
        graph: GraphFeatures | None = None,
        raw: bool = True,
        statistics: bool = True,
        label: str = "label",
        label_threshold: float | None = None,
        dim: int = 16,
        hidden: Sequence[int] = (64, 64),
        dropout: float = 0.4,
        l2: float = 0.01,
        epochs: int = 20,
        batch_size: int = 1024,
        learning_rate: float = 2e-3,
        evaluations: int = 4,
        patience: int = 6,
        seed: int = 0,
        device: str = "auto",
        verbose: bool = True,
    ) -> None:
        self.fields, self.text, self.graph = fields, text, graph
        self.raw, self.statistics = raw, statistics
        self.label, self.label_threshold = label, label_threshold
        self.dim, self.hidden, self.dropout, self.l2 = dim, hidden, dropout, l2
        self.epochs, self.batch_size, self.learning_rate = epochs, batch_size, learning_rate
        self.evaluations, self.patience = evaluations, patience
        self.seed, self.device, self.verbose = seed, device, verbose
        self._fitted: FittedCTR | None = None
        self._network: ClickNetwork | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Show all parameters of a model that adds some: `def __init__(self, *, heads=2, **common)`."""
        super().__init_subclass__(**kwargs)
        common = list(inspect.signature(CTRModel.__init__).parameters.values())[1:]
        own = [p for p in inspect.signature(cls.__init__).parameters.values() if p.kind is p.KEYWORD_ONLY]
        cls.__signature__ = inspect.Signature([*common, *own])  # type: ignore[attr-defined]

    @abstractmethod
    def _head(self, sizes: Sizes, generator: torch.Generator) -> nn.Module:
        """`Inputs` to logits [B], with initial weights from `generator`."""

    def fit(self, rows: Any, y: Any = None, *, valid: Any = None) -> Self:
        """Fit to rows; a second fit starts afresh, a failed one leaves the model as it was.

        Parameters
        ----------
        rows : dataframe
            A row an event, with the columns of the fields and the label.
        y : array [n] of 0 and 1, optional
            The labels, instead of the column; `label_threshold` is the column's and does not apply.
        valid : dataframe, or (dataframe, array of 0 and 1), optional
            Held-out rows, and their labels if they are no column; their LogLoss selects when to stop, nothing
            else.

        Raises
        ------
        InputError
            For a bad parameter, a column that is missing or of a wrong type, NaN in a number, a label of
            one class, or one that is among the features.
        """
        options = self._options()
        table = as_table(rows, "rows")
        labels = self._labels(table, y)
        _check_classes(labels, "rows")
        held_rows, held_y = valid if isinstance(valid, tuple) and len(valid) == 2 else (valid, None)
        held = None if held_rows is None else as_table(held_rows, "valid")
        held_labels = None if held is None else self._labels(held, held_y)
        features, own = Features.fit(
            table, labels, self._checked_fields(), raw=self.raw, text=self.text, graph=self.graph,
            statistics=self.statistics, seed=self.seed, label=self.label if y is None else None,
        )  # fmt: skip
        pair = None if held is None or held_labels is None else (features.transform(held), held_labels)
        if held_labels is not None and held_labels.min() == held_labels.max():
            logger.warning(_ONE_CLASS, type(self).__name__, held_labels[0])
        logger.info("%s: positive is %s, %.1f %% of %d rows", *self._facts(labels))
        arrays, history = self._learn(features, own, labels, pair, options)
        features.unseen = {}
        self._fitted = FittedCTR(features, arrays, self._rule, history, self.get_params())
        self._network = None
        return self

    def _learn(
        self, features: Features, rows: Rows, labels: Any, valid: Any, options: RowOptions
    ) -> tuple[Arrays, list[EpochRecord]]:
        if self.epochs > 1 and valid is None:
            logger.warning("%s: without `valid` all %d epochs are trained", type(self).__name__, self.epochs)
        network = self._new_network(features)
        network.front.silence(np.bincount(rows.codes.ravel(), minlength=len(network.front.table)) == 0)
        name = type(self).__name__
        history = train_rows(network, rows, labels, options, valid=valid, label=name, verbose=self.verbose)
        return {name: weight.numpy() for name, weight in network.state_dict().items()}, history

    def _new_network(self, features: Features) -> ClickNetwork:
        generator = torch.Generator().manual_seed(int(self.seed))
        front = Front(features.layout(self.text.projection if self.text else None), self.dim, generator)
        return ClickNetwork(front, self._head(front.sizes, generator), generator)

    def _probabilities(self, rows: Rows) -> NDArray[np.float64]:
        network = self._network
        if network is None:
            network = self._as_fitted()._new_network(self._state.features).eval()
            weights = {name: torch.from_numpy(np.array(a)) for name, a in self._state.arrays.items()}
            network.load_state_dict(weights)
            self._network = network  # whole: another thread may predict at the same time
        return predict_rows(network, RowTensors(rows))

    def predict_proba(self, rows: Any) -> NDArray[np.float64]:
        """Probabilities of the classes 0 and 1, float64 [n, 2]; `unseen_` counts unknown values.

        Raises
        ------
        NotFittedError, InputError
        """
        features = self._state.features
        positive = self._probabilities(features.transform(as_table(rows, "rows")))
        return np.stack([1 - positive, positive], axis=1)

    def predict(self, rows: Any) -> NDArray[np.int64]:
        """The class of each row, int64 [n]: 1 where its probability is at least a half."""
        return (self.predict_proba(rows)[:, 1] >= 0.5).astype(np.int64)

    def score(self, rows: Any, y: Any = None) -> float:
        """The share of rows whose class is right, as of scikit-learn's classifiers; see `evaluate`."""
        labels = self._as_fitted()._labels(as_table(rows, "rows"), y)
        return float((self.predict(rows) == labels).mean())

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn's tools ask of a classifier."""
        from sklearn.utils import ClassifierTags, Tags, TargetTags

        two = ClassifierTags(multi_class=False)
        return Tags("classifier", TargetTags(required=False), classifier_tags=two)

    def __sklearn_is_fitted__(self) -> bool:
        """What a Pipeline and `check_is_fitted` ask."""
        return self._fitted is not None

    def evaluate(self, test: Any, y: Any = None) -> CTREvaluation:
        """LogLoss, AUC, GAUC (AUC within users), Brier and expected calibration error on held-out rows."""
        table = as_table(test, "test")
        labels, fields = self._as_fitted()._labels(table, y), self._state.features.fields
        _check_classes(labels, "test")
        probabilities = self.predict_proba(table)[:, 1]
        users = None if fields.user_id is None else table[fields.user_id].to_numpy()
        groups = None if fields.user_id is None else _groups(table[fields.user_id])
        figures = probability_metrics(labels, probabilities, groups)
        return CTREvaluation(figures, self._state.rule, labels, probabilities, users)

    @property
    def classes_(self) -> NDArray[np.int64]:
        """The classes in the order of `predict_proba`."""
        return np.array([0, 1])

    @property
    def history_(self) -> list[EpochRecord]:
        """One record a validation."""
        return self._state.history

    @property
    def unseen_(self) -> dict[str, int]:
        """Column -> values of the rows last predicted that the training rows never had."""
        return dict(self._state.features.unseen)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save to a folder of JSON and safetensors; an older model there is replaced whole."""
        from graphrec_lm.ctr.persistence import save

        save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, encoder: Any = None) -> Self:
        """Load a saved model of this class; `encoder` if its name is not enough to rebuild the fitted one.

        Raises
        ------
        InputError
            If the folder is damaged, from a newer version, or holds another class.
        """
        from graphrec_lm.ctr.persistence import load

        model = load(path, encoder=encoder, of=cls)
        if not isinstance(model, cls):
            remedy = f"Use {type(model).__name__}.load or graphrec_lm.ctr.load."
            raise InputError(f"{path} must hold a saved {cls.__name__}", f"a {type(model).__name__}", remedy)
        return model

    @property
    def _state(self) -> FittedCTR:
        if self._fitted is None:
            name = type(self).__name__
            raise NotFittedError(f"this {name} must be fitted first, got a new one. Call fit(rows).")
        return self._fitted

    def _as_fitted(self) -> Self:
        """A new model with the parameters of the fit, whatever was set since."""
        return type(self)(**self._state.params)

    @property
    def _rule(self) -> str:
        threshold = "= 1" if self.label_threshold is None else f">= {self.label_threshold:g}"
        return f"{self.label} {threshold}"

    def _facts(self, labels: NDArray[np.float32]) -> tuple[str, str, float, int]:
        return type(self).__name__, self._rule, 100 * float(labels.mean()), len(labels)

    def _options(self) -> RowOptions:
        check_choice("device", self.device, ("auto", "cpu"))
        check_number("dim", self.dim, least=1, integer=True)
        check_number("dropout", self.dropout, least=0, most=0.99)
        if not isinstance(self.hidden, Iterable):
            raise InputError("`hidden` must be widths of layers", repr(self.hidden), "Pass e.g. (64, 64).")
        for width in self.hidden:
            check_number("hidden", width, least=1, integer=True)
        for name, kind in (("text", TextFeatures), ("graph", GraphFeatures)):
            given = getattr(self, name)
            if given is not None and not isinstance(given, kind):
                remedy = f"Pass {name}={kind.__name__}(...)."
                raise InputError(f"`{name}` must be {kind.__name__}", type(given).__name__, remedy)
        if self.label_threshold is not None:
            check_number("label_threshold", self.label_threshold)
        return RowOptions(self.epochs, self.batch_size, self.learning_rate, self.l2, self.evaluations,
                          self.patience, int(self.seed))  # fmt: skip

    def _checked_fields(self) -> Fields:
        if not isinstance(self.fields, Fields):
            remedy = "Pass Fields(user=[...], item=[...], context=[...])."
            raise InputError("`fields` must be Fields", type(self.fields).__name__, remedy)
        return self.fields

    def _labels(self, table: pa.Table, y: Any) -> NDArray[np.float32]:
        if y is None:
            return label_of(table, self.label, self.label_threshold)
        given = np.asarray(y)
        if given.shape not in ((table.num_rows,), (table.num_rows, 1)):
            required = f"`y` must have one label a row ({table.num_rows})"
            raise InputError(required, f"shape {given.shape}", "Align it.")
        return label_of(pa.table({"y": pa.array(given.ravel())}), "y", None)


def as_table(rows: Any, what: str) -> pa.Table:
    """Rows as an Arrow table; not empty."""
    if isinstance(rows, Dataset):
        remedy = "Pass graphrec_lm.ctr.rows_of(dataset)."
        raise InputError(f"`{what}` must be a dataframe of rows", "a Dataset", remedy)
    table = to_arrow(rows, what)[0]
    if not table.num_rows:
        raise InputError(f"`{what}` must hold rows", "none", "Pass at least one row.")
    return table


def _groups(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """A number for each user; rows without one are one group."""
    users = column.combine_chunks()
    codes = users if pa.types.is_dictionary(users.type) else users.dictionary_encode()
    return np.asarray(codes.indices.cast(pa.int64()).fill_null(-1))


def _check_classes(labels: NDArray[np.float32], what: str) -> None:
    if labels.min() == labels.max():
        found = f"{int(labels[0])} in all {len(labels)} rows"
        remedy = "Check `label` and `label_threshold`."
        raise InputError(f"the labels of `{what}` must be of both classes", found, remedy)
