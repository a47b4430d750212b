"""IdMap: external ids on one side, contiguous int32 codes on the other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from graphrec_lm.data.ids import as_objects, distinct, frozen, id_values, is_compact, kind_of
from graphrec_lm.errors import InputError, UnknownIdError, check_choice, first_few

DROP = "Use {what}s of the Dataset, or pass on_unknown='drop'."
_CHUNK = 1 << 20


@dataclass(frozen=True, eq=False, repr=False)
class IdMap:
    """A frozen, one-to-one map between external ids and the codes 0 .. n-1.

    Parameters
    ----------
    ids : array-like [n]
        Distinct integers or strings; `ids[code]` is the external id of `code`.

    Raises
    ------
    InputError
        On null, empty or duplicate ids, and on ids that are neither integers nor strings.

    Examples
    --------
    >>> ids = IdMap(["b", "a"])
    >>> ids.codes(["a", "b", "a"])
    array([1, 0, 1], dtype=int32)
    >>> ids.codes(["a", "z"], on_unknown="mark")
    array([ 1, -1], dtype=int32)
    >>> ids.ids[[1]]
    array(['a'], dtype=object)
    """

    ids: np.ndarray

    def __post_init__(self) -> None:
        ids = as_objects(id_values(self.ids, "ids"))
        object.__setattr__(self, "ids", frozen(ids.copy()))
        repeated = self.ids[self._index.duplicated()] if not self._index.is_unique else self.ids[:0]
        if len(repeated):
            found = f"repeated {first_few(pd.unique(repeated).tolist(), len(pd.unique(repeated)))}"
            raise InputError("ids must be distinct", found, "Keep one row for each id.")

    @classmethod
    def from_values(cls, values: Any, name: str = "ids") -> IdMap:
        """Return the map of the distinct ids in a column, in sorted order.

        >>> IdMap.from_values([5, 2, 5]).ids
        array([2, 5])
        """
        return cls(distinct(id_values(values, name)))

    @property
    def kind(self) -> str:
        """The type of the ids: "int" or "str"."""
        return "int" if self.ids.dtype.kind == "i" else "str"

    def codes(
        self, ids: Any, *, what: str = "item", on_unknown: str = "raise", remedy: str | None = None
    ) -> np.ndarray:
        """Return the int32 codes of external ids, shape [n].

        Parameters
        ----------
        ids : array-like [n]
            External ids, repeated ones allowed.
        what : str
            "item" or "user": the noun of the error.
        on_unknown : {"raise", "mark"}
            "mark" gives -1 for an id that the map lacks.
        remedy : str, optional
            What the error says to do; `{what}` stands for the noun.

        Raises
        ------
        UnknownIdError
            Naming the first five unknown ids and their count; under any policy if they are texts where the
            map has integers, or integers where it has texts: then all of them are a mistake.
        """
        check_choice("on_unknown", on_unknown, ("raise", "mark"))
        values = id_values(ids, f"{what}_id")
        if len(values) and len(self) and kind_of(values) != self.kind:
            raise self._unknown(values, np.ones(len(values), dtype=bool), what, remedy)
        codes = self._find(values)
        if on_unknown == "raise" and len(codes) and codes.min() < 0:
            raise self._unknown(values, codes < 0, what, remedy)
        return codes

    @cached_property
    def _index(self) -> pd.Index:
        return pd.Index(self.ids, dtype=self.ids.dtype)

    @cached_property
    def _places(self) -> np.ndarray | None:
        """For integer ids that lie close together: the code of each number from the smallest on, or -1."""
        if self.kind != "int" or not is_compact(self.ids, len(self)):
            return None
        places = np.full(int(self.ids.max()) - int(self.ids.min()) + 1, -1, dtype=np.int32)
        places[self.ids - self.ids.min()] = np.arange(len(self), dtype=np.int32)
        return places

    def _find(self, values: np.ndarray | pa.Array) -> np.ndarray:
        if kind_of(values) != self.kind:  # one of the two is empty
            return np.full(len(values), -1, dtype=np.int32)
        if isinstance(values, np.ndarray):
            if self._places is not None:
                return _look_up(self._places, self.ids.min(), values)
            return self._index.get_indexer(pd.Index(values)).astype(np.int32)
        encoded = values.dictionary_encode()
        found = self._index.get_indexer(pd.Index(as_objects(encoded.dictionary), dtype=object))
        return found.astype(np.int32)[encoded.indices.to_numpy()]

    def _unknown(
        self, values: np.ndarray | pa.Array, unknown: np.ndarray, what: str, remedy: str | None
    ) -> UnknownIdError:
        some = values[unknown] if isinstance(values, np.ndarray) else values.filter(pa.array(unknown))
        offenders = pd.unique(as_objects(some))
        remedy = (remedy or "Drop them, or use {what}s of the Dataset.").format(what=what)
        if kind_of(values) != self.kind:
            remedy = f"The known ids are {self.kind}, these are {kind_of(values)}: convert them."
        required = f"every {what} id must be one of the {len(self)} known"
        return UnknownIdError(required, f"unknown {first_few(offenders.tolist(), len(offenders))}", remedy)

    def __len__(self) -> int:
        return len(self.ids)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, IdMap):
            return NotImplemented
        return self is other or (self.kind == other.kind and np.array_equal(self.ids, other.ids))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        head = ", ".join(repr(i) for i in self.ids[:3].tolist())
        return f"IdMap({len(self)} {self.kind} ids: {head}{', ...' if len(self) > 3 else ''})"


def _look_up(places: np.ndarray, low: np.integer, values: np.ndarray) -> np.ndarray:
    """Codes by address, -1 outside the table: a hash of every value would take ten times as long."""
    codes = np.empty(len(values), dtype=np.int32)
    for start in range(0, len(values), _CHUNK):
        offsets = (values[start : start + _CHUNK] - low).view(np.uint64)  # below `low`: huge
        inside = offsets < len(places)
        codes[start : start + _CHUNK] = np.where(inside, places[np.where(inside, offsets, 0)], -1)
    return codes
