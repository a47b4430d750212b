"""Interactions: every row that was given, positive or not, with its other columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec_lm.data.ids import frozen
from graphrec_lm.errors import InputError, did_you_mean, first_few


@dataclass(frozen=True, eq=False)
class Interactions:
    """The rows of an interaction table in codes, in the order they were given.

    Parameters
    ----------
    user_codes, item_codes : int32 [n]
        Who and what, as codes of the Dataset's IdMaps.
    positive : bool [n]
        Whether the row is (part of) an edge.
    columns : pyarrow.Table
        All other columns (rating, timestamp, split, ...), row by row; no columns if there are none.
    """

    user_codes: np.ndarray
    item_codes: np.ndarray
    positive: np.ndarray
    columns: pa.Table

    def __post_init__(self) -> None:
        for name in ("user_codes", "item_codes", "positive"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    def __len__(self) -> int:
        return len(self.user_codes)

    def select(self, keep: np.ndarray, positive: np.ndarray | None = None) -> Interactions:
        """Return the rows where the bool mask `keep` [n] holds, with other `positive` flags if given."""
        flags = self.positive if positive is None else positive
        columns = self.columns.filter(pa.array(keep)) if self.columns.num_columns else self.columns
        return Interactions(self.user_codes[keep], self.item_codes[keep], flags[keep], columns)

    def column(self, name: str) -> pa.ChunkedArray:
        """Return one of the other columns; InputError, with the nearest name, if there is none."""
        if name not in self.columns.column_names:
            remedy = did_you_mean(name, self.columns.column_names)
            raise InputError(f"the interactions must have a column {name!r}", "none of that name", remedy)
        return self.columns[name]

    def times(self, name: str = "timestamp") -> np.ndarray:
        """Return a numeric or datetime column as int64 or float64 [n].

        A row that is not positive may be without a time: it has the latest of all.

        Raises
        ------
        InputError
            If a positive row has no time, or the column holds neither dates nor numbers that fit.
        """
        column = self.column(name)
        if pa.types.is_temporal(column.type):
            unit = pa.int32() if column.type.bit_width == 32 else pa.int64()
            column = column.cast(unit).cast(pa.int64())
        if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
            remedy = "Convert it to numbers or dates."
            raise InputError(f"column {name!r} must hold numbers or dates", str(column.type), remedy)
        missing = pc.is_null(column, nan_is_null=True).to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(missing & self.positive)
        if len(rows):
            found = f"null at rows {first_few(rows.tolist(), len(rows))}"
            raise InputError(f"column {name!r} must have no nulls in positive rows", found, "Fill them.")
        try:
            column = column.cast(pa.float64() if pa.types.is_floating(column.type) else pa.int64())
        except pa.ArrowInvalid as error:
            required = f"column {name!r} must hold numbers below 2**63"
            raise InputError(required, str(error), "Take seconds, or floats.") from None
        times = pc.fill_null(column, 0).to_numpy().copy()
        known = times[~missing]
        times[missing] = known.max() if len(known) else 0
        return times
