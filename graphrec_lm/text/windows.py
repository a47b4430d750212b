"""Which texts are longer than a language model reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

_SHORT = 100  # characters that every window holds


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
