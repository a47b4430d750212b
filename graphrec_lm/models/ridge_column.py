"""One column of a ridge without titles, from the interactions, with no inverse at hand."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator, cg

Float32 = NDArray[np.float32]


def interaction_column(
    pattern: csr_array, regularization: float, item: int, regressors: NDArray[Any] | None = None
) -> Float32:
    """Weights that predict one item from others: (G_SS + λI) b_S = G_Sj, by conjugate gradients.

    Parameters
    ----------
    pattern : csr_array [n_users, n_items]
        Ones where there are interactions.
    regularization : float
        λ > 0.
    item : int
        Code j.
    regressors : int array, optional
        Codes S; None is all others, which is EASE's column.

    Returns
    -------
    float32 array [n_items]

    Examples
    --------
    >>> interaction_column(csr_array(np.ones((1, 2))), 1.0, 0)
    array([0. , 0.5], dtype=float32)
    """
    n_items = pattern.shape[1]
    mask = np.zeros(n_items) if regressors is not None else np.ones(n_items)
    mask[slice(None) if regressors is None else regressors] = 1
    mask[item] = 0

    def product(x: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = mask * (pattern.T @ (pattern @ x)) + regularization * x
        return found

    unit = np.zeros(n_items)
    unit[item] = 1
    right = mask * (pattern.T @ (pattern @ unit))
    system = LinearOperator((n_items, n_items), matvec=product, dtype=np.float64)
    found: Float32 = cg(system, right, rtol=1e-7, maxiter=1000)[0].astype(np.float32)
    return found
