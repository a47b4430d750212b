"""The streamed exact softmax equals autograd's cross entropy, in double precision."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphrec_lm.errors import InputError
from graphrec_lm.kernels import full_softmax, reference, softmax_full
from tests.support import WIDTHS, normal, random_csr

SIZES = st.integers(1, 9)


def run(loss_of, users, items, kind):
    tables = [torch.from_numpy(table).to(kind).requires_grad_() for table in (users, items)]
    loss = loss_of(*tables)
    (3 * loss).backward()
    return loss.detach().numpy(), tables[0].grad.numpy(), tables[1].grad.numpy()


@given(
    n_users=SIZES,
    n_items=SIZES,
    batch=SIZES,
    dim=st.sampled_from(WIDTHS),
    tau=st.sampled_from((0.05, 0.2, 2.0)),
    density=st.sampled_from((0.0, 0.4, 1.0)),
    block=st.sampled_from((1, 40, 1 << 20)),
    seed=st.integers(0, 999),
)
def test_equals_autograd(n_users, n_items, batch, dim, tau, density, block, seed):
    rng = np.random.default_rng(seed)
    users, items = normal((n_users, dim), seed), 4 * normal((n_items, dim), seed + 1)
    codes, positives = (rng.integers(0, n, batch, dtype=np.int32) for n in (n_users, n_items))
    seen = random_csr(n_users, n_items, density, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(softmax_full, "_BLOCK_BYTES", block)
        pattern = None if density == 0 else seen[:2]
        found = run(
            lambda u, i: full_softmax(u, i, codes, positives, tau=tau, seen=pattern),
            users,
            items,
            torch.float32,
        )
    expected = run(
        lambda u, i: reference.full_softmax(u, i, codes, positives, tau, seen.dense),
        users,
        items,
        torch.float64,
    )
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(found[1:], expected[1:], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=2e-5 / tau)


def test_tau_must_be_positive():
    one = np.zeros(1, dtype=np.int32)
    with pytest.raises(InputError, match="`tau` must be a number > 0"):
        full_softmax(torch.eye(2), torch.eye(2), one, one, tau=0.0)
