"""From token states to one vector a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

POOLINGS = ("mean", "cls", "last")


def pool(states: torch.Tensor, mask: torch.Tensor, pooling: str) -> torch.Tensor:
    """Pool the attended tokens of each text, whichever side is padded.

    Parameters
    ----------
    states : tensor [batch, tokens, dim]
        Last hidden states.
    mask : tensor [batch, tokens]
        1 for tokens, 0 for padding; a row of zeros gives a row of zeros.
    pooling : str
        "mean" of the tokens, the first ("cls"), or the "last".

    Returns
    -------
    tensor [batch, dim]

    Examples
    --------
    >>> import torch
    >>> states, mask = torch.tensor([[[9.0], [1.0], [3.0]]]), torch.tensor([[0, 1, 1]])
    >>> [pool(states, mask, name).item() for name in POOLINGS]
    [2.0, 1.0, 3.0]
    """
    import torch

    weights = mask.to(states.dtype)
    if pooling == "mean":
        clean = torch.where(mask[..., None].bool(), states, 0.0)
        return clean.sum(dim=1) / weights.sum(dim=1, keepdim=True).clamp(min=1.0)
    places = torch.arange(1, mask.shape[1] + 1, device=mask.device)
    ranks = places.flip(0) if pooling == "cls" else places
    chosen = (mask * ranks).argmax(dim=1)
    rows = torch.arange(len(states), device=mask.device)
    return states[rows, chosen] * weights[rows, chosen, None]
