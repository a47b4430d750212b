"""What titles say about each other: ridge regression of title vectors on themselves, for many λ at once.

It is EASE with the roles exchanged: a dimension of the LM vectors F [n_items, d_LM] is a user, and C holds
the weights by which titles predict each other, zero on the diagonal. With FᵀF = V diag(e) Vᵀ and Z = F V, the
titles in their principal axes, Woodbury's identity gives

    C_ij = z_i diag(w) z_jᵀ / (1 - h_j),    w = 1 / (e + λ),    h_j = z_j diag(w) z_jᵀ

C is never formed. Z serves every λ, and there w is a diagonal, so that the rounding of large axes cannot
drown small ones.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from graphrec_lm.errors import InputError

Float32 = NDArray[np.float32]

_ROWS = 16384  # that are float64 at a time
_CLOSE = 1e-5  # to 1 is a leverage that float32 cannot tell from it


class TextPrior(NamedTuple):
    """C = left · rightᵀ - diag(diagonal) for one λ: item-to-item weights from titles, zero on the diagonal.

    Attributes
    ----------
    rows : float32 tensor [n_items, d_LM]
        Z, shared by the priors of all λ.
    weights : float32 tensor [d_LM]
        w.
    scale : float32 tensor [n_items]
        1 / (1 - h).
    diagonal : float32 tensor [n_items]
        h / (1 - h).
    """

    rows: torch.Tensor
    weights: torch.Tensor
    scale: torch.Tensor
    diagonal: torch.Tensor

    @classmethod
    def of(cls, titles: Float32, regularization: float) -> TextPrior:
        """The prior of title vectors [n_items, d_LM] for one λ; see `TitleAxes` for several."""
        return TitleAxes.of(titles).prior(regularization)

    @property
    def left(self) -> torch.Tensor:
        """Z diag(w), [n_items, d_LM]."""
        return self.rows * self.weights

    @property
    def right(self) -> torch.Tensor:
        """diag(1 / (1 - h)) Z, [n_items, d_LM]."""
        return self.rows * self.scale[:, None]

    def diagonal_after(self, projected: torch.Tensor, on_diagonal: torch.Tensor) -> torch.Tensor:
        """The diagonal of P C, [n_items], from P Z and the diagonal of P."""
        return (projected * self.rows) @ self.weights * self.scale - on_diagonal * self.diagonal


class TitleAxes(NamedTuple):
    """Title vectors in their principal axes.

    Attributes
    ----------
    rows : float32 tensor [n_items, d_LM]
        Z.
    spread : float64 tensor [d_LM]
        e, ascending.

    Examples
    --------
    >>> axes = TitleAxes.of(np.eye(3, 2, dtype=np.float32))
    >>> axes.prior(1.0).scale
    tensor([2., 2., 1.])
    """

    rows: torch.Tensor
    spread: torch.Tensor

    @classmethod
    def of(cls, titles: Float32) -> TitleAxes:
        """The axes of title vectors [n_items, d_LM]."""
        vectors = torch.from_numpy(titles)
        inner = torch.zeros(vectors.shape[1], vectors.shape[1], dtype=torch.float64)
        for part in vectors.split(_ROWS):
            exact = part.double()
            inner.addmm_(exact.T, exact)
        spread, axes = torch.linalg.eigh(inner)
        rows = torch.empty_like(vectors)
        for part, turned in zip(vectors.split(_ROWS), rows.split(_ROWS), strict=True):
            turned.copy_(part.double() @ axes)
        return cls(rows, spread.clamp_(min=0))

    def prior(self, regularization: float) -> TextPrior:
        """The prior for one λ.

        Raises
        ------
        InputError
            If λ is lost beside the rounding of the title vectors.
        """
        weights = 1 / (self.spread + regularization)
        leverage = torch.cat([part.double().square() @ weights for part in self.rows.split(_ROWS)])
        if not bool((leverage < 1 - _CLOSE).all()):
            required = "`text_regularization` must be large beside the rounding of the title vectors"
            raise InputError(required, regularization, "Raise it.")
        scale = 1 / (1 - leverage)
        return TextPrior(self.rows, weights.float(), scale.float(), (leverage * scale).float())
