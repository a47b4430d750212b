"""Why an item is recommended: which items of a history speak for it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.errors import InputError
from graphrec_lm.models import frames
from graphrec_lm.models.fitted import Fitted
from graphrec_lm.models.people import People

Float32 = NDArray[np.float32]


class Explains:
    """Base of models; one whose scores are sums over the history writes `_contributions`."""

    reads_weights: ClassVar[bool]

    @property
    def _state(self) -> Fitted:
        raise NotImplementedError

    def _contributions(self, person: People, target: int) -> Float32:
        """What each item of one person's history adds to the score of the item `target`."""
        raise NotImplementedError(f"{type(self).__name__} has no exact explanation: see similar_items.")

    def _sources(self, history: NDArray[np.int32], target: int, values: Float32) -> dict[str, Float32]:
        """What the contributions of a history to an item are made of; a model with one source has none."""
        return {}

    def explain(self, user: Any = None, item: Any = None, k: int = 5, *, history: Any = None) -> Any:
        """Which items of a history speak for an item, exactly: the score is their sum.

        Models of item-to-item weights and `IALS` can; a `Blend` gives the explanation of its first member
        that counts and can, of that member's score.

        Parameters
        ----------
        user : id, optional
            A fitted user.
        item : id
        k : int
            Items of the history, at most.
        history : list of item ids, or mapping from item id to weight, optional
            Of somebody new, instead of `user`; weights where `recommend` takes them.

        Returns
        -------
        dataframe
            `item_id, title, rank, score`: the largest contributions first, `title` only if the Dataset has
            titles; then what a score is made of, if the model's weights have several sources.

        Raises
        ------
        NotImplementedError
            For a model whose scores are no such sums.
        UnknownIdError, InputError

        Examples
        --------
        >>> import graphrec_lm as gl
        >>> train, valid, test = gl.load_dataset("movielens-small").split("from_column")
        >>> model = gl.EASE().fit(train)
        >>> parts = model.explain(item=1196, history=[1, 260])  # The Empire Strikes Back
        >>> parts["title"].tolist()
        ['Star Wars: Episode IV - A New Hope (1977)', 'Toy Story (1995)']
        """
        dataset = self._state.dataset
        if item is None or (user is None) == (history is None):
            found = f"user={user!r}, item={item!r}, history={history!r}"
            raise InputError("`explain` needs an item, and a user or a history", found, "Pass both.")
        if history is None:
            person = People.by_id(dataset, [user], "raise")
        else:
            person = People.by_history(dataset, [history], "raise", weighted=self.reads_weights)
        target = int(dataset.items.codes([item])[0])
        values = self._contributions(person, target)
        parts = self._sources(person.indices, target, values)
        return frames.explanation(dataset, person.indices, values, k, parts)
