"""A task in a process of its own: JSON in, JSON lines out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Timer
from typing import Any

_RUNNING: set[subprocess.Popen[str]] = set()
SCRIPT = Path(__file__).parents[1] / "compare.py"


class TaskFailed(Exception):
    """A process ended before its task did; says how."""


def run_task(
    task: Mapping[str, Any], receive: Callable[[dict[str, Any]], None], *, jobs: int, kill_seconds: float
) -> None:
    """Run a task and hand on each record that it prints.

    Parameters
    ----------
    task : mapping
        "kind" is "tune" or "row"; see `work`.
    receive : callable
    jobs : int
        Processes at a time: each gets its share of the threads.
    kill_seconds : float
        Between two records, at most.

    Raises
    ------
    TaskFailed
        With the last lines of the process's errors.
    """
    threads = str(max(1, (os.cpu_count() or 1) // jobs))
    variables = os.environ | {"OMP_NUM_THREADS": threads, "NUMBA_NUM_THREADS": threads}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
        process = subprocess.Popen([sys.executable, str(SCRIPT), "--work"], text=True, env=variables,
                                   stderr=errors, start_new_session=True, **pipes)  # fmt: skip
        _RUNNING.add(process)
        watch = _Watch(process, kill_seconds)
        try:
            with suppress(BrokenPipeError):
                process.stdin.write(json.dumps(task))
                process.stdin.close()
            for line in process.stdout:
                watch.restart()
                receive(json.loads(line))
            code = process.wait()
        finally:
            watch.stop()
            process.kill()
            process.wait()
            process.stdout.close()
            _RUNNING.discard(process)
        if watch.barked:
            raise TaskFailed(f"killed after {kill_seconds:.0f} s without a result")
        if code:
            errors.seek(0)
            tail = " / ".join(errors.read().strip().splitlines()[-3:])
            raise TaskFailed(f"exit status {code}: {tail}")


def stop_all() -> None:
    """Kill the processes that run; their tasks fail."""
    for process in list(_RUNNING):
        process.kill()


class _Watch:
    """Kills a process unless it is restarted in time."""

    def __init__(self, process: subprocess.Popen[str], seconds: float) -> None:
        self.process, self.seconds, self.barked = process, seconds, False
        self.restart()

    def restart(self) -> None:
        self.stop()
        self._timer = Timer(self.seconds, self._bark)
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        if hasattr(self, "_timer"):
            self._timer.cancel()

    def _bark(self) -> None:
        self.barked = True
        self.process.kill()


def work() -> None:
    """The other end: read a task from standard input and do it."""
    from comparing import domains, finals, tuning

    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else prints goes to the errors

    def emit(record: dict[str, Any]) -> None:
        out.write(json.dumps(record) + "\n")
        out.flush()

    task = json.loads(sys.stdin.read())
    domain = domains.read(**task["domain"])
    if task["kind"] == "tune":
        tuning.tune(task, domain, emit)
    else:
        emit(finals.final_row(task, domain))
