"""What language-model features cost: encoding, memory, disk, and time a prediction."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from graphrec_lm.ctr.base import CTRModel, as_table
from graphrec_lm.ctr.features import Features
from graphrec_lm.ctr.text_features import TextBlock
from graphrec_lm.errors import InputError, check_number
from graphrec_lm.text import embed


def lm_cost(model: CTRModel, rows: Any, *, predictions: int = 20) -> dict[str, float]:
    """Measure what the sentences of `rows` cost a fitted model with `text`.

    Everything is measured with a cache on disk of its own, in a temporary folder that is removed: the
    user's cache is neither read nor filled.

    Parameters
    ----------
    model : CTRModel
        Fitted, with `text`, its encoder at hand.
    rows : dataframe
    predictions : int
        Single-row predictions that are timed; the median is given.

    Returns
    -------
    dict
        `sentences`; `encode_seconds` (from nothing, the model loaded) and `encode_mib` (growth of the
        process's memory meanwhile, at its peak); `cache_mib` on disk; milliseconds of one prediction:
        `known_ms` (sentence in the model), `warm_ms` (in the cache on disk), `cold_ms` (encoded) and
        `raw_ms` (the same rows, sentences left out of the clock).

    Raises
    ------
    InputError
        If the model has no text features or no encoder.
    """
    check_number("predictions", predictions, least=1, integer=True)
    table, features = as_table(rows, "rows"), model._state.features
    if not features.texts or any(block.encoder is None for block in features.texts):
        raise InputError("`model` must have text features and their encoder", "none", "Fit it with text=.")
    sentences = [
        b.template.render(dict(zip(table.column_names, table.columns, strict=True)))[0]
        for b in features.texts
    ]
    encoders = [block.encoder for block in features.texts]
    for texts, encoder in zip(sentences, encoders, strict=True):
        encoder.encode(texts[:1])  # type: ignore[union-attr]
    with tempfile.TemporaryDirectory() as folder:

        def encode() -> None:
            for texts, encoder in zip(sentences, encoders, strict=True):
                embed(texts, encoder, cache=folder)  # type: ignore[arg-type]

        seconds, mib = _watched(encode)
        size = sum(f.stat().st_size for f in Path(folder).rglob("*") if f.is_file()) / 2**20
    few = table.take(np.arange(predictions) * max(1, table.num_rows // predictions) % table.num_rows)
    singles = [few.slice(place, 1) for place in range(predictions)]
    figures = {"sentences": float(sum(map(len, sentences))), "encode_seconds": seconds, "encode_mib": mib}
    return figures | {"cache_mib": size} | _latencies(model, features, singles)


def _latencies(model: CTRModel, features: Features, singles: list[pa.Table]) -> dict[str, float]:
    model.predict_proba(singles[0])
    times = {"known_ms": _median(model.predict_proba, singles)}
    known = [(block, block.keys, block.vectors, block.options) for block in features.texts]
    try:
        with tempfile.TemporaryDirectory() as folder:
            for block, _, _, options in known:
                _forget(block)
                block.options = type(options)(**{**vars(options), "cache": folder})
            times["cold_ms"] = _median(model.predict_proba, singles)
            times["warm_ms"] = _median(model.predict_proba, singles)
    finally:
        for block, block.keys, block.vectors, block.options in known:
            block._known.clear()

    def sentences(single: pa.Table) -> None:
        for block in features.texts:
            block.transform(single)

    sentences(singles[0])  # fills the table of known sentences again
    return times | {"raw_ms": max(0.0, times["known_ms"] - _median(sentences, singles))}


def _forget(block: TextBlock) -> None:
    """Let a block know no sentence but the first, so that it asks cache and encoder."""
    block.keys, block.vectors = block.keys[:0], np.zeros((1, block.vectors.shape[1]), np.float32)
    block._known.clear()


def _median(call: Callable[[pa.Table], Any], singles: list[pa.Table]) -> float:
    times = []
    for single in singles:
        started = time.perf_counter()
        call(single)
        times.append(time.perf_counter() - started)
    return float(1e3 * np.median(times))


def _watched(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds of `work`, and MiB by which the process grew meanwhile (0 where /proc is not there)."""
    before, peak, done = _resident(), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak[0] = max(peak[0], _resident())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    started = time.perf_counter()
    try:
        work()
    finally:
        seconds = time.perf_counter() - started
        done.set()
        watcher.join()
    return seconds, max(0.0, max(peak[0], _resident()) - before)


def _resident() -> float:
    path = Path("/proc/self/statm")
    if not path.exists():
        return 0.0
    return int(path.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
