"""What every test runs under: no network, a cache of its own, the same hypothesis cases each time."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # idle threads of two pools must not spin

# numba looks at the file of a function alone, not at those it calls: other kernels, another cache
_KERNELS = Path(__file__).parents[1] / "graphrec_lm" / "kernels"
_SOURCES = b"".join(path.read_bytes() for path in sorted(_KERNELS.glob("*.py")))
_FOLDER = f"graphrec-lm-numba-{hashlib.blake2b(_SOURCES, digest_size=8).hexdigest()}"
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(tempfile.gettempdir()) / _FOLDER))

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test an embedding cache of its own, never the user's."""
    monkeypatch.setenv("GRAPHREC_LM_CACHE", str(tmp_path_factory.mktemp("cache")))
