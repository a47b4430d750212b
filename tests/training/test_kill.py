"""kill -9 at any moment: the rerun ends with the weights of a run that nobody disturbed."""

from __future__ import annotations

import signal
from multiprocessing import get_context

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.training import killed

# One server imports the library, each run is a fork of it: a process of its own that starts at once.
PROCESSES = get_context("forkserver")


def run(target, *arguments):
    process = PROCESSES.Process(target=target, args=arguments)
    process.start()
    return process


@pytest.fixture(autouse=True)
def preload():
    PROCESSES.set_forkserver_preload(["tests.training.killed"])


def test_a_run_killed_again_and_again_ends_with_the_same_weights(tmp_path):
    path, weights = str(tmp_path / "run.safetensors"), str(tmp_path / "weights.safetensors")
    for target, epoch in ((killed.die_in_the_middle_of_a_save, 2), (killed.die_before_a_save, 4)):
        process = run(target, path, epoch)
        process.join()
        assert process.exitcode == -signal.SIGKILL
    ours, theirs = PROCESSES.Pipe()
    with ours, theirs:
        process = run(killed.tell_the_epoch, path, theirs)
        assert ours.poll(300) and ours.recv() == 4
        process.kill()
        process.join()
    assert process.exitcode == -signal.SIGKILL
    process = run(killed.finish, path, weights)
    process.join()
    assert process.exitcode == 0
    found, expected = load_file(weights), killed.fit()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
