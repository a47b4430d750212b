"""spmm, gram and the operations on patterns, in torch on each device, equal dense algebra and numba's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphrec_lm import kernels
from graphrec_lm.errors import InputError
from graphrec_lm.kernels import on_device, reference
from graphrec_lm.kernels.on_device import segments
from tests.support import EVERY_DEVICE, WIDTHS, normal, patterns, random_csr, tensors

CLOSE = {"rtol": 1e-5, "atol": 1e-5}
PIECES = st.sampled_from((1, 2, 5, 1024))


def back(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()


@EVERY_DEVICE
@given(
    pattern=patterns(), dim=st.sampled_from(WIDTHS), rows=st.booleans(), columns=st.booleans(), piece=PIECES
)
def test_spmm_equals_dense_algebra(device, pattern, dim, rows, columns, piece):
    x = normal((pattern.n_columns, dim))
    scales = np.ones(pattern.n_rows, np.float32), np.ones(pattern.n_columns, np.float32)
    scales = (
        normal(scales[0].shape, 1) if rows else scales[0],
        normal(scales[1].shape, 2) if columns else scales[1],
    )
    moved = tensors((*pattern[:2], x, *scales), device)
    given = {"row_scale": moved[3] if rows else None, "col_scale": moved[4] if columns else None}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "_PIECE", piece)
        found = kernels.spmm(*moved[:3], **given)
    assert found.dtype == torch.float32 and found.device.type == device
    np.testing.assert_allclose(back(found), reference.spmm(*pattern[:2], x, *scales), **CLOSE)


@EVERY_DEVICE
@given(pattern=patterns(), factor=st.sampled_from((1.0, 0.25)))
def test_spmm_adds_and_multiplies_into_out(device, pattern, factor):
    x, add = normal((pattern.n_columns, 5)), normal((pattern.n_rows, 5), 1)
    indptr, indices, table, more = tensors((*pattern[:2], x, add), device)
    out = torch.full_like(more, torch.nan)
    assert kernels.spmm(indptr, indices, table, add=more, factor=factor, out=out) is out
    np.testing.assert_allclose(back(out), factor * (add + pattern.dense @ x), **CLOSE)


@EVERY_DEVICE
@given(pattern=patterns(), start=st.integers(0, 12), stop=st.integers(0, 12))
def test_a_slice_of_indptr_picks_its_rows(device, pattern, start, stop):
    start, stop = sorted((min(start, pattern.n_rows), min(stop, pattern.n_rows)))
    x = normal((pattern.n_columns, 3))
    indptr, indices, table = tensors((*pattern[:2], x), device)
    found = kernels.spmm(indptr[start : stop + 1], indices, table)
    np.testing.assert_allclose(back(found), pattern.dense[start:stop] @ x, **CLOSE)


@EVERY_DEVICE
def test_bfloat16_storage_is_summed_in_float32(device):
    pattern = random_csr(30, 20, 0.5, seed=0)
    indptr, indices, x = tensors((*pattern[:2], normal((20, 6))), device)
    found = kernels.spmm(indptr, indices, x.bfloat16())
    assert torch.equal(found, kernels.spmm(indptr, indices, x.bfloat16().float()))


@EVERY_DEVICE
@given(pattern=patterns(), seed=st.integers(0, 99))
def test_the_gradient_of_a_product_is_autograds(device, pattern, seed):
    scales = normal((pattern.n_rows,), 1), normal((pattern.n_columns,), 2)
    x, upstream = normal((pattern.n_columns, 7), seed), normal((pattern.n_rows, 7), seed + 1)
    indptr, indices, table, slopes, *factors = tensors((*pattern[:2], x, upstream, *scales), device)
    transposed = kernels.transpose(indptr, indices, pattern.n_columns)
    found = on_device.multiply(
        (indptr, indices), transposed, table.requires_grad_(), row_scale=factors[0], col_scale=factors[1]
    )
    found.backward(slopes)
    matrix = scales[0][:, None] * pattern.dense * scales[1]
    np.testing.assert_allclose(back(found), matrix @ x, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(back(table.grad), matrix.T @ upstream, rtol=1e-4, atol=1e-5)


@EVERY_DEVICE
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x": torch.ones(1, 2).double()}, r"`x` must be a float32 matrix, got float64 \[1, 2\]"),
        ({"row_scale": torch.ones(2)}, r"`row_scale` must be float32 \[1\], got float32 \[2\]"),
        ({"col_scale": torch.ones(2)}, "`col_scale` must be float32"),
        ({"add": torch.ones(1, 3)}, "`add` must be float32"),
        ({"out": torch.ones(1, 2).double()}, "`out` must be float32"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(device, changed, message):
    one = {"indptr": torch.tensor([0, 1]), "indices": torch.tensor([0]), "x": torch.ones(1, 2)} | changed
    with pytest.raises(InputError, match=message):
        kernels.spmm(**{name: tensor.to(device) for name, tensor in one.items()})


@EVERY_DEVICE
@given(pattern=patterns(), weighted=st.booleans(), columns=st.sampled_from((1, 3, 99)))
def test_gram(device, pattern, weighted, columns):
    weight = np.abs(normal((pattern.n_rows,), 3)) if weighted else None
    indptr, indices, moved = tensors((*pattern[:2], weight), device)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(on_device.gram.__globals__, "_BYTES", 4 * pattern.n_rows * columns)
        found = kernels.gram(indptr, indices, pattern.n_columns, row_weight=moved)
        kept = kernels.gram(indptr, indices, pattern.n_columns, row_weight=moved, least=1.0)
    expected = reference.gram(pattern.dense, weight)
    np.testing.assert_allclose(back(found), expected, rtol=1e-5, atol=1e-6)
    assert weighted or (back(found) == expected).all()
    passes = (back(found) >= 1) & (back(found) > 0)
    np.testing.assert_array_equal(back(kept.to_dense()), np.where(passes, back(found), 0))
    assert kept._nnz() == passes.sum()


@EVERY_DEVICE
@given(pattern=patterns(), seed=st.integers(0, 99), count=st.integers(0, 9))
def test_operations_on_patterns_equal_numbas(device, pattern, seed, count):
    indptr, indices = moved = tensors(pattern[:2], device)
    rows = np.random.default_rng(seed).integers(0, pattern.n_rows, count, dtype=np.int32)
    pairs = [
        (kernels.take_rows(*moved, *tensors((rows,), device)), kernels.take_rows(*pattern[:2], rows)),
        *(
            (
                kernels.transpose(indptr, indices, pattern.n_columns, positions=positions),
                kernels.transpose(*pattern, positions=positions),
            )
            for positions in (False, True)
        ),
    ]
    for found, expected in pairs:
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(back(one), other)


@EVERY_DEVICE
@given(
    n=st.integers(1, 9), count=st.integers(0, 20), seed=st.integers(0, 99), scale=st.sampled_from((1.0, -0.5))
)
def test_rows_are_added_and_taken(device, n, count, seed, scale):
    codes = np.random.default_rng(seed).integers(0, n, count, dtype=np.int32)
    table, rows = normal((n, 5)), normal((count, 5), 1)
    expected = kernels.add_rows(table.copy(), codes, rows, scale)
    moved = tensors((table.copy(), codes, rows), device)
    assert kernels.add_rows(*moved, scale) is moved[0]
    np.testing.assert_allclose(back(moved[0]), expected, **CLOSE)
    leaf = moved[0].detach().requires_grad_()
    taken = on_device.rows_of(leaf, moved[1])
    taken.backward(moved[2])
    np.testing.assert_array_equal(back(taken), back(leaf)[codes])
    zeros = np.zeros_like(table)
    np.testing.assert_allclose(back(leaf.grad), kernels.add_rows(zeros, codes, rows), **CLOSE)
    np.testing.assert_array_equal(back(kernels.places_of(moved[1])), kernels.places_of(codes))
