from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.models.worlds import World, checkerboard
from tests.support import threads


@pytest.fixture(scope="session")
def world() -> World:
    """The checkerboard; Datasets are frozen, so all tests share it."""
    return checkerboard()


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Waking a second thread takes longer than a fit of this size; results are the same by contract."""
    with threads(1):
        yield
