"""A task in a process of its own, forked from one that has imported everything: that outlasts many a fit."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from threading import Lock, Timer
from typing import Any

# a process forked after imports is safe where they start no threads that matter: Linux
_PROCESSES: Any = get_context("forkserver" if sys.platform == "linux" else "spawn")
_PROCESSES.set_forkserver_preload(["comparing.finals", "comparing.tuning"])
_RUNNING: set[BaseProcess] = set()
_ONE_AT_A_TIME = Lock()  # who starts a process looks at all others, and two that ask how one ended clash


class TaskFailed(Exception):
    """A process ended before its task did; says how."""


@contextmanager
def _share_of_threads(jobs: int) -> Iterator[None]:
    """Within it processes begin with their share of the threads, the one that others fork from, too."""
    threads = str(max(1, (os.cpu_count() or 1) // jobs))
    variables = {"OMP_NUM_THREADS": threads, "NUMBA_NUM_THREADS": threads}
    variables["PYTHONPATH"] = os.pathsep.join(sys.path)  # older Pythons forget it there, and import nothing
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def run_task(
    task: Mapping[str, Any], receive: Callable[[dict[str, Any]], None], *, jobs: int, kill_seconds: float
) -> None:
    """Run a task and hand on each record that it sends.

    Parameters
    ----------
    task : mapping
        "kind" is "tune" or "row"; see `_work`.
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
    incoming, outgoing = _PROCESSES.Pipe(duplex=False)
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as errors, incoming:
        process = _PROCESSES.Process(target=_work, args=(json.dumps(task), outgoing, errors.name))
        with _ONE_AT_A_TIME, _share_of_threads(jobs):
            process.start()
        outgoing.close()
        _RUNNING.add(process)
        watch = _Watch(process, kill_seconds)
        try:
            while (message := _next(incoming)) is not None:
                watch.restart()
                receive(json.loads(message))
        except BaseException:
            process.kill()
            raise
        finally:
            watch.stop()
            with _ONE_AT_A_TIME:
                process.join()
            _RUNNING.discard(process)
        if watch.barked:
            raise TaskFailed(f"killed after {kill_seconds:g} s without a result")
        if process.exitcode:
            tail = " / ".join(errors.read().strip().splitlines()[-3:])
            raise TaskFailed(f"exit status {process.exitcode}: {tail}")


def _next(incoming: Connection) -> bytes | None:
    """The next message; None if the process has ended, in the middle of one perhaps."""
    try:
        return incoming.recv_bytes()
    except (EOFError, OSError):
        return None


def stop_all() -> None:
    """Kill the processes that run; their tasks fail."""
    for process in list(_RUNNING):
        process.kill()


class _Watch:
    """Kills a process unless it is restarted in time."""

    def __init__(self, process: BaseProcess, seconds: float) -> None:
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


def _work(text: str, outgoing: Connection, errors: str) -> None:
    """The other end: do a task and send its records; what is printed goes to the file of errors."""
    os.setsid()  # a terminal's interrupt is for the first process, which kills this one
    with open(errors, "ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    from comparing import domains, finals, tuning

    def emit(record: dict[str, Any]) -> None:
        outgoing.send_bytes(json.dumps(record).encode())

    task = json.loads(text)
    domain = domains.read(**task["domain"])
    if task["kind"] == "tune":
        tuning.tune(task, domain, emit)
    else:
        emit(finals.final_row(task, domain))
