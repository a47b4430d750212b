"""Columns to codes: vocabularies and bins learned on the training rows, code 0 for what they never saw."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from graphrec_lm.ctr.fields import Field
from graphrec_lm.errors import InputError, first_few
from graphrec_lm.text.phrases import time_codes

logger = logging.getLogger("graphrec_lm")
Codes = NDArray[np.int64]

BINS = 16
EXACT = 2**53  # as floats, integers beyond it run together
PARTS = {"daypart": 4, "weekday": 7, "month": 12}


@dataclass(frozen=True)
class Coder:
    """One column as codes.

    Attributes
    ----------
    name, kind, side : str
    family : str
        Of the column's type: a column of another one is refused later.
    separator : str
    values : list
        The vocabulary of a category or list.
    edges : list of float
        Between the bins of a number.
    part : str
        Of a time.
    width : int
        Codes a row: the longest list, 1 for the rest.
    """

    name: str
    kind: str
    side: str
    family: str
    separator: str = "|"
    values: list[Any] = field(default_factory=list)
    edges: list[float] = field(default_factory=list)
    part: str = ""
    width: int = 1

    @property
    def size(self) -> int:
        """Number of codes, the unknown one (0) among them."""
        count = {"number": len(self.edges) + 1, "time": PARTS.get(self.part, 0)}
        return 1 + count.get(self.kind, len(self.values))

    def codes(self, column: pa.ChunkedArray) -> tuple[Codes, int]:
        """Codes [n, width] (−1 pads a list), and how many values the training rows never saw."""
        if self.kind == "category" and self.family != "number":
            column = whole(column)
        if pa.types.is_null(column.type) and self.kind != "number":
            nothing = -1 if self.kind == "list" else 0
            return np.full((len(column), self.width), nothing, np.int64), 0
        family = family_of(column.type)
        numbers = {family, self.family} == {"integer", "number"}
        if family != self.family and not (numbers and (self.kind != "category" or family == "integer")):
            if self.values or self.kind not in ("category", "list"):
                raise _drift(self.name, self.family, family)
            unknown = column.is_valid().to_numpy()  # it was empty in the fit, so that it had no type
            codes = np.where(unknown, 0, -1 if self.kind == "list" else 0)
            return np.repeat(codes[:, None], self.width, axis=1), int(unknown.sum())
        if self.kind == "list":
            return _list_codes(self, column)
        if self.kind == "number":
            return 1 + np.searchsorted(self.edges, _numbers(self.name, column), side="right")[:, None], 0
        if self.kind == "time":
            return 1 + time_codes(column.combine_chunks(), self.part)[:, None], 0
        codes = _index(column, self.values)
        unseen = int(((codes == 0) & column.is_valid().to_numpy()).sum())
        return codes[:, None], unseen

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def coders(chosen: Field, side: str, column: pa.ChunkedArray) -> list[Coder]:
    """Learn the coders of a column: one, three of a time, none of a text.

    >>> [coder] = coders(Field("age", "number"), "user", pa.chunked_array([[18, 30, 60]]))
    >>> coder.codes(pa.chunked_array([[17, 31]]))[0].ravel()
    array([1, 2])
    """
    column = whole(column) if chosen.kind == "category" else column
    known: dict[str, Any] = {"name": chosen.name, "kind": chosen.kind, "side": side}
    known |= {"family": family_of(column.type), "separator": chosen.separator}
    if chosen.kind == "text":
        return []
    if chosen.kind == "time":
        time_codes(column.combine_chunks(), "weekday")
        return [Coder(**known, part=part) for part in PARTS]
    if chosen.kind == "number":
        numbers = _numbers(chosen.name, column)
        edges = np.unique(np.quantile(numbers, np.linspace(0, 1, BINS + 1)[1:-1], method="higher"))
        return [Coder(**known, edges=edges.tolist())]
    values, lengths = _flat(column, chosen.separator) if chosen.kind == "list" else (column, None)
    _check_values(chosen.name, values.type)
    vocabulary = _sorted(pc.unique(values.drop_null()))
    width = 1 if lengths is None else max(1, int(lengths.max(initial=0)))
    return [Coder(**known, values=vocabulary, width=width)]


def family_of(kind: pa.DataType) -> str:
    """What a type is to a reader: integer, number, text, yes/no, time or list; another one by its name."""
    if pa.types.is_dictionary(kind):
        return family_of(kind.value_type)
    tests = (
        ("yes/no", pa.types.is_boolean),
        ("integer", pa.types.is_integer),
        ("time", pa.types.is_temporal),
        ("list", pa.types.is_nested),
        ("text", _is_text),
        ("number", _is_number),
    )
    return next((name for name, test in tests if test(kind)), str(kind))


def whole(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Floats that are all whole numbers as integers, NaN as missing; any other column as it is.

    pandas makes floats of integers where one is missing: 7 and 7.0 are the same id.

    >>> whole(pa.chunked_array([[7.0, None]])).to_pylist(), whole(pa.chunked_array([[7.5, 8.0]])).to_pylist()
    ([7, None], [7.5, 8.0])
    """
    array = _plain(column)
    if not pa.types.is_floating(array.type):
        return column
    numbers = array.cast(pa.float64()).to_numpy(zero_copy_only=False)
    missing = np.isnan(numbers)
    if missing.all():
        return pa.chunked_array([pa.nulls(len(numbers))])
    known = numbers[~missing]
    if not ((known == np.trunc(known)) & (np.abs(known) <= EXACT)).all():
        return column
    return pa.chunked_array([pa.array(np.where(missing, 0, numbers).astype(np.int64), mask=missing)])


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind)


