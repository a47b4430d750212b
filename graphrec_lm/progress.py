"""Progress of long work: a bar on a terminal or in a notebook, sparse log lines anywhere else."""

from __future__ import annotations

import logging
import sys
import time
from types import TracebackType
from typing import Any

logger = logging.getLogger("graphrec_lm")

SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """A bar of `total` steps; without a terminal, a log line at most every ten seconds.

    Parameters
    ----------
    total : int, optional
        Number of steps, if it is known.
    label : str
        What is being done, e.g. "AlphaRec".
    unit : str
        What one step is, e.g. "epoch".
    enabled : bool
        False shows nothing.

    Examples
    --------
    >>> with Progress(2, "count", enabled=False) as bar:
    ...     for _ in range(2):
    ...         bar.advance(loss=0.5)
    """

    def __init__(self, total: int | None, label: str, unit: str = "it", *, enabled: bool = True) -> None:
        self.total, self.label, self.unit, self.done = total, label, unit, 0
        self._enabled = enabled
        self._bar: Any = None
        self._started = self._last_line = time.monotonic()
        if enabled and (sys.stderr.isatty() or "ipykernel" in sys.modules):
            from tqdm import tqdm

            self._bar = tqdm(total=total, desc=label, unit=unit, leave=False)

    def advance(self, steps: int = 1, **values: float) -> None:
        """Count `steps` more as done and show the named values."""
        self.done += steps
        text = ", ".join(f"{name} {value:.4f}" for name, value in values.items())
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)
            self._bar.update(steps)
        elif self._enabled and self._is_time():
            self._last_line = time.monotonic()
            seconds = self._last_line - self._started
            logger.info(
                "%s: %s %s, %.0f s%s",
                self.label,
                self.done if self.total is None else f"{self.done}/{self.total}",
                self.unit,
                seconds,
                f", {text}" if text else "",
            )

    def _is_time(self) -> bool:
        return time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
