"""Downloads that are either whole or not there, and archives that cannot write outside their folder."""

from __future__ import annotations

import shutil
import stat
import urllib.error
import urllib.request
import zipfile
from pathlib import Path, PurePosixPath

from graphrec_lm.errors import InputError
from graphrec_lm.files import atomic_file, atomic_folder
from graphrec_lm.progress import Progress

CHUNK = 1 << 20
LIMIT = 20 << 30


def fetch(url: str, path: Path, *, timeout: float = 60.0) -> Path:
    """Download `url` to `path`; a failure leaves nothing behind.

    Raises
    ------
    InputError
        If the address can't be reached or the transfer is cut.
    """
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer, atomic_file(path) as temporary:
            size = int(answer.headers.get("Content-Length") or 0)
            with temporary.open("wb") as file, Progress(size, path.name, "B") as bar:
                while chunk := answer.read(CHUNK):
                    file.write(chunk)
                    bar.advance(len(chunk))
            got = temporary.stat().st_size
            if size and got != size:
                raise InputError(f"{url} must arrive whole ({size} bytes)", f"{got} bytes", "Try again.")
    except (urllib.error.URLError, OSError) as error:
        remedy = "Check the connection, or download it by hand and pass `root`."
        raise InputError(f"{url} must be reachable", error, remedy) from None
    return path


def extract(archive: Path, inside: str, folder: Path) -> Path:
    """Extract the folder `inside` of a zip archive to `folder`, whole or not at all.

    Raises
    ------
    InputError
        If the file is no sound zip, lacks the folder, or has members that are links, point outside, or are
        larger than any dataset.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [m for m in opened.infolist() if not m.is_dir()]
            for member in members:
                _refuse_unsafe(archive, member)
            if sum(m.file_size for m in members) > LIMIT:
                raise InputError(f"{archive} must unpack to < {LIMIT >> 30} GiB", "more", "Get it by hand.")
            chosen = [m for m in members if PurePosixPath(m.filename).parts[0] == inside]
            if not chosen:
                found = sorted({m.filename for m in members})[:5]
                raise InputError(f"{archive} must hold the folder {inside!r}", found, "Download it again.")
            with atomic_folder(folder) as temporary:
                for member in chosen:
                    target = temporary.joinpath(*PurePosixPath(member.filename).parts[1:])
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with opened.open(member) as source, target.open("wb") as file:
                        shutil.copyfileobj(source, file)
    except zipfile.BadZipFile as error:
        raise InputError(
            f"{archive} must be a sound zip archive", error, "Delete it and try again."
        ) from None
    return folder


def _refuse_unsafe(archive: Path, member: zipfile.ZipInfo) -> None:
    path = PurePosixPath(member.filename.replace("\\", "/"))
    link = stat.S_ISLNK(member.external_attr >> 16)
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0] or link:
        remedy = "Do not use this archive."
        raise InputError(f"{archive} must hold only files inside its folder", repr(member.filename), remedy)