def _check_values(name: str, kind: pa.DataType) -> None:
    """Refuse values that a saved model could not name."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    named = (_is_text, pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_null)
    if not any(test(kind) for test in named):
        required = f"the values of {name!r} must be text, numbers or yes/no"
        remedy = f"Cast them to text, or declare a time as Field({name!r}, 'time')."
        raise InputError(required, f"type {kind}", remedy)


def _drift(name: str, fitted: str, found: str) -> InputError:
    remedy = "Convert the column to the type that the model was fitted with."
    return InputError(f"the column {name!r} must hold the type it was fitted with, {fitted}", found, remedy)


def _numbers(
    name: str, column: pa.ChunkedArray, what: str = "the number field", remedy: str = ""
) -> NDArray[np.float64]:
    category = f"declare Field({name!r}, 'category')"
    try:
        numbers = column.cast(pa.float64()).to_numpy()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        required, remedy = f"{what} {name!r} must hold numbers", remedy or f"Convert it, or {category}."
        raise InputError(required, f"type {column.type}", remedy) from None
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        found = f"NaN, infinity or nothing in {wrong.sum()} rows, the first {int(wrong.argmax())}"
        remedy = remedy or f"Fill them, or {category}: a missing category is 'unknown'."
        raise InputError(f"{what} {name!r} must be finite", found, remedy)
    return np.asarray(numbers, np.float64)


def _index(column: pa.ChunkedArray, values: list[Any]) -> Codes:
    """1 + place in the vocabulary, 0 where it is not there or missing."""
    plain = _plain(column)
    if not values or not len(plain):
        return np.zeros(len(plain), np.int64)
    if pa.types.is_integer(plain.type) and isinstance(values[0], float):
        plain = plain.cast(pa.float64(), safe=False)
    try:
        known = pa.array(values, type=plain.type)
    except OverflowError:  # signed and unsigned ids: what the other type can't hold is not in the column
        low, high = (0, 2**64) if plain.type == pa.uint64() else (-(2**63), 2**63)
        known = pa.array([v if low <= v < high else None for v in values], type=plain.type)
    found = pc.index_in(plain, value_set=known, skip_nulls=True)
    return 1 + found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)


def _plain(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    array = array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
    if pa.types.is_integer(array.type) and array.type != pa.uint64():
        return array.cast(pa.int64())
    return array.cast(pa.string()) if _is_text(array.type) else array


def _sorted(values: pa.Array) -> list[Any]:
    return sorted(_plain(values).to_pylist())


def _flat(column: pa.ChunkedArray, separator: str) -> tuple[pa.Array, NDArray[np.int64]]:
    """The values of all lists one after the other, and the length of each."""
    array = _plain(column)
    if pa.types.is_struct(array.type) or pa.types.is_map(array.type):
        remedy = "Make a column of each part."
        raise InputError("a field must hold values or lists of values", f"type {array.type}", remedy)
    if not pa.types.is_nested(array.type):
        array = pc.split_pattern(pc.fill_null(array.cast(pa.string()), ""), separator)
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    values = _plain(whole(pa.chunked_array([pc.list_flatten(array)])))
    if pa.types.is_null(values.type):  # all lists are empty
        return values[:0], np.zeros_like(lengths)
    if _is_text(values.type):
        values = pc.utf8_trim_whitespace(values)
        kept = pc.not_equal(values, "").fill_null(False)
    else:
        kept = values.is_valid()
    owner = np.repeat(np.arange(len(lengths)), lengths)[kept.to_numpy(zero_copy_only=False)]
    return values.filter(kept), np.bincount(owner, minlength=len(lengths))


def _list_codes(coder: Coder, column: pa.ChunkedArray) -> tuple[Codes, int]:
    values, lengths = _flat(column, coder.separator)
    fitted, family = family_of(pa.array(coder.values).type), family_of(values.type)
    is_same = family == fitted or (family, fitted) == ("integer", "number")
    if coder.values and len(values) and not is_same:
        raise _drift(coder.name, f"list of {fitted}", f"list of {family}")
    found, owner = _index(values, coder.values), np.repeat(np.arange(len(lengths)), lengths)
    found = found[np.lexsort((found == 0, owner))]  # known values first: a longer list loses the others
    place = np.arange(len(found)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    out = np.full((len(lengths), coder.width), -1, np.int64)
    fits = place < coder.width
    out[owner[fits], place[fits]] = found[fits]
    lost = int((found[~fits] > 0).sum())
    if lost:
        text = "%s: %d known values are left out, of lists longer than the %d of the training rows"
        logger.warning(text, coder.name, lost, coder.width)
    return out, int((found == 0).sum())


def label_of(table: pa.Table, label: str, threshold: float | None) -> NDArray[np.float32]:
    """The label of each row as 0 or 1.

    Raises
    ------
    InputError
        For a missing column, missing values, or values other than 0 and 1 without a threshold.
    """
    if label not in table.column_names:
        remedy = f"Columns: {', '.join(table.column_names)}. Pass label=."
        raise InputError("the rows must have the label", f"no {label!r}", remedy)
    numbers = _numbers(label, table[label], "the label", "Drop the rows without one, and convert the others.")
    if threshold is not None:
        return (numbers >= threshold).astype(np.float32)
    other = np.unique(numbers[~np.isin(numbers, (0, 1))])
    if len(other):
        required = f"without `label_threshold` the label {label!r} must be 0 or 1"
        raise InputError(required, first_few(other.tolist(), len(other)), "Pass e.g. label_threshold=4.")
    return numbers.astype(np.float32)
