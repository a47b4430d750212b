"""The rows of a table that compares models."""

from __future__ import annotations

from collections.abc import Mapping

_LABELS = {
    "recall": "Recall",
    "precision": "Precision",
    "ndcg": "NDCG",
    "hit_rate": "HitRate",
    "mrr": "MRR",
    "map": "MAP",
}


def metric_label(name: str) -> str:
    """Return a metric's name as papers write it.

    >>> metric_label("ndcg@20"), metric_label("valid_ndcg@20"), metric_label("loss")
    ('NDCG@20', 'validation NDCG@20', 'loss')
    """
    part, _, bare = name.rpartition("valid_")
    stem, at, k = bare.partition("@")
    return f"{'validation ' if part or name != bare else ''}{_LABELS.get(stem, stem)}{at}{k}"


def comparison_rows(
    evaluations: Mapping[str, Mapping[str, float]], seconds: Mapping[str, float] | None = None
) -> list[dict[str, object]]:
    """Return one row a model, for `render_table`.

    Parameters
    ----------
    evaluations : mapping
        What to call a model -> its Evaluation, or any mapping "ndcg@20" -> mean.
    seconds : mapping, optional
        What to call a model -> seconds of its fit; a column "fit s".

    Examples
    --------
    >>> comparison_rows({"MF": {"ndcg@20": 0.1}}, seconds={"MF": 3.21})
    [{'model': 'MF', 'NDCG@20': 0.1, 'fit s': 3.2}]
    """
    rows: list[dict[str, object]] = []
    for name, evaluation in evaluations.items():
        row: dict[str, object] = {"model": name}
        row |= {metric_label(metric): value for metric, value in evaluation.items()}
        if seconds is not None:
            row["fit s"] = round(seconds[name], 1)
        rows.append(row)
    return rows
