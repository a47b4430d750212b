"""Items on a plane, neighbours near each other: t-SNE, or UMAP where it is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphrec_lm.errors import InputError, check_choice, check_number
from graphrec_lm.evaluation.spaces import as_space
from graphrec_lm.kernels import unit_rows

Floats = NDArray[np.float64]

LAYOUTS = ("tsne", "umap")


def plane(space: ArrayLike, *, method: str = "tsne", neighbours: float = 30, seed: int = 0) -> Floats:
    """Lay vectors out on a plane by their cosine neighbours.

    Parameters
    ----------
    space : float array [n, d]
    method : {"tsne", "umap"}
        t-SNE (van der Maaten & Hinton, JMLR 2008) of scikit-learn, started from principal components; or UMAP
        (McInnes et al., 2018), which needs the package umap-learn.
    neighbours : float
        The perplexity, or UMAP's number of neighbours; at most a third of the items is used.
    seed : int

    Returns
    -------
    float64 array [n, 2]
        Centred, the farther of the two axes within -1 and 1. Distances between far groups mean nothing.

    Raises
    ------
    ImportError
        If UMAP is asked for and not installed.
    InputError
        For fewer than 6 items, or an option out of range.

    Examples
    --------
    >>> two = np.repeat([[1.0, 0.0], [0.0, 1.0]], 10, axis=0) + np.random.default_rng(0).random((20, 2)) / 10
    >>> plane(two, neighbours=5).shape
    (20, 2)
    """
    check_choice("method", method, LAYOUTS)
    check_number("neighbours", neighbours, least=2)
    check_number("seed", seed, least=0, integer=True)
    rows = unit_rows(as_space(space).astype(np.float32))
    if len(rows) < 6:
        raise InputError("`space` must hold at least 6 items to lay out", len(rows), "Pass more items.")
    points = np.asarray(_method(method, min(neighbours, len(rows) / 3), seed).fit_transform(rows), np.float64)
    points -= (points.max(axis=0) + points.min(axis=0)) / 2
    return points / np.abs(points).max()


def _method(method: str, neighbours: float, seed: int) -> Any:
    if method == "tsne":
        from sklearn.manifold import TSNE

        return TSNE(perplexity=neighbours, init="pca", random_state=seed)
    try:
        import umap
    except ImportError as error:
        raise ImportError('method="umap" needs UMAP: pip install umap-learn, or use "tsne"') from error
    return umap.UMAP(n_neighbors=max(2, int(neighbours)), random_state=seed)
