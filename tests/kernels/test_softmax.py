"""The fused loss and its gradients equal autograd's on the readable twin, in double precision."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec_lm.errors import InputError
from graphrec_lm.kernels import draw_negatives, reference, sampled_softmax, softmax_own
from tests.support import WIDTHS, normal, random_csr, thread_counts, threads

SIZES = st.integers(1, 9)
TAUS = st.sampled_from((0.05, 0.15, 1.0, 3.0))


class Case(NamedTuple):
    users: np.ndarray
    items: np.ndarray
    user_codes: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray
    tau: float


@st.composite
def cases(draw: st.DrawFn, shared: bool) -> Case:
    n_users, n_items, batch, n = (draw(SIZES) for _ in range(4))
    dim, seed = draw(st.sampled_from(WIDTHS)), draw(st.integers(0, 10**6))
    rng = np.random.default_rng(seed)
    codes = [rng.integers(0, size, batch, dtype=np.int32) for size in (n_users, n_items)]
    negatives = rng.integers(0, n_items, n if shared else (batch, n), dtype=np.int32)
    tables = normal((n_users, dim), seed), 5 * normal((n_items, dim), seed + 1)
    return Case(*tables, *codes, negatives, draw(TAUS))


def fused(case: Case, seen=None):
    users, items = (torch.from_numpy(table).requires_grad_() for table in case[:2])
    loss = sampled_softmax(
        users, items, case.user_codes, case.positives, negatives=case.negatives, tau=case.tau, seen=seen
    )
    (3 * loss).backward()
    return loss, users.grad, items.grad


def twin(case: Case, hidden=None):
    users, items = (torch.from_numpy(table).double().requires_grad_() for table in case[:2])
    negatives = np.broadcast_to(case.negatives, (len(case.user_codes), case.negatives.shape[-1]))
    candidates = np.concatenate([case.positives[:, None], negatives], axis=1)
    loss = reference.sampled_softmax(users, items, case.user_codes, candidates, case.tau, hidden)
    (3 * loss).backward()
    return loss, users.grad, items.grad


def assert_agree(found, expected, tau, case):
    """Gradients of short rows, and their rounding, are large: they are compared times the length."""
    np.testing.assert_allclose(float(found[0].detach()), float(expected[0].detach()), rtol=1e-4, atol=1e-5)
    for rows, ours, theirs in zip(case[:2], found[1:], expected[1:], strict=True):
        length = np.minimum(1, np.linalg.norm(rows, axis=1, keepdims=True))
        np.testing.assert_allclose(length * ours.numpy(), length * theirs.numpy(), rtol=1e-3, atol=2e-5 / tau)


@given(case=cases(shared=False))
def test_own_negatives(case):
    assert_agree(fused(case), twin(case), case.tau, case)


@given(case=cases(shared=False), block=st.integers(1, 9))
def test_micro_batches_change_no_bit(case, block):
    whole = fused(case)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(softmax_own, "_PAIRS", block)
        found = fused(case)
    assert all(torch.equal(one, other) for one, other in zip(whole, found, strict=True))


@given(case=cases(shared=False), block=st.integers(1, 9), density=st.sampled_from((0.0, 0.4, 1.0)))
def test_drawn_negatives_are_those_of_draw_negatives(case, block, density):
    seen = random_csr(len(case.users), len(case.items), density, seed=5)
    n = case.negatives.shape[1]
    given = draw_negatives(*seen[:2], case.user_codes, len(case.items), n, seed=3, step=4)
    whole = fused(case._replace(negatives=given))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(softmax_own, "_PAIRS", block)
        found = fused(case._replace(negatives=(n, 3, 4)), seen[:2] if density else None)
    assert all(torch.equal(one, other) for one, other in zip(whole, found, strict=True))


@given(case=cases(shared=True))
def test_shared_negatives(case):
    assert_agree(fused(case), twin(case), case.tau, case)


@given(case=cases(shared=True), density=st.sampled_from((0.0, 0.3, 1.0)))
def test_shared_negatives_with_the_seen_ones_masked(case, density):
    seen = random_csr(len(case.users), len(case.items), density, seed=5)
    masked = seen.dense[case.user_codes][:, case.negatives] > 0
    hidden = np.concatenate([np.zeros((len(masked), 1), bool), masked], axis=1)
    assert_agree(fused(case, seen[:2]), twin(case, hidden), case.tau, case)


@given(case=cases(shared=False), several=st.integers(2, 4), tau=st.sampled_from((0.012, 0.05, 0.15, 3.0)))
def test_several_positives_do_not_compete(case, several, tau):
    assert_agree(*several_and_twin(case._replace(tau=tau), several), tau, case)


@given(case=cases(shared=True), several=st.integers(2, 4), tau=st.sampled_from((0.012, 0.05, 0.15, 3.0)))
def test_several_positives_against_shared_negatives(case, several, tau):
    seen = random_csr(len(case.users), len(case.items), 0.3, seed=5)
    masked = seen.dense[case.user_codes][:, case.negatives] > 0
    hidden = np.concatenate([np.zeros((len(masked), 1), bool), masked], axis=1)
    assert_agree(*several_and_twin(case._replace(tau=tau), several, seen[:2], hidden), tau, case)


def several_and_twin(case, several, seen=None, hidden=None):
    """The loss of `several` positives a user, and the mean of the twin's for each of them."""
    shape = len(case.user_codes), several
    positives = np.random.default_rng(several).integers(0, len(case.items), shape, dtype=np.int32)
    each = [twin(case._replace(positives=column), hidden) for column in positives.T]
    return fused(case._replace(positives=positives), seen), [
        sum(parts) / several for parts in zip(*each, strict=True)
    ]


