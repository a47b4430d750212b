"""Products of float32 matrices on processors of which MKL, torch's library for them, uses half."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

_SIZE = 64
_lock, _entered, _allowed = Lock(), 0, False


@contextmanager
def fast_products() -> Iterator[None]:
    """Within it torch multiplies float32 matrices on the processor by oneDNN, where that is twice as fast.

    On AMD's processors with AVX-512 MKL works as if they had none. torch goes to oneDNN where rounding to
    bfloat16 is allowed; these processors have no units for which oneDNN would round, and that it does not is
    tried before. So results differ by the order of sums alone. The permission is the whole process's, taken
    back when the last thread leaves; a user's own setting of it stays as it is. While it lasts,
    `torch.get_float32_matmul_precision` raises, which torch's compiler asks for CUDA devices: where there is
    one, nothing is done.

    Examples
    --------
    >>> import torch
    >>> with fast_products():
    ...     torch.eye(2) @ torch.ones(2, 2)
    tensor([[1., 1.],
            [1., 1.]])
    """
    global _entered, _allowed
    setting = _setting()
    if setting is None or (not _entered and setting.fp32_precision != "none") or not _helps():
        yield
        return
    with _lock:
        _entered += 1
        if _entered == 1 and setting.fp32_precision == "none":
            setting.fp32_precision, _allowed = "bf16", True
    try:
        yield
    finally:
        with _lock:
            _entered -= 1
            if not _entered and _allowed:
                _allowed = False
                if setting.fp32_precision == "bf16":
                    setting.fp32_precision = "none"


def _setting() -> Any:
    """What torch's products by oneDNN may do; None of an older torch."""
    import torch  # here, since rooms without it read this file

    return getattr(torch.backends.mkldnn, "matmul", None)


@cache
def _helps() -> bool:
    """Whether torch uses MKL on AMD's processor with AVX-512, and oneDNN rounds nothing on it."""
    import torch

    has_both = torch.backends.mkldnn.is_available() and torch.backends.mkl.is_available()
    if torch.cuda.is_available() or not has_both or not processor_has("avx512_f", vendor="AMD"):
        return False
    setting = _setting()
    with _lock:
        before, setting.fp32_precision = setting.fp32_precision, "bf16"
        try:
            return is_exact(torch.mm)
        finally:
            setting.fp32_precision = before


def processor_has(feature: str, *, vendor: str = "") -> bool:
    """Whether the processor, of a vendor, has what torch calls so; False of torch before 2.11: it can't say.

    >>> processor_has("a feature that none has")
    False
    """
    import torch

    known: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(known.get(feature)) and str(known.get("cpu_name", "")).startswith(vendor)


def is_exact(multiply: Callable[[Tensor, Tensor], Tensor]) -> bool:
    """Whether a product keeps all of float32's 24 bits.

    >>> import torch
    >>> is_exact(torch.mm), is_exact(lambda a, b: (a.bfloat16() @ b.bfloat16()).float())
    (True, False)
    """
    import torch

    how: Any = {"dtype": torch.float32, "device": "cpu"}
    almost_one, one = torch.full((_SIZE, _SIZE), 1 - 2.0**-24, **how), torch.eye(_SIZE, **how)
    return all(bool((multiply(*pair) == almost_one).all()) for pair in ((almost_one, one), (one, almost_one)))
