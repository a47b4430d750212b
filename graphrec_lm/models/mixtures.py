"""What the model doesn't know, a new title or a wish, by items that it knows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from graphrec_lm.kernels import topk

Float32 = NDArray[np.float32]
Pattern = tuple[NDArray[np.integer], NDArray[np.integer]]

_POWER = 4  # of the cosine
_WIDTH = 0.2  # of the kernel of cosines
_BLOCK = 64  # items whose neighbours are regressed at a time


def mixtures_of(
    new: Float32, known: Float32, candidates: NDArray[np.int32], nearest: int = 100
) -> sparse.csr_array:
    """W: the nearest titles in proportion to cosine⁴; an item near to none has a row of zeros.

    Parameters
    ----------
    new, known : float32 arrays [n_new, d_LM], [n_items, d_LM]
        Unit rows.
    candidates : int32 array
        The items that may enter: those that somebody touched.
    nearest : int
        How many of them enter.

    Returns
    -------
    float32 csr_array [n_new, n_items]

    Examples
    --------
    >>> mixtures_of(np.array([[1, 0]], np.float32), np.eye(2, dtype=np.float32), np.arange(2)).toarray()
    array([[1., 0.]], dtype=float32)
    """
    codes, cosines = topk(new, known, min(nearest, len(known)), candidates=candidates)
    values = np.where(codes >= 0, np.maximum(cosines, 0), 0) ** _POWER
    values /= np.maximum(values.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return _at(codes, values, len(known))


def predictors_of(
    new: Float32,
    known: Float32,
    candidates: NDArray[np.int32],
    nearest: int = 100,
    *,
    noise: float = 1.0,
    seen: Pattern | None = None,
) -> sparse.csr_array:
    """W: whatever known items have (scores, vectors), regressed on their titles, is W times it for new ones.

    Kernel ridge regression, i.e. the mean of a Gaussian process (kriging), on the nearest titles S alone:

        w = (K_SS + noise · I)⁻¹ k_S,   K = exp((cosine - 1) / 0.2)

    Titles that say the same share their weight, which an average of the nearest counts twice. What is near to
    nothing has small weights: nothing is known of it. Measured in docs/decisions.md (87).

    Parameters
    ----------
    new, known, candidates, nearest
        As for `mixtures_of`.
    noise : float
        Of what is regressed, beside the 1 of equal titles.
    seen : (indptr, indices), optional
        Known items, [n_new, n_items], that must not enter: an item itself.

    Returns
    -------
    float32 csr_array [n_new, n_items]

    References
    ----------
    Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006, eq. 2.23.

    Examples
    --------
    >>> found = predictors_of(np.array([[1, 0]], np.float32), np.eye(2, dtype=np.float32), np.arange(2))
    >>> found.toarray().round(3)
    array([[0.5  , 0.002]], dtype=float32)
    """
    return predictors_by_noise(new, known, candidates, nearest, [noise], seen)[0]


def predictors_by_noise(
    new: Float32,
    known: Float32,
    candidates: NDArray[np.int32],
    nearest: int,
    noises: Sequence[float],
    seen: Pattern | None = None,
) -> list[sparse.csr_array]:
    """`predictors_of` for each noise; the nearest titles and their kernel are the same for all."""
    codes, cosines = topk(new, known, min(nearest, len(known)), seen=seen, candidates=candidates)
    values = np.zeros((len(noises), *cosines.shape), dtype=np.float32)
    regression = _Regression(torch.from_numpy(known), codes.shape[1], noises)
    for start in range(0, len(new), _BLOCK):
        part = slice(start, start + _BLOCK)
        values[:, part] = regression.weights(codes[part], torch.from_numpy(cosines[part]))
    return [_at(codes, found, len(known)) for found in values]


class _Regression:
    """w of each noise for a block of new items, in memory that the blocks share."""

    def __init__(self, known: torch.Tensor, nearest: int, noises: Sequence[float]) -> None:
        self.known, self.rows = known, torch.empty(_BLOCK * nearest, known.shape[1])
        self.noise = torch.tensor(noises, dtype=torch.float32)[:, None, None, None] * torch.eye(nearest)

    def weights(self, codes: NDArray[np.int32], cosines: torch.Tensor) -> Float32:
        """float32 array [noises, items, nearest]; what is no item (code -1) has no weight."""
        places = torch.from_numpy(codes).long()
        is_item = places >= 0
        rows = self.rows[: places.numel()]
        torch.index_select(self.known, 0, places.clamp(min=0).view(-1), out=rows)
        rows = rows.view(*places.shape, -1)
        between, sides = title_kernel(rows @ rows.mT), title_kernel(cosines) * is_item
        if not is_item.all():
            between *= is_item[:, :, None] & is_item[:, None, :]
        factors = torch.linalg.cholesky(between + self.noise)
        sides = sides[:, :, None].expand(len(self.noise), -1, -1, -1)
        found: Float32 = torch.cholesky_solve(sides, factors)[..., 0].numpy()
        return found


def title_kernel(cosines: torch.Tensor) -> torch.Tensor:
    """K above, of the cosines of titles."""
    return ((cosines - 1) / _WIDTH).exp_()


def _at(codes: NDArray[np.int32], values: Float32, n_items: int) -> sparse.csr_array:
    """Values at [row, code], those that are not 0."""
    rows = np.repeat(np.arange(len(codes)), codes.shape[1])
    shape = len(codes), n_items
    found = sparse.csr_array((values.ravel(), (rows, np.maximum(codes, 0).ravel())), shape=shape)
    found.eliminate_zeros()
    found.sort_indices()
    return found.astype(np.float32)
