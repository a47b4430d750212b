"""Which columns describe the user, the item and the context, and of what kind each is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from graphrec_lm.errors import InputError, check_choice, did_you_mean

KINDS = ("auto", "category", "list", "number", "time", "text")
SIDES = ("user", "item", "context")
_TIMES, _TEXTS = ("timestamp", "time", "date", "datetime"), ("title", "description", "text", "plot")


@dataclass(frozen=True)
class Field:
    """One column.

    Parameters
    ----------
    name : str
    kind : {"auto", "category", "list", "number", "time", "text"}
        "auto" decides by the column: texts and booleans are categories (lists if `|` separates values),
        names such as `title` texts, `timestamp` times, `*_id` categories, other numbers numbers. A "text"
        is for sentences alone.
    separator : str
        Between the values of a list that is given as a text.

    Examples
    --------
    >>> Field("genres", "list", separator=" ").kind
    'list'
    """

    name: str
    kind: str = "auto"
    separator: str = "|"

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, KINDS)
        if not isinstance(self.separator, str) or not self.separator:
            raise InputError(
                "`separator` must be a text of one sign or more", repr(self.separator), "Pass '|'."
            )

    def resolved(self, column: pa.ChunkedArray) -> Field:
        """The same field with its kind decided."""
        return Field(self.name, self._kind(column), self.separator) if self.kind == "auto" else self

    def _kind(self, column: pa.ChunkedArray) -> str:
        kind, name = column.type, self.name.lower()
        if pa.types.is_nested(kind):
            return "list"
        if pa.types.is_temporal(kind) or name in _TIMES:
            return "time"
        if pa.types.is_integer(kind) or pa.types.is_floating(kind):
            return "category" if name == "id" or name.endswith("_id") else "number"
        if name in _TEXTS:
            return "text"
        texts = not pa.types.is_boolean(kind)
        is_list = texts and pc.any(pc.match_substring(column.cast(pa.string()), self.separator)).as_py()
        return "list" if is_list else "category"


@dataclass(frozen=True)
class Fields:
    """The columns of a click or rating model, by whom they describe.

    Parameters
    ----------
    user, item, context : sequence of str or Field
        Besides the ids.
    user_id, item_id : str, optional
        Columns of the ids; None if there are none. They make embeddings, and group the rows for statistics.

    Raises
    ------
    InputError
        For a column named twice, and (at fit) one that is not there.

    Examples
    --------
    >>> fields = Fields(user=["age"], item=["title", Field("genres", "list")], context=["timestamp"])
    >>> [field.name for field, side in fields if side == "item"]
    ['item_id', 'title', 'genres']
    """

    user: Sequence[str | Field] = ()
    item: Sequence[str | Field] = ()
    context: Sequence[str | Field] = ()
    user_id: str | None = "user_id"
    item_id: str | None = "item_id"

    def __post_init__(self) -> None:
        for side in SIDES:
            given = getattr(self, side)
            if isinstance(given, str | Field):
                raise InputError(f"`{side}` must be a list of columns", repr(given), f"Pass [{given!r}].")
            own = tuple(f if isinstance(f, Field) else Field(f) for f in given)
            object.__setattr__(self, side, own)
        names = [field.name for field, _ in self]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError("each column must be one field", f"{twice[0]!r} twice", "Name it once.")

    def __iter__(self) -> Iterator[tuple[Field, str]]:
        for side in SIDES:
            identity = getattr(self, f"{side}_id", None)
            if identity is not None:
                yield Field(identity, "category"), side
            for field in getattr(self, side):
                yield field, side

    def resolve(self, table: pa.Table) -> list[tuple[Field, str]]:
        """Every field with its kind decided by `table`, and its side."""
        for field, _ in self:
            if field.name not in table.column_names:
                remedy = did_you_mean(field.name, table.column_names)
                if field.name in (self.user_id, self.item_id):
                    which = "user_id" if field.name == self.user_id else "item_id"
                    remedy = f"Pass Fields(..., {which}=None) to do without. {remedy}"
                raise InputError("the rows must have every field", f"no {field.name!r}", remedy)
        return [(field.resolved(table[field.name]), side) for field, side in self]

    def to_dict(self) -> dict[str, Any]:
        """As JSON; `Fields(**...)` of it with `Field`s rebuilt is the reverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> Fields:
        """The reverse of `to_dict`."""
        sides = {side: [Field(**field) for field in saved[side]] for side in SIDES}
        return cls(**sides, user_id=saved["user_id"], item_id=saved["item_id"])
