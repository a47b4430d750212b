"""Calls of the common interface that no model answers yet; each says what to use instead."""

from __future__ import annotations

from typing import Any

from graphrec_lm.data import Dataset


class NotYet:
    """Base that raises NotImplementedError with a clear word."""

    def add_items(self, frame: Any) -> None:
        """Add items by title alone. Not supported yet."""
        raise NotImplementedError("`add_items` is not supported yet: fit again with the larger item table.")

    def update(self, frame: Any) -> None:
        """Add interactions without a refit. Not supported yet."""
        raise NotImplementedError("`update` is not supported yet: fit again on all interactions.")

    def adapt(self, dataset: Dataset) -> Any:
        """The same weights on a new domain. Not supported yet."""
        raise NotImplementedError("`adapt` is not supported yet: fit on the new domain.")

    def explain(self, user: Any, item: Any, k: int = 5) -> Any:
        """Why an item is recommended. No model has an exact answer yet."""
        raise NotImplementedError(f"{type(self).__name__} has no exact explanation: see similar_items.")
