"""Files that are either whole or not there: write to a temporary name, then rename."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from graphrec_lm.errors import InputError

Content = TypeVar("Content")


def resolved(path: str | os.PathLike[str]) -> Path:
    """The path itself, absolute: `~` is the home folder, and a link what it links to."""
    return Path(path).expanduser().resolve()


def check_place(path: str | os.PathLike[str]) -> None:
    """Refuse a path where nothing can be written, by the nearest folder above it that exists.

    Raises
    ------
    InputError
        If that is a file, or may not be written to.

    Examples
    --------
    >>> check_place(Path(__file__) / "model")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    graphrec_lm.errors.InputError: a file or folder must lie in a folder that can be written, got ...
    """
    place = next(parent for parent in resolved(path).parents if parent.exists())
    if not place.is_dir() or not os.access(place, os.W_OK):
        required = "a file or folder must lie in a folder that can be written"
        raise InputError(required, f"{place} above {Path(path).name}", "Choose another path.")


@contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is synced and renamed to `path`.

    An exception, or a kill at any moment, leaves an earlier file at `path` untouched.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_file(Path(folder) / "a.txt") as temporary:
    ...         _ = temporary.write_text("whole")
    ...     (Path(folder) / "a.txt").read_text()
    'whole'
    """
    target = resolved(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _sync(temporary)
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, target)
        _sync(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


# The files of the folders that models and encoders are saved to.
CONFIG, TENSORS, USERS, ITEMS = "config.json", "model.safetensors", "users.parquet", "items.parquet"
TFIDF = "tfidf.safetensors"


def check_target(path: str | os.PathLike[str]) -> None:
    """Refuse a folder to save to that is neither new, nor empty, nor one that this library saved.

    Raises
    ------
    InputError
        If there is other content, a single file beside a saved model too, or it can't be replaced as a whole
        (the working folder, a mount point), or can't be written; nothing there is touched.
    """
    target = resolved(path)
    check_place(target)
    if target.parent.is_dir():
        with _alone_in(target.parent):  # another save that replaces the folder has it away for a moment
            _check_content(target)


def _check_content(target: Path) -> None:
    if not target.exists():
        return
    required = "the folder to write must be new, empty or one that was saved before"
    if target.is_mount() or Path.cwd().is_relative_to(target):
        found, remedy = f"the working folder or a mounted one, {target}", "Choose a folder inside it."
        raise InputError(required, found, remedy)
    names = sorted(file.name for file in target.iterdir()) if target.is_dir() else [target.name]
    if not names:
        return
    foreign = [name for name in names if name not in (CONFIG, TENSORS, USERS, ITEMS, TFIDF)]
    if foreign or not _is_ours(target / CONFIG):
        remedy = "Choose another path: nothing there was touched."
        raise InputError(required, f"other content in {target}: {(foreign or names)[0]}", remedy)


def _is_ours(config: Path) -> bool:
    """Whether a `config.json` is one that this library wrote; language models have one, too."""
    try:
        content = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    if not isinstance(content, dict):
        return False
    return str(content.get("format", "")).startswith("graphrec_lm") or "tensors_sha256" in content


@contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success it takes the place of `path`.

    An older folder at `path` is moved aside first and removed last, so that a kill leaves the old
    or the new one whole (under its own or its aside name), never a mixture.
    """
    target = resolved(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent))
    aside = target.with_name(f".{target.name}.old")
    try:
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                _sync(file)
        temporary.chmod(0o777 & ~_umask())
        with _alone_in(target.parent):
            if target.exists():
                shutil.rmtree(aside, ignore_errors=True)
                os.replace(target, aside)
            try:
                os.replace(temporary, target)
            except OSError:
                if aside.exists():
                    os.replace(aside, target)
                raise
            _sync(target.parent)
            shutil.rmtree(aside, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Let one thread or process at a time rename in a folder, where the system has locks.

    Renaming takes no time, so who holds the lock for seconds is another program, and isn't waited for.
    """
    with ExitStack() as stack:
        with suppress(ImportError, OSError):
            from fcntl import LOCK_EX, LOCK_NB, flock

            handle = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, handle)
            for _ in range(_LOCK_ATTEMPTS):
                with suppress(BlockingIOError):
                    flock(handle, LOCK_EX | LOCK_NB)
                    break
                time.sleep(_PAUSE)
        yield


_ATTEMPTS, _LOCK_ATTEMPTS = 20, 300
_PAUSE = 0.01  # seconds


def read_steadily(path: str | os.PathLike[str], read: Callable[[Path], Content]) -> Content:
    """`read(folder)`, again if `atomic_folder` replaced the folder meanwhile: its files are read one by one.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     read_steadily(folder, lambda place: place.is_dir())
    True
    """
    folder = resolved(path)
    for _ in range(_ATTEMPTS):
        before = _identity(folder)
        try:
            content = read(folder)
        except (OSError, ValueError):
            is_away = before is None and folder.with_name(f".{folder.name}.old").exists()
            if _identity(folder) == before and not is_away:
                raise
        else:
            if _identity(folder) == before:
                return content
        time.sleep(_PAUSE)
    return read(folder)


def _identity(folder: Path) -> tuple[int, int, int] | None:
    """What tells a folder from another one of its name; None if there is none."""
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
