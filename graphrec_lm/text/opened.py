"""Encoders whose language model is opened when it is first needed, once for all threads."""

from __future__ import annotations

import os
import threading
from abc import abstractmethod
from typing import Any

from graphrec_lm.text.base import TextEncoder, fingerprint_of
from graphrec_lm.text.locate import as_folder, folder_hash, hub_id, packaged_folder

_OPENING = threading.RLock()


class OpensModel(TextEncoder):
    """Base of encoders that open a model by hub name or folder; one writes `_load`."""

    def __init__(self, source: str | os.PathLike[str], revision: str | None) -> None:
        self.source, self.revision = source, revision
        self._folder = as_folder(source)
        self._content = ""  # hash of the folder when it was loaded: another model may be saved there later
        self._opened: Any = None

    @abstractmethod
    def _load(self) -> Any:
        """What encoding needs."""

    def _loaded(self) -> Any:
        """What `_load` gave, loaded now if it is not there yet."""
        if self._opened is None:
            with _OPENING:
                if self._opened is None:
                    content = "" if self._folder is None else folder_hash(self._folder)
                    self._opened, self._content = self._load(), content
        return self._opened

    def _place(self) -> tuple[str, bool]:
        """Where the model is: a folder and True, or a hub name and False."""
        source = os.fspath(self.source)
        folder = self._folder or (packaged_folder(source) if self.revision is None else None)
        return (hub_id(source), False) if folder is None else (str(folder), True)

    def _fingerprint(self, kind: str, name: str, **settings: object) -> str:
        """By the content of the folder, or the name and revision on the hub."""
        if self._folder is None:
            return fingerprint_of(kind, name=name, revision=self.revision, **settings)
        return fingerprint_of(kind, content=self._content or folder_hash(self._folder), **settings)
