"""The inverse of a dense symmetric positive definite matrix, by matrix products."""

from __future__ import annotations

import torch

from graphrec_lm.products import fast_products

BLOCK = 384


@fast_products()
def spd_inverse(matrix: torch.Tensor) -> torch.Tensor:
    """Invert in place, n³ multiplications and additions: a Cholesky factor, then the inverse from its end.

    LAPACK's way (potrf, potri) in blocks, nearly all of it products, which every library does fastest, and
    without a second matrix. With A = L Lᵀ, and the inverse X₂₂ of what lies below and right of a block,

        X₂₁ = -X₂₂ W,   X₁₁ = (L₁₁ L₁₁ᵀ)⁻¹ - Wᵀ X₂₁,   W = L₂₁ L₁₁⁻¹

    Parameters
    ----------
    matrix : float32 or float64 tensor [n, n]
        Overwritten; its upper triangle is not read.

    Returns
    -------
    tensor [n, n]
        `matrix`.

    Raises
    ------
    torch.linalg.LinAlgError
        If it is not positive definite (torch counts the minor it names within a block); what the matrix
        holds then is lost.

    Examples
    --------
    >>> spd_inverse(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    starts = range(0, len(matrix), BLOCK)
    for start in starts:
        own, below = slice(start, start + BLOCK), slice(start + BLOCK, None)
        inverse = _inverse(torch.linalg.cholesky(matrix[own, own]))
        panel = matrix[below, own] @ inverse.T
        for first in range(0, len(panel), BLOCK):
            rest = panel[first:]
            matrix[below, below][first:, first : first + BLOCK].sub_(rest @ rest[:BLOCK].T)
        matrix[own, own], matrix[below, own] = inverse, panel @ inverse
    for start in reversed(starts):
        own, below = slice(start, start + BLOCK), slice(start + BLOCK, None)
        inverse, weights = matrix[own, own], matrix[below, own]
        across = -(matrix[below, below] @ weights)
        matrix[own, own] = inverse.T @ inverse - weights.T @ across
        matrix[below, own], matrix[own, below] = across, across.T
    return matrix


def _inverse(factor: torch.Tensor) -> torch.Tensor:
    """Of a lower triangular matrix."""
    eye = torch.zeros_like(factor).fill_diagonal_(1)
    return torch.linalg.solve_triangular(factor, eye, upper=False)