def test_one_of_several_far_above_the_rest_leaves_them_their_loss():
    items = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [-1.0, 0.0]])
    codes = np.zeros(1, np.int32), np.array([[0, 1]], np.int32)
    for negatives in (np.array([[2]], np.int32), np.array([2], np.int32)):
        loss = sampled_softmax(torch.eye(2)[:1], items, *codes, negatives=negatives, tau=0.01)
        assert float(loss) == pytest.approx(np.log(2) / 2, rel=1e-5)


def test_nothing_is_left_to_lose_when_every_shared_negative_is_hidden():
    case = Case(normal((1, 4)), normal((3, 4)), *np.zeros((2, 1), np.int32), np.array([1, 2], np.int32), 0.1)
    loss, users, items = fused(case, (np.array([0, 3]), np.arange(3, dtype=np.int32)))
    assert float(loss.detach()) == pytest.approx(0, abs=1e-6)
    assert float(users.abs().max()) == pytest.approx(0, abs=1e-5)
    assert float(items.abs().max()) == pytest.approx(0, abs=1e-5)


@settings(max_examples=5)
@given(case=cases(shared=False))
def test_length_does_not_matter(case):
    longer = case._replace(users=7 * case.users, items=0.5 * case.items)
    assert float(fused(longer)[0].detach()) == pytest.approx(float(fused(case)[0].detach()), rel=1e-4)


@pytest.mark.parametrize("shape", [(200, 30), (30,)])
def test_does_not_depend_on_the_number_of_threads(shape):
    rng = np.random.default_rng(0)
    codes = [rng.integers(0, size, 200, dtype=np.int32) for size in (50, 70)]
    case = Case(normal((50, 8)), normal((70, 8), 1), *codes, rng.integers(0, 70, shape, dtype=np.int32), 0.2)
    results = []
    for count in thread_counts():
        with threads(count):
            results.append(fused(case))
    assert all(torch.equal(a, b) for result in results for a, b in zip(results[0], result, strict=True))


@pytest.mark.parametrize("tau", [0, -0.1, float("nan"), float("inf"), None])
def test_tau_must_be_positive(tau):
    one = np.zeros(1, np.int32)
    with pytest.raises(InputError, match="`tau` must be a number > 0, got"):
        sampled_softmax(torch.eye(2), torch.eye(2), one, one, negatives=one[None], tau=tau)
