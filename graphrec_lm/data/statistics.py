"""What printing a Dataset shows."""

from __future__ import annotations

import html
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from graphrec_lm.data.dataset import Dataset


def statistics(dataset: Dataset) -> dict[str, str]:
    """Return the rows of the printed summary: name -> value as text."""
    cells = dataset.n_users * dataset.n_items
    rows = {
        "users": f"{dataset.n_users:,}",
        "items": f"{dataset.n_items:,}",
        "interactions": f"{dataset.n_interactions:,}",
        "rows": f"{len(dataset.interactions):,}",
        "density": f"{dataset.n_interactions / cells:.4%}" if cells else "-",
        "per user": _spread(dataset.user_counts),
        "per item": _spread(dataset.item_counts),
        "weights": "yes" if dataset.weights is not None else "no",
        "titles": "yes" if dataset.has_titles else "no",
        "time range": _time_range(dataset.interactions.columns),
    }
    if dataset.rules.positive is not None:
        rows["positive"] = str(dataset.rules.positive)
    return rows


def as_text(dataset: Dataset) -> str:
    """Return the summary as aligned lines."""
    rows = statistics(dataset)
    width = max(map(len, rows))
    return "\n".join(["Dataset", *(f"  {name:<{width}}  {value}" for name, value in rows.items())])


def as_html(dataset: Dataset) -> str:
    """Return the summary as an HTML table."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
        for name, value in statistics(dataset).items()
    )
    return f"<table><caption>Dataset</caption>{rows}</table>"


def _spread(counts: np.ndarray) -> str:
    if len(counts) == 0:
        return "-"
    return (
        f"mean {counts.mean():.1f}, median {np.median(counts):g}, min {counts.min():,}, max {counts.max():,}"
    )


def _time_range(columns: pa.Table) -> str:
    if "timestamp" not in columns.column_names or columns.num_rows == 0:
        return "-"
    column = columns["timestamp"]
    if not (
        pa.types.is_temporal(column.type)
        or pa.types.is_integer(column.type)
        or pa.types.is_floating(column.type)
    ):
        return "-"
    ends = pc.min_max(column).as_py()
    return " to ".join(_when(end) for end in ends.values())


def _when(value: object) -> str:
    """Show a time: dates as they are, numbers as seconds (or milliseconds) since 1970 if they can be."""
    if not isinstance(value, (int, float)):
        return "-" if value is None else str(value)[:10]
    seconds = value / 1000 if value > 1e11 else value
    if not 1e8 < seconds < 1e10:
        return f"{value:g}"
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%d")
