"""A small table of findings: rows to print, to index, or to have as a frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphrec_lm.errors import InputError, did_you_mean
from graphrec_lm.evaluation.tables import render_table


@dataclass(frozen=True, repr=False)
class Report:
    """Rows with the same columns; the first column names the row, numbers that do not exist are None.

    Attributes
    ----------
    rows : tuple of dict
        Column name -> value.
    note : str
        What a reader of the table must know.

    Examples
    --------
    >>> report = Report(({"measure": "CKA", "value": 0.25}, {"measure": "overlap@10", "value": 0.1}))
    >>> report
    measure      value
    ----------  ------
    CKA         0.2500
    overlap@10  0.1000
    >>> report.column("value")["CKA"]
    0.25
    """

    rows: tuple[dict[str, Any], ...]
    note: str = ""

    def column(self, name: str) -> dict[str, Any]:
        """Return one column as a mapping from what the rows are called.

        Raises
        ------
        InputError
            If there is no such column.
        """
        names = list(self.rows[0]) if self.rows else []
        if name not in names:
            raise InputError("`name` must be a column of the report", repr(name), did_you_mean(name, names))
        return {row[names[0]]: row[name] for row in self.rows}

    def to_frame(self) -> Any:
        """Return the rows as a pandas frame."""
        import pandas as pd

        return pd.DataFrame(list(self.rows))

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return render_table(self.rows) + (f"\n\n{self.note}" if self.note else "")
