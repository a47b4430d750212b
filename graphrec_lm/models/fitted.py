"""What a fit leaves behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.data import Dataset
from graphrec_lm.text import TfidfEncoder
from graphrec_lm.training.callbacks import EpochRecord

Arrays = dict[str, NDArray[Any]]
Pattern = tuple[NDArray[np.int64], NDArray[np.int32]]


@dataclass(frozen=True)
class Fitted:
    """What a fit leaves behind; replaced as a whole, so that a failed fit changes nothing.

    Attributes
    ----------
    dataset : Dataset
        What was fitted: ids, titles, histories.
    valid : (indptr, indices)
        Validation items of the users, hidden by `evaluate`.
    arrays : dict of arrays
        What the model learned; all of it is saved.
    history : list of dict
        One record a training epoch.
    params : dict
        The model's parameters at the time of the fit.
    notes : dict
        Further facts to save, e.g. the encoder's fingerprint.
    encoders : tuple of TfidfEncoder
        Those that learned from the texts of this fit; saved, since a name does not make them again.
    """

    dataset: Dataset
    valid: Pattern
    arrays: Arrays
    history: list[EpochRecord] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    encoders: tuple[TfidfEncoder, ...] = ()

    def grown(self, dataset: Dataset, arrays: Arrays) -> Fitted:
        """The same fit on a Dataset with more interactions, and users; validation stays."""
        indptr, indices = self.valid
        new = np.full(dataset.n_users - self.dataset.n_users, indptr[-1])
        return replace(self, dataset=dataset, valid=(np.concatenate([indptr, new]), indices), arrays=arrays)

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        valid: Dataset | None,
        arrays: Arrays,
        *,
        history: Sequence[EpochRecord] = (),
        notes: dict[str, Any] | None = None,
    ) -> Fitted:
        """A fit's result, given the validation part as a Dataset."""
        nothing = np.zeros(dataset.n_users + 1, dtype=np.int64), np.zeros(0, dtype=np.int32)
        pattern = nothing if valid is None else (valid.indptr, valid.indices)
        return cls(dataset, pattern, arrays, list(history), notes or {})
