from __future__ import annotations

import numpy as np
import pytest

from graphrec_lm.errors import InputError
from graphrec_lm.evaluation import comparison_rows, render_table


def test_texts_stand_left_and_numbers_right():
    rows = [{"model": "AlphaRec", "n": 3, "x": 0.25}, {"model": "MF", "n": 12, "x": 1}]
    assert render_table(rows).splitlines() == [
        "model      n       x",
        "--------  --  ------",
        "AlphaRec   3  0.2500",
        "MF        12       1",
    ]


def test_markdown_escapes_the_bar_and_takes_formats():
    rows = [{"title": "A|B", "s": np.float32(0.5)}]
    assert render_table(rows, style="markdown", formats={"s": ".1f"}).splitlines() == [
        "| title | s   |".replace("s  ", "  s"),
        "|:------|----:|",
        "| A\\|B  | 0.5 |",
    ]


def test_long_texts_are_cut_to_the_width():
    lines = render_table([{"rank": 1, "title": "x" * 300, "score": 0.5}], width=60).splitlines()
    assert {len(line) for line in lines} == {60}
    assert "…" in lines[2]


def test_wide_and_combining_characters_keep_the_columns():
    lines = render_table([{"t": "千と千尋", "n": 1}, {"t": "Ame\u0301lie", "n": 2}]).splitlines()
    assert lines[2] == "千と千尋  1"
    assert lines[3] == "Ame\u0301lie    2"


def test_missing_values_and_line_breaks():
    text = render_table([{"a": 1.0, "b": "x\ny"}, {"b": "z"}])
    assert text.splitlines()[2:] == ["1.0000  x y", "     -  z"]


def test_no_rows_no_table():
    assert render_table([]) == ""


def test_an_unknown_style_is_refused():
    with pytest.raises(InputError, match="Did you mean 'markdown'"):
        render_table([{"a": 1}], style="markdwn")


def test_comparison_rows_have_labels_and_seconds():
    rows = comparison_rows({"MF": {"hit_rate@5": 0.1, "mrr@5": 0.2}}, {"MF": 1.26})
    assert rows == [{"model": "MF", "HitRate@5": 0.1, "MRR@5": 0.2, "fit s": 1.3}]


def test_numbers_are_never_cut():
    row = {"title": "x" * 50, "users": 123_456_789, "seconds": 12345.678}
    lines = render_table([row], width=30).splitlines()
    assert "123456789" in lines[2] and "12345.6780" in lines[2] and "…" in lines[2]
