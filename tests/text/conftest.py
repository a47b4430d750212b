from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.text.server import EmbeddingServer


@pytest.fixture(autouse=True)
def private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test an empty default cache of its own."""
    folder = tmp_path / "default-cache"
    monkeypatch.setenv("GRAPHREC_LM_CACHE", str(folder))
    return folder


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddingServer]:
    monkeypatch.setenv("NO_PROXY", "*")
    with EmbeddingServer() as running:
        yield running
