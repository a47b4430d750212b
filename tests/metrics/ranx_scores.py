"""Score runs with ranx in a process of its own: cases as JSON on standard input, scores on standard output.

The caller sets NUMBA_DISABLE_JIT=1: compiling ranx takes a minute, running its equations as plain Python
none.
"""

from __future__ import annotations

import json
import sys

from ranx import Qrels, Run, evaluate


def scores_of(
    relevant: dict[str, dict[str, int]], run: dict[str, dict[str, float]], metrics: list[str]
) -> dict:
    """Return metric -> scores in the order of the sorted user names."""
    lists = Run(run)
    evaluate(Qrels(relevant), lists, metrics)
    return {metric: [float(lists.scores[metric][user]) for user in sorted(relevant)] for metric in metrics}


if __name__ == "__main__":
    json.dump([scores_of(*case) for case in json.load(sys.stdin)], sys.stdout)
