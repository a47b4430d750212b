"""LM vectors of items and of users, the users' gathered when they are needed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec_lm.data import Dataset
from graphrec_lm.errors import InputError, did_you_mean, first_few
from graphrec_lm.graph import BipartiteGraph
from graphrec_lm.kernels import spmm, take_rows
from graphrec_lm.models.text import title_vectors
from graphrec_lm.text import embed

Codes = NDArray[np.int32]
Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class NodeTexts:
    """What the texts say of every node of the graph.

    Attributes
    ----------
    items : float32 array [n_items, d_LM]
        LM vectors of the titles.
    graph : BipartiteGraph
    users : float32 array [n_users, d_LM], optional
        LM vectors of texts about the users. None: the mean title of the history stands for a user; it is
        computed for those asked about, never stored for all.

    Examples
    --------
    >>> graph = BipartiteGraph(np.array([0, 2, 3]), np.array([0, 1, 1]), n_items=2)
    >>> texts = NodeTexts(np.eye(2, dtype=np.float32), graph)
    >>> texts.of_users(np.array([1, 0], dtype=np.int32))
    tensor([[0.0000, 1.0000],
            [0.5000, 0.5000]])
    """

    items: Float32
    graph: BipartiteGraph
    users: Float32 | None = None

    @classmethod
    def encoded(
        cls, dataset: Dataset, graph: BipartiteGraph, encoder: Any, user_texts: str | None
    ) -> tuple[NodeTexts, dict[str, Any]]:
        """Encode the titles, and the column `user_texts` of the user table if it is named.

        Returns
        -------
        NodeTexts
        notes : dict
            What to save: the encoder, and a fingerprint of the users' vectors.

        Raises
        ------
        InputError
            Without titles, without that column, or if a user has no text in it.
        """
        titles, notes = title_vectors(dataset, encoder)
        if user_texts is None:
            return cls(titles, graph), notes
        users = embed(_user_column(dataset, user_texts), encoder)
        digest = hashlib.blake2b(users.tobytes(), digest_size=16).hexdigest()
        return cls(titles, graph, users), notes | {"user_texts_fingerprint": digest}

    def of_items(self, codes: Codes) -> torch.Tensor:
        """Vectors of these items, [n, d_LM]."""
        return torch.from_numpy(self.items[codes])

    def of_users(self, codes: Codes) -> torch.Tensor:
        """Vectors of these users, [n, d_LM]."""
        if self.users is not None:
            return torch.from_numpy(self.users[codes])
        history = take_rows(self.graph.indptr, self.graph.indices, codes)
        return torch.from_numpy(spmm(*history, self.items, row_scale=self.graph.user_scale[codes] ** 2))


def _user_column(dataset: Dataset, name: str) -> list[str]:
    """A column of the user table, one text a user."""
    names = [] if dataset.user_table is None else dataset.user_table.column_names
    if dataset.user_table is None or name not in names:
        found = f"{name!r}, and columns {', '.join(map(repr, names)) or 'none'}"
        remedy = "Give Dataset.from_frame a user table with that column. " + did_you_mean(name, names)
        raise InputError("`user_texts` must name a column of the user table", found, remedy)
    texts = dataset.user_table[name].to_pylist()
    lost = [row for row, text in enumerate(texts) if not isinstance(text, str) or not text.strip()]
    if lost:
        found = f"none for {first_few(dataset.users.ids[lost].tolist(), len(lost))}"
        remedy = "Write one for each, or leave `user_texts` out: then histories stand for users."
        raise InputError(f"{name!r} must hold a text for every user", found, remedy)
    return list(texts)
