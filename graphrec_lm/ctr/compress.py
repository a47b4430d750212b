"""Principal components of sentence vectors, fitted on the training rows' sentences alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Compressor:
    """Unit rows, centred and unit again, then the leading components.

    Their mean squared length is 1 on the training sentences.

    Attributes
    ----------
    mean : float32 [d_lm]
    components : float32 [d_lm, dim]
        Scaled; with whitening every column has the same variance. Zero in directions in which the training
        sentences don't differ: what a new sentence has there, nothing was learned about.
    """

    mean: Float32
    components: Float32

    @classmethod
    def fit(cls, vectors: Float32, dim: int | None, whiten: bool) -> Compressor:
        """Fit to distinct sentences' vectors; `dim` None keeps all d_lm directions.

        >>> x = np.eye(4, dtype=np.float32)
        >>> Compressor.fit(x, 2, False)(x).shape
        (4, 2)
        """
        unit = _unit(vectors)
        mean = unit.mean(axis=0)
        centred = _unit(unit - mean)
        size = vectors.shape[1] if dim is None else dim
        if dim is None and not whiten:
            rotation, scale = np.eye(size, dtype=np.float32), np.ones(size)
        else:
            values, rotation = np.linalg.eigh(centred.T.astype(np.float64) @ centred)
            order = np.argsort(-values)[: min(size, len(values))]
            rotation = rotation[:, order]
            rotation *= np.sign(rotation[np.abs(rotation).argmax(axis=0), np.arange(len(order))])
            varies = values[order] > 1e-6 * max(values.max(), 1e-12)
            scale = varies / np.sqrt(np.where(varies, values[order], 1)) if whiten else varies.astype(float)
        components = rotation * scale
        length = np.sqrt(((centred @ components) ** 2).sum(axis=1).mean())
        components = components / length if length > 1e-6 else np.zeros_like(components)
        return cls(mean.astype(np.float32), components.astype(np.float32))

    def __call__(self, vectors: Float32) -> Float32:
        """Return float32 [n, dim]."""
        compressed: Float32 = _unit(_unit(vectors) - self.mean) @ self.components
        return compressed


def _unit(rows: Float32) -> Float32:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
