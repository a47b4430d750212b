"""One positive against the rest of a softmax: what several positives of one user need in turn."""

from __future__ import annotations

import numpy as np
from numba import njit

from graphrec_lm.kernels.exponential import exponential


@njit(error_model="numpy")
def against(gap, rest):  # type: ignore[no-untyped-def]
    """Loss and slopes of -log(e^gap / (e^gap + rest)), without overflow or cancellation.

    Parameters
    ----------
    gap : float32
        Logit of the positive, less that of the reference that `rest` is relative to.
    rest : float32
        Σ exp(logit of a negative - the reference), >= 0.

    Returns
    -------
    loss, slope, weight : float32
        Slope by the positive's logit (<= 0), and what a negative's term of `rest` is multiplied with to
        be the slope by that negative's logit.

    Examples
    --------
    >>> loss, slope, weight = against(np.float32(0), np.float32(1))
    >>> round(float(loss), 4), float(slope), float(weight)
    (0.6931, -0.5, 0.5)
    """
    if gap > np.float32(0):
        small = exponential(-gap)
        total = np.float32(1) + rest * small
        return np.log(total), -rest * small / total, small / total
    small = exponential(gap)
    total = rest + small
    return np.log(total) - gap, -rest / total, np.float32(1) / total
