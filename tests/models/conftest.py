from __future__ import annotations

import pytest

from tests.models.worlds import World, checkerboard


@pytest.fixture(scope="session")
def world() -> World:
    """The checkerboard; Datasets are frozen, so all tests share it."""
    return checkerboard()
