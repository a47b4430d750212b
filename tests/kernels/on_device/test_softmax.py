"""The softmax losses and gradients in torch, on each device, equal autograd's on the readable twins."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphrec_lm import kernels
from graphrec_lm.errors import InputError
from graphrec_lm.kernels import on_device, reference
from tests.kernels.test_softmax import Case, assert_agree, cases, twin
from tests.support import EVERY_DEVICE, WIDTHS, normal, random_csr, tensors

SIZES = st.integers(1, 9)
BYTES = st.sampled_from((1, 600, 1 << 28))


def run(case: Case, device, nbytes, seen=None):
    """Loss and gradients of three times the loss, back on the processor."""
    users, items, codes, positives, negatives, tau = tensors(case, device)
    users, items = users.requires_grad_(), items.requires_grad_()
    pattern = None if seen is None else tensors(seen[:2], device)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(on_device.sampled_softmax.__globals__, "_BYTES", nbytes)
        loss = kernels.sampled_softmax(
            users, items, codes, positives, negatives=negatives, tau=tau, seen=pattern
        )
    (3 * loss).backward()
    assert loss.dtype == torch.float32 and loss.device.type == device
    return tuple(tensor.detach().cpu() for tensor in (loss, users.grad, items.grad))


@EVERY_DEVICE
@given(case=cases(shared=False), nbytes=BYTES)
def test_own_negatives(device, case, nbytes):
    assert_agree(run(case, device, nbytes), twin(case), case.tau, case)


@EVERY_DEVICE
@given(case=cases(shared=False), nbytes=BYTES, density=st.sampled_from((0.0, 0.4, 1.0)))
def test_drawn_negatives_are_those_of_draw_negatives(device, case, nbytes, density):
    seen = random_csr(len(case.users), len(case.items), density, seed=5)
    n = case.negatives.shape[1]
    given = kernels.draw_negatives(*seen[:2], case.user_codes, len(case.items), n, seed=3, step=4)
    whole = run(case._replace(negatives=given), device, nbytes)
    found = run(case._replace(negatives=(n, 3, 4)), device, nbytes, seen if density else None)
    assert all(torch.equal(one, other) for one, other in zip(whole, found, strict=True))


@EVERY_DEVICE
@given(case=cases(shared=True), nbytes=BYTES, density=st.sampled_from((None, 0.0, 0.3, 1.0)))
def test_shared_negatives_with_the_seen_ones_masked(device, case, nbytes, density):
    seen = None if density is None else random_csr(len(case.users), len(case.items), density, seed=5)
    masked = np.zeros((len(case.user_codes), len(case.negatives)), bool)
    if seen is not None:
        masked = seen.dense[case.user_codes][:, case.negatives] > 0
    hidden = np.concatenate([np.zeros((len(masked), 1), bool), masked], axis=1)
    assert_agree(run(case, device, nbytes, seen), twin(case, hidden), case.tau, case)


@EVERY_DEVICE
@given(
    case=cases(shared=True),
    density=st.sampled_from((None, 0.0, 0.4, 1.0)),
    nbytes=st.sampled_from((1, 40, 1 << 20)),
)
def test_full_softmax(device, case, density, nbytes):
    seen = None if density is None else random_csr(len(case.users), len(case.items), density, seed=3)
    users, items, codes, positives, _, tau = tensors(case, device)
    users, items = users.requires_grad_(), items.requires_grad_()
    pattern = None if seen is None else tensors(seen[:2], device)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(on_device.full_softmax.__globals__, "_BYTES", nbytes)
        loss = kernels.full_softmax(users, items, codes, positives, tau=tau, seen=pattern)
    (3 * loss).backward()
    found = tuple(tensor.detach().cpu() for tensor in (loss, users.grad, items.grad))
    tables = [torch.from_numpy(table).double().requires_grad_() for table in case[:2]]
    dense = None if seen is None else seen.dense
    expected = reference.full_softmax(*tables, case.user_codes, case.positives, case.tau, dense)
    (3 * expected).backward()
    assert_agree(found, (expected, tables[0].grad, tables[1].grad), case.tau, case)


@EVERY_DEVICE
def test_a_long_row_of_dots_keeps_its_precision(device):
    """Batches of the usual size, against numba's kernel."""
    rng = np.random.default_rng(0)
    codes = [rng.integers(0, size, 500, dtype=np.int32) for size in (90, 400)]
    negatives = rng.integers(0, 400, (500, 64), dtype=np.int32)
    case = Case(normal((90, max(WIDTHS))), normal((400, max(WIDTHS)), 1), *codes, negatives, 0.15)
    assert_agree(run(case, device, 1 << 22), twin(case), case.tau, case)


@EVERY_DEVICE
@pytest.mark.parametrize("kernel", ["sampled_softmax", "full_softmax"])
def test_tau_must_be_positive(device, kernel):
    one, table = torch.zeros(1, dtype=torch.int32, device=device), torch.eye(2, device=device)
    extra = {"negatives": one[None]} if kernel == "sampled_softmax" else {}
    with pytest.raises(InputError, match="`tau` must be a number > 0"):
        getattr(kernels, kernel)(table, table, one, one, tau=0.0, **extra)
