"""kill -9 at any moment: the rerun ends with the weights of a run that nobody disturbed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from tests.training import killed

ROOT = Path(__file__).parents[2]


def start(folder: Path, moment: str, epoch: int = 0) -> subprocess.Popen[str]:
    files = [str(folder / name) for name in ("run.safetensors", "weights.safetensors")]
    command = [sys.executable, "-m", "tests.training.killed", *files, moment, str(epoch)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def test_a_run_killed_again_and_again_ends_with_the_same_weights(tmp_path):
    """Killed in the middle of writing, after a save, from outside in epoch 4 or 5; then let go on."""
    for moment, epoch in (("while saving", 2), ("after saving", 3)):
        with start(tmp_path, moment, epoch) as process:
            assert process.wait() == -signal.SIGKILL
    with start(tmp_path, "to be killed") as process:
        assert process.stdout.readline() == "epoch 4\n"
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "weights.safetensors").exists()
    with start(tmp_path, "never") as process:
        assert process.wait() == 0
    found, expected = load_file(tmp_path / "weights.safetensors"), killed.fit(None)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
