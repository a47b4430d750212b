"""Records as JSON lines in a file that is replaced whole: a kill at any moment leaves it readable."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from common import write_text


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
