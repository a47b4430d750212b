"""What every error of bad input must be like."""

from __future__ import annotations

import re


def check(error, words):
    """Assert that a message holds the words, in the form "requirement, got found. remedy"."""
    message = str(error.value)
    for word in words:
        assert word in message
    assert error.value.required in message and error.value.remedy
    assert re.search(r", got .*\. ", message, re.DOTALL)
