"""Products by oneDNN: float32's, and torch's setting is as it was."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event, Thread

import pytest
import torch

from graphrec_lm import products
from graphrec_lm.products import fast_products, is_exact

HAS_SETTING = hasattr(torch.backends.mkldnn, "matmul")
needs_setting = pytest.mark.skipif(not HAS_SETTING, reason="an older torch")


def setting() -> str:
    return str(torch.backends.mkldnn.matmul.fp32_precision)


@pytest.fixture
def helpful(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A processor on which the setting is used."""
    monkeypatch.setattr(products, "_helps", lambda: True)
    assert setting() == "none"
    yield
    assert setting() == "none"


@pytest.mark.parametrize("shape", [(1, 5, 3), (300, 64, 500), (64, 700, 64), (33, 128, 1)])
def test_products_are_float32s(shape):
    m, k, n = shape
    generator = torch.Generator().manual_seed(0)
    left, right = torch.randn(m, k, generator=generator), torch.randn(k, n, generator=generator)
    exact = left.double() @ right.double()
    bound = 2 * k * 2.0**-24 * (left.double().abs() @ right.double().abs())
    out = torch.zeros(m, n)
    with fast_products():
        assert is_exact(torch.mm)
        found = [left @ right, (right.T @ left.T).T, torch.mm(left, right, out=out)]
        found.append(out.clone().addmm_(left, right))
    for product, times in zip(found, (1, 1, 1, 2), strict=True):
        assert ((product.double() - times * exact).abs() <= times * bound + 1e-12).all()


@needs_setting
def test_the_last_that_leaves_gives_the_permission_back(helpful):
    entered, leave = Event(), Event()

    def other() -> None:
        with fast_products():
            entered.set()
            leave.wait(5)

    thread = Thread(target=other)
    with fast_products():
        assert setting() == "bf16"
        thread.start()
        assert entered.wait(5)
    assert setting() == "bf16"
    leave.set()
    thread.join()


@needs_setting
def test_an_error_gives_it_back(helpful):
    with pytest.raises(ValueError, match="inside"), fast_products():
        raise ValueError("inside")


@needs_setting
@pytest.mark.parametrize("own", ["ieee", "bf16"])
def test_a_users_own_setting_stays(helpful, own):
    torch.backends.mkldnn.matmul.fp32_precision = own
    with fast_products():
        assert setting() == own
    assert setting() == own
    torch.backends.mkldnn.matmul.fp32_precision = "none"


@needs_setting
def test_a_setting_made_inside_stays(helpful):
    with fast_products():
        torch.backends.mkldnn.matmul.fp32_precision = "ieee"
    assert setting() == "ieee"
    torch.backends.mkldnn.matmul.fp32_precision = "none"


@needs_setting
def test_it_is_tried_before_it_is_used(monkeypatch):
    tried = []
    monkeypatch.setattr(products, "is_exact", lambda multiply: tried.append(setting()) or False)
    assert not products._helps.__wrapped__()
    assert tried in ([], ["bf16"])  # nothing to try on another processor
    assert setting() == "none"


def test_rounding_is_noticed():
    assert is_exact(torch.mm)
    assert not is_exact(lambda a, b: (a.bfloat16() @ b.bfloat16()).float())
    assert not is_exact(lambda a, b: a.half().float() @ b)
    assert not is_exact(lambda a, b: a @ b.half().float())
