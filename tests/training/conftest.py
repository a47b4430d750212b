from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import threads


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Waking a second thread takes longer than a step of this size; results are the same by contract."""
    with threads(1):
        yield
