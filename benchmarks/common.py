"""What the benchmarks share: reading the data folders, saying what machine this is, atomic results."""

from __future__ import annotations

import json
import os
import platform
import statistics as averages
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import graphrec_lm as gl
from graphrec_lm.files import atomic_file
from graphrec_lm.text import PrecomputedEncoder

RESULTS = Path(__file__).parent / "results"
LMS = {"minilm": "all-MiniLM-L6-v2", "mpnet": "all-mpnet-base-v2"}  # what `titles.<lm>.f16.npy` are by


def read_dataset(folder: Path) -> tuple[gl.Dataset, Any]:
    """A domain's positives with their columns, and which rows of its item table are ranked, bool [rows].

    The folder holds `interactions.csv.gz` (`user_id, item_id, split, ...`; an empty `split` is no
    positive) and `items.csv.gz` (`item_id, title, ...`). Items in no positive are left out of the ranking.
    """
    rows, items, ranked = read_tables(folder)
    return gl.Dataset.from_frame(rows, items[ranked]), ranked


def read_tables(folder: Path, keep: Callable[[Any], Any] = lambda rows: rows) -> tuple[Any, Any, Any]:
    """Positives that `keep` keeps, ids and titles of the items, and which of these are in a positive."""
    rows = pd.read_csv(folder / "interactions.csv.gz")
    rows = keep(rows[rows["split"].notna()])
    items = pd.read_csv(folder / "items.csv.gz")[["item_id", "title"]]
    return rows, items, items["item_id"].isin(rows["item_id"].unique()).to_numpy()


def read_vectors(folder: Path, lm: str, ranked: Any) -> Any:
    """Title embeddings in `titles.<lm>.f16.npy`, one row an item of the table; float32 [ranked, dim]."""
    return np.load(folder / f"titles.{lm}.f16.npy")[ranked].astype(np.float32)


def read_domain(folder: Path, lm: str = "minilm") -> tuple[Any, PrecomputedEncoder]:
    """A domain's fixed split and its title embeddings; see `read_dataset` and `read_vectors`."""
    dataset, ranked = read_dataset(folder)
    vectors = read_vectors(folder, lm, ranked)
    encoder = PrecomputedEncoder(texts=dataset.titles, embeddings=vectors, model=LMS.get(lm))
    return dataset.split("from_column"), encoder


def pairs(dataset: gl.Dataset, rows: Any = slice(None)) -> pd.DataFrame:
    """Positive pairs by external ids, `user_id, item_id`: all, or these rows in the order of `edges`."""
    return dataset.to_frame()[["user_id", "item_id"]].iloc[rows].reset_index(drop=True)


def statistics(split: Any) -> dict[str, Any]:
    """Dataset statistics that stand beside the figures."""
    sizes = {part: getattr(split, part).n_interactions for part in ("train", "valid", "test")}
    return {"users": split.train.n_users, "items": split.train.n_items, **sizes, "split_hash": split.hash}


def environment() -> dict[str, Any]:
    """Hardware and versions."""
    import numba
    import torch

    packages = ("torch", "numpy", "numba", "scipy", "torch-geometric")
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "threads": {"torch": torch.get_num_threads(), "numba": numba.get_num_threads()},
        "python": platform.python_version(),
        "graphrec_lm": gl.__version__,
        **{package: version(package) for package in packages},
    }


def machine() -> str:
    """`environment` in a sentence."""
    return "; ".join(f"{name} {value}" for name, value in environment().items()) + "."


def _cpu() -> str:
    """Model name and the flags that matter for matrix products."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    name = next((line.split(":")[1].strip() for line in text.splitlines() if "model name" in line), "unknown")
    return f"{name}{', AVX512-BF16' if 'avx512_bf16' in text else ''}"


def peak_memory_mib() -> float:
    """Largest resident set of this process so far, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024 if sys.platform != "darwin" else peak / 2**20


def reset_peak_memory() -> None:
    """Let `peak_memory_mib` count from the present use on (Linux only)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def median_ms(call: Callable[[], Any], times: int, before: Callable[[], None] = lambda: None) -> float:
    """Median milliseconds of a call; what is done `before` each is not counted."""
    found = []
    for _ in range(times):
        before()
        started = time.perf_counter()
        call()
        found.append(1e3 * (time.perf_counter() - started))
    return averages.median(found)


def write_text(path: Path, text: str) -> None:
    """Write a file, whole or not at all."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def append_log(path: Path, record: dict[str, Any]) -> None:
    """Append one JSON line: each evaluation of test is logged."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"time": datetime.now(UTC).isoformat(timespec="seconds"), **record}) + "\n")
