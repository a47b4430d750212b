"""Whole fits where tensors of two devices must not meet: what the processor alone would let pass."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from torch.utils import backend_registration

from tests.models.worlds import checkerboard


@pytest.mark.skipif(
    not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"),
    reason="this torch cannot pretend a device",
)
def test_every_model_keeps_its_tensors_together_and_seldom_asks_for_a_number():
    command = [sys.executable, "-m", "tests.models.second_device"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    steps = -(-checkerboard().train.n_interactions // 32)
    at_the_end = steps + 2  # the losses of the epoch, and two numbers in the validation
    in_steps = {"AlphaRec": 0, "AlphaRec linear": steps, "LightGCN": 0, "MF shared": steps}
    for name, asked in in_steps.items():
        assert found[name]["distance"] < 1e-4 and found[name]["asked"] == at_the_end + asked
