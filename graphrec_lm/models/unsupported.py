"""Calls of the common interface that not every model can answer; each says what to use instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphrec_lm.data import Dataset
from graphrec_lm.models.fitted import Fitted
from graphrec_lm.training.callbacks import Callback

_TRANSFERS = "AlphaRec, TextGCNMLP, AlphaFree, TextGCN, WhiteGCN and TitleCosine can"


class Unsupported:
    """Base that raises NotImplementedError with a clear word; a model that can, overrides."""

    def add_items(self, items: Any, *, encoder: Any = None) -> Any:
        """Add items by title alone; see `AddsItems.add_items`."""
        raise self._cannot("take new items", "fit again with them, or use a model of item weights or vectors")

    def adapt(self, dataset: Dataset, *, valid: Any = None, encoder: Any = None) -> Any:
        """The same weights on a new domain; see `Transferable.adapt`."""
        raise self._cannot("carry what it learned to another dataset", f"fit on that one; {_TRANSFERS}")

    def similar_users(self, users: Any, k: int = 10, *, on_unknown: str = "raise") -> Any:
        """Users of similar vectors, where a model has vectors; see `FactorRecommender.similar_users`."""
        raise self._cannot("compare users", "use a model with vectors, such as IALS, LightGCN or AlphaRec")

    def _fit_domains(
        self, datasets: list[Dataset], valid: list[Dataset | None], callbacks: Sequence[Callback]
    ) -> Fitted:
        """Learn from several domains at once."""
        raise self._cannot("fit several datasets at once", "AlphaRec, TextGCNMLP and AlphaFree can")

    def _check_start(self, init: Any) -> None:
        """Raise unless a fit can start from `init`."""
        raise self._cannot("start from another model", "AlphaRec, TextGCNMLP and AlphaFree can")

    def _cannot(self, what: str, instead: str) -> NotImplementedError:
        return NotImplementedError(f"{type(self).__name__} cannot {what}: {instead}.")
