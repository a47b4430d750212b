"""The inverse by blocks against numpy's."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
import torch

from graphrec_lm.kernels import spd_inverse

module = importlib.import_module("graphrec_lm.kernels.spd_inverse")


def positive(n: int, dtype: torch.dtype) -> torch.Tensor:
    rows = torch.randn(2 * n, n, generator=torch.Generator().manual_seed(n), dtype=torch.float64)
    return (rows.T @ rows / n + torch.eye(n)).to(dtype)


@pytest.mark.parametrize("n", [1, 7, 8, 9, 16, 45])
@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 1e-5), (torch.float64, 1e-13)])
def test_it_is_the_inverse(monkeypatch, n, dtype, close):
    monkeypatch.setattr(module, "BLOCK", 8)
    matrix = positive(n, dtype)
    expected = np.linalg.inv(matrix.double().numpy())
    found = spd_inverse(matrix)
    assert found is matrix
    np.testing.assert_allclose(found.numpy(), expected, atol=close * np.abs(expected).max())
    np.testing.assert_allclose(found.numpy(), found.numpy().T, atol=close * np.abs(expected).max())


def test_one_block_and_several_agree(monkeypatch):
    matrix = positive(60, torch.float32)
    whole = spd_inverse(matrix.clone())
    monkeypatch.setattr(module, "BLOCK", 7)
    torch.testing.assert_close(spd_inverse(matrix.clone()), whole, rtol=1e-4, atol=1e-6)


def test_several_blocks_of_the_usual_size():
    matrix = positive(2 * module.BLOCK + 100, torch.float32)
    expected = np.linalg.inv(matrix.double().numpy())
    np.testing.assert_allclose(spd_inverse(matrix).numpy(), expected, atol=1e-5 * np.abs(expected).max())


def test_the_upper_triangle_is_not_read(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 4)
    matrix = positive(10, torch.float64)
    half = matrix.tril() + torch.full((10, 10), torch.nan).triu(1)
    torch.testing.assert_close(spd_inverse(half), spd_inverse(matrix))


@pytest.mark.parametrize("place", [0, 9])
def test_what_is_not_positive_definite_is_refused(monkeypatch, place):
    monkeypatch.setattr(module, "BLOCK", 4)
    matrix = positive(10, torch.float64)
    matrix[place, place] = -1.0
    with pytest.raises(torch.linalg.LinAlgError):
        spd_inverse(matrix)


def test_nothing_of_nothing():
    assert spd_inverse(torch.empty(0, 0)).shape == (0, 0)
