"""Lists of people of whom nothing is known: the most popular items first."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphrec_lm.kernels import take_rows, topk_blocks
from graphrec_lm.models.hidden import Shown
from graphrec_lm.models.reranking import top_of

Codes = NDArray[np.int32]
Float32 = NDArray[np.float32]


def most_popular(popularity: Float32, people: Codes, shown: Shown, k: int) -> Codes:
    """The k most popular items that each may be shown, equally popular ones in the order of the item table.

    Parameters
    ----------
    popularity : float32 array [n_items]
    people : int array [n]
        Their rows in `shown`.
    shown : Shown
    k : int

    Returns
    -------
    int32 array [n, k]
        -1 where there are fewer.
    """
    n_items, hidden = len(popularity), take_rows(*shown.hidden, people)

    def score(start: int, stop: int) -> Any:
        return np.broadcast_to(popularity, (stop - start, n_items))

    if shown.own is not None:
        return top_of(score, take_rows(*shown.own, people), n_items, k, hidden)[0]
    found: Codes = topk_blocks(score, len(people), n_items, k, seen=hidden, candidates=shown.allowed)[0]
    return found
