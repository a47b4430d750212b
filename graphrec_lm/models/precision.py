"""Matrix products in bfloat16, where the processor has units for them."""

from __future__ import annotations

import torch

from graphrec_lm.errors import check_choice
from graphrec_lm.products import processor_has


def uses_bfloat16(precision: str, device: torch.device | None = None) -> bool:
    """Whether a model of that `precision` multiplies matrices in bfloat16.

    Parameters
    ----------
    precision : {"auto", "fp32", "bf16"}
        "auto" is "bf16" on processors that are faster with it: Intel's with matrix units (AMX), AMD's with
        AVX512-BF16, but not Intel's with that alone (docs/decisions.md, 21). It asks the processor and
        times nothing, so that a seed gives the same fit every time. On CUDA devices it is "bf16" from
        compute capability 8 on (Ampere).
    device : torch.device, optional
        Where the products are computed; None is the processor.

    Examples
    --------
    >>> uses_bfloat16("bf16"), uses_bfloat16("fp32")
    (True, False)
    """
    check_choice("precision", precision, ("auto", "fp32", "bf16"))
    if precision == "auto" and device is not None and device.type == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= 8
    if precision == "auto":
        return processor_has("amx_bf16") or processor_has("avx512_bf16", vendor="AMD")
    return precision == "bf16"


def product(left: torch.Tensor, right: torch.Tensor, bfloat16: bool) -> torch.Tensor:
    """left @ right, differentiably; with `bfloat16` the factors and the result are rounded to 8 bits.

    >>> product(torch.tensor([[1.001]]), torch.ones(1, 1), True)
    tensor([[1.]])
    """
    return (left.bfloat16() @ right.bfloat16()).float() if bfloat16 else left @ right
