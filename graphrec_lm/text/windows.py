"""Which texts are longer than a language model reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphrec_lm.errors import InputError

_SHORT = 100  # characters that every window holds
# BERT's family, CLIP, BART's and OPT's, GPT-2's; relative and rotary positions have none.
_TABLES = ("position_embeddings", "position_embedding", "embed_positions", "wpe")


def beyond_window(
    texts: Sequence[str], prompt: str, most: int | None, load: Callable[[], tuple[Any, int]]
) -> list[str]:
    """Texts of more tokens than the window; the model is loaded only for those that may be too long.

    Parameters
    ----------
    texts : sequence of str
    prompt : str
        What stands before each.
    most : int, optional
        The window that was asked for, in tokens.
    load : callable () -> (tokenizer, window)
    """
    limit = min(_SHORT, most or _SHORT) - 4 - len(prompt)  # a token has at least one character
    long = [text for text in texts if len(text) > limit]
    if not long:
        return []
    tokenizer, window = load()
    room = window - tokenizer.num_special_tokens_to_add()
    return [text for text in long if len(tokenizer.tokenize(prompt + text)) > room]


def check_window(max_length: int | None, positions: int | None, name: str) -> None:
    """Refuse a `max_length` beyond the tokens that a model has positions for."""
    if max_length is not None and positions is not None and max_length > positions:
        required = f"`max_length` must be at most {positions}, the positions of {name!r}"
        raise InputError(required, max_length, "Leave it out, or take a model with a longer window.")


def positions_of(model: Any) -> int | None:
    """The tokens that the position table holds, None without one; some keep their first rows for padding."""
    tables = [part for name, part in model.named_modules() if name.rpartition(".")[2] in _TABLES]
    if not tables or not hasattr(tables[0], "num_embeddings"):
        return None
    padding = tables[0].padding_idx
    reserved = getattr(tables[0], "offset", 0) if padding is None else padding + 1
    return int(tables[0].num_embeddings - reserved)
