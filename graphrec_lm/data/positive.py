"""The rule that says which rows are edges: one comparison, parsed and never evaluated."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec_lm.errors import InputError, did_you_mean

_SHAPE = re.compile(r"^\s*(?:`([^`]+)`|(\w+))\s*(>=|<=|==|!=|>|<)\s*(.+?)\s*$")
_NUMBER = re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$")
_TRUTH = {"True": 1.0, "true": 1.0, "False": 0.0, "false": 0.0}
_COMPARE: dict[str, Callable[..., pa.ChunkedArray]] = {
    ">=": pc.greater_equal, "<=": pc.less_equal, "==": pc.equal,
    "!=": pc.not_equal, ">": pc.greater, "<": pc.less,
}  # fmt: skip


@dataclass(frozen=True)
class PositiveRule:
    """A comparison of one column with a number, True or False (1 and 0), or a quoted text.

    Examples
    --------
    >>> rule = PositiveRule.parse("rating >= 4")
    >>> rule.mask(pa.table({"rating": [5, 3, None]}))
    array([ True, False, False])
    >>> str(PositiveRule.parse("event == 'buy'"))
    "event == 'buy'"
    >>> PositiveRule.parse("clicked == True").mask(pa.table({"clicked": [True, False, None]}))
    array([ True, False, False])
    """

    column: str
    operator: str
    value: float | str

    @classmethod
    def parse(cls, text: str) -> PositiveRule:
        """Read a rule such as "rating >= 4" or "event == 'buy'"; `back ticks` hold odd column names."""
        shape = _SHAPE.match(text) if isinstance(text, str) else None
        if shape is None:
            raise _malformed(text)
        quoted, plain, operator, literal = shape.groups()
        if _NUMBER.match(literal):
            return cls(quoted or plain, operator, float(literal))
        if literal in _TRUTH:
            return cls(quoted or plain, operator, _TRUTH[literal])
        if len(literal) >= 2 and literal[0] == literal[-1] and literal[0] in "'\"":
            return cls(quoted or plain, operator, literal[1:-1])
        raise _malformed(text)

    def mask(self, table: pa.Table) -> np.ndarray:
        """Return bool [n]: the rows for which the comparison holds (a null or NaN never does)."""
        if self.column not in table.column_names:
            required = f'`positive` ("{self}") must name a column of the interactions'
            raise InputError(required, repr(self.column), did_you_mean(self.column, table.column_names))
        column = table[self.column]
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_boolean(column.type):
            column = column.cast(pa.int8())
        self._check_type(column.type)
        value = self._scalar(column.type)
        column = column.cast(pa.float32()) if column.type == pa.float16() else column
        result = pc.fill_null(_COMPARE[self.operator](column, value), False)
        held = pc.and_not(result, pc.is_null(column, nan_is_null=pa.types.is_floating(column.type)))
        return held.to_numpy(zero_copy_only=False).astype(bool)

    def _check_type(self, kind: pa.DataType) -> None:
        text = isinstance(self.value, str)
        if text != _is_text(kind) or not (_is_text(kind) or _is_numeric(kind)):
            required = f'`positive` ("{self}") must compare a {"text" if text else "numeric"} column'
            remedy = "Quote the value to compare texts, or convert the column."
            raise InputError(required, f"column {self.column!r} of type {kind}", remedy)

    def _scalar(self, kind: pa.DataType) -> pa.Scalar:
        if isinstance(self.value, float) and pa.types.is_floating(kind):
            with np.errstate(over="ignore"):
                held = float(kind.to_pandas_dtype()(self.value))  # 4.1 as the column would hold it
            return pa.scalar(held, pa.float64() if kind == pa.float64() else pa.float32())
        fits = isinstance(self.value, float) and self.value.is_integer() and abs(self.value) < 2**63
        if fits and pa.types.is_integer(kind):
            return pa.scalar(int(self.value))
        return pa.scalar(self.value)

    def __str__(self) -> str:
        value = repr(self.value) if isinstance(self.value, str) else f"{self.value:g}"
        return f"{self.column} {self.operator} {value}"


def _malformed(text: object) -> InputError:
    required = '`positive` must be "column operator value" with one of >=, >, <=, <, ==, !='
    return InputError(required, repr(text), 'Write e.g. "rating >= 4" or "event == \'buy\'".')


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _is_numeric(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
