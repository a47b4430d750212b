"""The README's Python blocks run as they stand, one after the other, with a real language model."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language."""
    text = README.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_there_are_two_commands() -> None:
    commands = blocks("bash")[:2]
    assert commands[0].rstrip().endswith("graphrec-lm demo")
    assert commands[1].rstrip().endswith("python -m pytest")
    assert all("-c constraints.txt" in command for command in commands)


def test_python_blocks_run(tmp_path: Path) -> None:
    script = tmp_path / "readme.py"
    script.write_text("\n".join(blocks("python")) + "\nprint(len(model.recommend(['ann'], k=2)))\n")
    environment = os.environ | {"GRAPHREC_LM_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "2"
    assert (tmp_path / "my-model" / "config.json").exists()
