"""Delimited text files (CSV, TSV, `::`, `|`) as Arrow tables of texts; broken rows named by file and line."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv

from graphrec_lm.errors import InputError

Source = str | os.PathLike[str]
_UNIT = "\x1f"


@dataclass(frozen=True)
class Format:
    """How a file is written.

    Parameters
    ----------
    separator : str
        What stands between fields; more than one character is legal in unquoted files.
    quoted : bool
        Whether double quotes protect separators, quotes and line ends.
    encoding : str
    names : tuple of str, optional
        Column names of a file without header line.
    """

    separator: str = ","
    quoted: bool = True
    encoding: str = "utf-8"
    names: tuple[str, ...] | None = None

    @property
    def mark(self) -> str:
        """The one character that separates fields once the bytes are prepared."""
        return self.separator if len(self.separator) == 1 else _UNIT


COMMA = Format()
TAB = Format("\t", quoted=False)


def check_file(source: Source, *, or_folder: bool = False) -> Path:
    """Return the path of an existing file, or folder if that will do, or raise InputError."""
    if not isinstance(source, (str, os.PathLike)):
        raise InputError(
            "a reader must be given a path", type(source).__name__, "Dataframes go to Dataset.from_frame."
        )
    path = Path(source).expanduser()
    if not (path.is_file() or (or_folder and path.is_dir())):
        found = "a folder" if path.is_dir() else "nothing"
        raise InputError(f"there must be a file at {path}", found, "Check the path.")
    return path


def read_texts(source: Source, form: Format = COMMA) -> pa.Table:
    """Return a file as a table of texts; an empty field is null.

    Raises
    ------
    InputError
        If the file is missing or empty, is not in the encoding, or has a row with another number of fields.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "a.csv"
    ...     _ = path.write_text('id,title\\n1,"Up, up"\\n')
    ...     read_texts(path).to_pylist()
    [{'id': '1', 'title': 'Up, up'}]
    """
    path = check_file(source)
    try:
        line, names = (1, list(form.names)) if form.names else next(numbered_rows(path, form), (1, []))
        if not names or not _has_content(path):
            raise InputError(f"{path} must not be empty", "an empty file", "Check that the file is whole.")
        check_names(path, line, names)
        return pa_csv.read_csv(
            _prepared(path, form),
            read_options=pa_csv.ReadOptions(column_names=names, skip_rows=line - 1,
                                            skip_rows_after_names=int(form.names is None),
                                            encoding=form.encoding),
            parse_options=pa_csv.ParseOptions(delimiter=form.mark, quote_char='"' if form.quoted else False,
                                              newlines_in_values=form.quoted),
            convert_options=pa_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.large_string()),
                                                  null_values=[""], strings_can_be_null=True),
        )  # fmt: skip
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise _diagnosis(path, form, len(names), error) from None
    except OSError as error:
        found = str(error).splitlines()[0]
        raise InputError(f"{path} must be readable", found, "Check that the file is whole.") from None


def lines_of(path: Path) -> list[str]:
    """Return the lines of a UTF-8 text file, with or without a byte order mark; nothing else ends a line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise _undecodable(path, "utf-8", error) from None
    return text.removesuffix("\n").split("\n") if text else []


def check_names(path: Path, line: int, names: list[str]) -> None:
    """Raise InputError for a column name that stands twice in a line of the file."""
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        remedy = "Rename or drop one of the two."
        raise InputError(
            f"{path}, line {line}: columns must have distinct names", f"{twice[0]!r} twice", remedy
        )


def numbered_rows(path: Path, form: Format) -> Iterator[tuple[int, list[str]]]:
    """Yield the first line number and the fields of each row, blank lines left out; slow, for errors."""
    encoding = "utf-8-sig" if form.encoding.lower() in ("utf-8", "utf8") else form.encoding
    with _text(path, form, encoding) as stream:
        reader = (
            csv.reader(stream, delimiter=form.mark)
            if form.quoted
            else csv.reader(stream, delimiter=form.mark, quoting=csv.QUOTE_NONE)
        )
        line = 1
        try:
            for fields in reader:
                if fields:
                    yield line, fields
                line = reader.line_num + 1
        except csv.Error as error:
            raise broken_row(path, line, "a row must be readable", str(error)) from None
        except UnicodeDecodeError as error:
            raise _undecodable(path, encoding, error) from None


def line_of_row(path: Path, form: Format, row: int) -> int:
    """Return the line on which data row `row` (from 0, header not counted) begins."""
    first = row + (form.names is None)
    return next(islice(numbered_rows(path, form), first, None))[0]


def broken_row(path: Path, line: int, required: str, found: object) -> InputError:
    """Return the error of a broken line."""
    remedy = "Repair or remove the line (texts that hold the separator need quotes)."
    return InputError(f"{path}, line {line}: {required}", found, remedy)


def _has_content(path: Path) -> bool:
    with pa.input_stream(str(path), compression="detect") as stream:
        return len(stream.read(1)) > 0


def _prepared(path: Path, form: Format) -> str | io.BytesIO:
    if len(form.separator) == 1:
        return str(path)
    with pa.input_stream(str(path), compression="detect") as stream:
        content = stream.read()
    return io.BytesIO(content.replace(form.separator.encode(form.encoding), _UNIT.encode()))


def _text(path: Path, form: Format, encoding: str) -> io.TextIOWrapper:
    prepared = _prepared(path, form)
    raw = prepared if isinstance(prepared, io.BytesIO) else pa.input_stream(prepared, compression="detect")
    return io.TextIOWrapper(raw, encoding=encoding, newline="")


def _diagnosis(path: Path, form: Format, n_fields: int, error: Exception) -> InputError:
    for line, fields in numbered_rows(path, form):
        if len(fields) != n_fields:
            found = f"{len(fields)}: {form.separator.join(fields)[:80]!r}"
            return broken_row(path, line, f"a row must have {n_fields} fields", found)
    found = str(error).splitlines()[0]
    return InputError(f"{path} must be readable as delimited text", found, "Check separator and encoding.")


def _undecodable(path: Path, encoding: str, error: UnicodeDecodeError) -> InputError:
    line = "?"
    with pa.input_stream(str(path), compression="detect") as stream:
        for number, content in enumerate(io.BufferedReader(stream), start=1):
            try:
                content.decode(encoding)
            except UnicodeDecodeError:
                line = str(number)
                break
    found = f"{error.object[error.start : error.start + 4]!r}"
    return InputError(
        f"{path}, line {line}: the text must be {encoding}",
        found,
        'Pass the file\'s encoding, e.g. encoding="latin-1".',
    )
