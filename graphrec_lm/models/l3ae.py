"""L3AE: EASE drawn towards what the item titles suggest, in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError, check_number
from graphrec_lm.kernels import unit_rows
from graphrec_lm.models.fitted import Fitted
from graphrec_lm.models.item_item import ItemItemRecommender, stored
from graphrec_lm.models.ridge import inverse_gram, ridge_weights
from graphrec_lm.models.text import title_vectors
from graphrec_lm.models.text_prior import TextPrior
from graphrec_lm.text import DEFAULT_ENCODER
from graphrec_lm.training.callbacks import Callback


class L3AE(ItemItemRecommender):
    """LLM-enhanced linear autoencoder (CIKM 2025, arXiv 2508.13500).

    First EASE on the titles' LM vectors gives item-to-item weights C; then

        min ‖R - R B‖² + λ_X ‖B‖² + λ_E ‖B - C‖²,  diag(B) = 0

    which is ridge regression towards κ C with λ = λ_X + λ_E and κ = λ_E / λ (`models/ridge.py`): one
    factorisation of the Gram matrix serves every split of λ. The solution is the authors'; C, which is a
    matrix of low rank and a diagonal, is never formed here. λ_X may be negative, as in the authors' settings,
    which are the defaults.

    Parameters
    ----------
    interaction_regularization : float
        λ_X.
    text_regularization : float
        λ_F of the titles' own ridge, > 0.
    distillation : float
        λ_E; λ_X + λ_E must be > 0.
    encoder : name, folder, TextEncoder, or list of them
    seed : int
        Unused; for the common signature.

    Examples
    --------
    >>> import graphrec_lm as gl
    >>> train, valid, test = gl.load_dataset("movielens-small").split("from_column")
    >>> L3AE().fit(train).recommend(history=[[1, 260]], k=3)["rank"].tolist()
    [1, 2, 3]
    """

    uses_text = True

    def __init__(
        self,
        interaction_regularization: float = -50.0,
        text_regularization: float = 5.0,
        distillation: float = 150.0,
        encoder: Any = DEFAULT_ENCODER,
        seed: int = 0,
    ) -> None:
        self.interaction_regularization = interaction_regularization
        self.text_regularization, self.distillation = text_regularization, distillation
        self.encoder, self.seed = encoder, seed

    def _fit(self, dataset: Dataset, valid: Dataset | None, callbacks: Sequence[Callback]) -> Fitted:
        check_number("interaction_regularization", self.interaction_regularization)
        check_number("text_regularization", self.text_regularization, above=0)
        check_number("distillation", self.distillation)
        total = self.interaction_regularization + self.distillation
        if not total > 0:
            required = "`interaction_regularization` + `distillation` must be > 0"
            raise InputError(required, total, "Raise one of them.")
        titles, notes = title_vectors(dataset, self._own_encoder())
        prior = TextPrior.of(unit_rows(titles), self.text_regularization)
        weights = ridge_weights(inverse_gram(dataset, total), prior, self.distillation)
        kept = stored(weights) | {"titles": titles.astype(np.float16)}
        return Fitted.of(dataset, valid, kept, notes=notes)
