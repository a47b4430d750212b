"""Records as JSON lines in a file that is replaced whole: a kill at any moment leaves it readable."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from common import write_text

from graphrec_lm.errors import InputError


class Store:
    """Records, at most one of each identity.

    Parameters
    ----------
    path : path
    identity : names of the fields that identify a record

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = Store(Path(folder) / "rows.jsonl", ["seed"])
    ...     store.put({"seed": 0, "x": 1})
    ...     store.put({"seed": 0, "x": 2})
    ...     Store(store.path, ["seed"]).records
    [{'seed': 0, 'x': 2}]
    """

    def __init__(self, path: Path, identity: Sequence[str]) -> None:
        self.path, self.identity, self._lock = path, tuple(identity), Lock()
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self._records = {self._of(record): record for record in map(json.loads, lines)}

    @property
    def records(self) -> list[dict[str, Any]]:
        """All records, in the order in which their identities came."""
        return list(self._records.values())

    def put(self, record: dict[str, Any]) -> None:
        """Add a record, in place of one of the same identity, and write the file."""
        with self._lock:
            self._records[self._of(record)] = record
            write_text(self.path, "".join(json.dumps(one) + "\n" for one in self._records.values()))

    def where(self, **fields: Any) -> list[dict[str, Any]]:
        """The records with these values."""
        return [r for r in self.records if all(r.get(name) == value for name, value in fields.items())]

    def _of(self, record: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(record[name] for name in self.identity)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a folder of results: two runs at a time would write over each other's records.

    Raises
    ------
    InputError
        If another run holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        _lock(handle, folder)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        remedy = "Wait for it, or pass another folder by --results."
        raise InputError("a folder of results must have one run at a time", folder, remedy) from error
