"""What is still to do of a plan, in an order in which an interrupted run is worth most, and doing it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comparing.entries import Entry
from comparing.plan import DataPlan, Plan
from comparing.process import TaskFailed, run_task, stop_all
from comparing.store import Store
from comparing.tuning import Trial, best_trial, is_over

TRIALS, ROWS = ("data", "entry", "key", "number"), ("data", "entry", "seed")


@dataclass
class Comparison:
    """A plan, its entries, and where everything lies.

    Attributes
    ----------
    plan : Plan
    entries : list of Entry
    data, results, scratch : Path
        Folders of the datasets, of what is kept, and of the per-user values.
    jobs : int
        Processes at a time.
    only : str
        "DATASET", "DATASET/MODEL" or "DATASET/MODEL/SEED"; "" for everything.
    again : bool
        Run final rows again that are there.
    hours : float
        No trial and no row begins after that.
    command : str
        By which it is run, for the report.
    """

    plan: Plan
    entries: list[Entry]
    data: Path
    results: Path
    scratch: Path
    jobs: int = 1
    only: str = ""
    again: bool = False
    hours: float = float("inf")
    command: str = "python benchmarks/compare.py --data FOLDER"

    def __post_init__(self) -> None:
        self.trials = Store(self.results / "compare.trials.jsonl", TRIALS)
        self.rows = Store(self.results / "compare.rows.jsonl", ROWS)
        self._by_name = {(entry.data, entry.name): entry for entry in self.entries}
        self._started, self._stopped = time.time(), False

    def trials_of(self, entry: Entry) -> list[Trial]:
        """Trials of an entry under the present plan."""
        found = self.trials.where(data=entry.data, entry=entry.name, key=entry.key(self.plan))
        return sorted(found, key=lambda trial: trial["number"])

    def chosen(self, entry: Entry) -> dict[str, Any] | None:
        """Parameters that tuning chose, those of the entry that this one is like; None if it is not over."""
        if entry.like:
            base = self._by_name[entry.data, entry.like]
            taken = self.chosen(base)
            return None if taken is None else {k: v for k, v in taken.items() if k not in self._own(entry)}
        if not entry.space:
            return {}
        trials, budget = self.trials_of(entry), self._where(entry).budget
        best = best_trial(trials)
        return best["params"] if best and is_over(trials, budget.trials, budget.seconds) else None

    def rows_of(self, entry: Entry) -> list[dict[str, Any]]:
        """Final rows of an entry under the present plan and tuning, in the order of the seeds."""
        chosen = self.chosen(entry)
        if chosen is None:
            return []
        found = self.rows.where(data=entry.data, entry=entry.name, key=entry.key(self.plan, chosen))
        return sorted((row for row in found if row["seed"] in entry.seeds), key=lambda row: row["seed"])

    def failure(self, entry: Entry) -> str:
        """Why an entry has no row, or lacks seeds; "" if it has all, or they were not tried."""
        done = {row["seed"] for row in self.finished(entry)}
        failed = [
            row["error"]
            for row in self.rows.where(data=entry.data, entry=entry.name)
            if "error" in row and row["seed"] not in done
        ]
        return failed[0] if failed else ""

    def finished(self, entry: Entry) -> list[dict[str, Any]]:
        """Final rows that ended well."""
        return [row for row in self.rows_of(entry) if "error" not in row]

    def run(self) -> None:
        """Do what is missing: tuning and first seeds, then variants, then the other seeds."""
        asked = [entry for entry in self.entries if not entry.skipped and self.is_asked(entry)]
        wanted = {(entry.data, entry.name) for entry in asked}
        needed = {(entry.data, entry.like) for entry in asked if entry.like} - wanted
        own = [
            entry for entry in self.entries if (entry.data, entry.name) in wanted | needed and not entry.like
        ]
        stages: list[list[tuple[Callable[..., None], tuple[Any, ...]]]] = [
            [(self._tune_and_first, (entry, (entry.data, entry.name) in wanted)) for entry in own],
            [(self._row, (entry, seed)) for entry in asked if entry.like for seed in self._seeds(entry)[:1]],
            [(self._row, (entry, seed)) for seed, entry in self._later(asked)],
        ]
        for stage in stages:
            with ThreadPoolExecutor(self.jobs) as pool:
                running = [pool.submit(function, *arguments) for function, arguments in stage]
                try:
                    for future in running:
                        future.result()
                except BaseException:
                    self._stopped = True
                    pool.shutdown(wait=False, cancel_futures=True)
                    stop_all()
                    raise

    def _later(self, entries: Iterable[Entry]) -> Iterator[tuple[int, Entry]]:
        """Further seeds, seed by seed, so that an interrupted table has equally many everywhere."""
        seeds = {(entry.data, entry.name): self._seeds(entry)[1:] for entry in entries}
        for place in range(max((len(own) for own in seeds.values()), default=0)):
            for entry in entries:
                own = seeds[entry.data, entry.name]
                if place < len(own):
                    yield own[place], entry

    def _tune_and_first(self, entry: Entry, with_row: bool) -> None:
        if entry.space and self.chosen(entry) is None and not self._is_late():
            self._tune(entry)
        if with_row:
            for seed in self._seeds(entry)[:1]:
                self._row(entry, seed)

    def _tune(self, entry: Entry) -> None:
        budget, begun, since = self._where(entry).budget, {}, [time.perf_counter()]
        task = self._task(entry, "tune") | {"params": entry.params, "trials": self.trials_of(entry)}
        task |= {"space": entry.space, "start": entry.start, "seed": self.plan.seed}
        task |= {"count": budget.trials, "seconds": budget.seconds, "fit_seconds": budget.fit_seconds}

        def receive(record: dict[str, Any]) -> None:
            since[0] = time.perf_counter()
            if "begin" in record:
                begun.update(params=record["begin"])
                return
            begun.clear()
            self._keep_trial(entry, record)

        while not is_over(task["trials"], budget.trials, budget.seconds):
            try:
                run_task(task, receive, jobs=self.jobs, kill_seconds=budget.kill_seconds)
            except TaskFailed as failure:
                self._check_stopped(failure)
                if not begun:
                    self._keep_failure(entry, self._seeds(entry)[:1], f"tuning: {failure}")
                    return
                seconds = time.perf_counter() - since[0]
                lost = {"state": "killed", "value": None, "seconds": seconds, "error": str(failure)}
                self._keep_trial(entry, {"number": len(self.trials_of(entry)), **begun, **lost})
                begun.clear()
            task["trials"] = self.trials_of(entry)

    def _row(self, entry: Entry, seed: int) -> None:
        chosen = self.chosen(entry)
        if chosen is None and self._is_late():
            return
        if chosen is None:
            self._keep_failure(entry, [seed], self._untuned(entry))
            return
        key = entry.key(self.plan, chosen)
        present = self.rows.where(data=entry.data, entry=entry.name, seed=seed, key=key)
        done = [row for row in present if "error" not in row]
        if (done and not (self.again and done[0].get("at", 0) < self._started)) or self._is_late():
            return
        budget = self._where(entry).budget
        task = self._task(entry, "row") | {"params": {**entry.params, **chosen}, "seed": seed, "key": key}
        task |= {"final_seconds": entry.final_seconds, "per_user": str(self.per_user(entry, seed, key))}
        task |= {"log": str(self.results / "test_log.jsonl")}
        try:
            run_task(task, self._keep_row, jobs=self.jobs, kill_seconds=budget.kill_seconds)
        except TaskFailed as failure:
            self._check_stopped(failure)
            self._keep_failure(entry, [seed], str(failure))

    def _untuned(self, entry: Entry) -> str:
        """Why nothing was chosen: the error of the last trial."""
        own = self._by_name[entry.data, entry.like or entry.name]
        errors = [trial["error"] for trial in self.trials_of(own) if "error" in trial]
        return f"no trial of {own.name} ended well" + "".join(f" ({error})" for error in errors[-1:])

    def _is_late(self) -> bool:
        return time.time() - self._started > 3600 * self.hours

    def _check_stopped(self, failure: TaskFailed) -> None:
        """A task that failed since everything was stopped, didn't fail."""
        if self._stopped:
            raise failure

    def per_user(self, entry: Entry, seed: int, key: str) -> Path:
        """The file with the per-user values of a row."""
        return self.scratch / entry.data / f"{entry.name}.{seed}.{key}.npz"

    def _keep_trial(self, entry: Entry, trial: Trial) -> None:
        self.trials.put({"data": entry.data, "entry": entry.name, "key": entry.key(self.plan), **trial})
        value = f"{trial['value']:.4f}" if trial["state"] == "done" else trial["state"]
        self._say(f"{entry.data}/{entry.name} trial {trial['number']}: {value}, {trial['seconds']:.1f} s")

    def _keep_row(self, row: dict[str, Any]) -> None:
        self.rows.put(row | {"at": time.time()})
        valid = f"validation {row['valid_ndcg@20']:.4f}"
        self._say(f"{row['data']}/{row['entry']}/{row['seed']}: {valid}, {row['fit_seconds']:.1f} s")

    def _keep_failure(self, entry: Entry, seeds: Iterable[int], reason: str) -> None:
        good = {row["seed"] for row in self.finished(entry)}
        for seed in seeds:
            if seed not in good:
                where = {"data": entry.data, "entry": entry.name, "seed": seed}
                self.rows.put({**where, "key": "", "error": reason})
            self._say(f"{entry.data}/{entry.name}/{seed} FAILED: {reason}")

    def _say(self, text: str) -> None:
        print(f"{time.time() - self._started:7.0f} s  {text}", flush=True)

    def _task(self, entry: Entry, kind: str) -> dict[str, Any]:
        task = {"kind": kind, "domain": self._place(entry.data), "data": entry.data, "entry": entry.name}
        task |= {"sources": {source: self._place(source) for source in entry.sources}}
        return task | {"model": entry.model, "encoder": entry.encoder, "k": self.plan.k}

    def _place(self, name: str) -> dict[str, Any]:
        """Where a dataset lies and how it is read: the arguments of `domains.read`."""
        where = self.plan.data[name]
        place = {"folder": str(self.data / where.folder), "split": where.split}
        return place | {"known_users": where.known_users, "reader": where.reader}

    def _where(self, entry: Entry) -> DataPlan:
        return self.plan.data[entry.data]

    def _own(self, entry: Entry) -> Any:
        return self.plan.variants[entry.base].params

    def _seeds(self, entry: Entry) -> list[int]:
        parts = self.only.split("/")
        return [seed for seed in entry.seeds if len(parts) < 3 or str(seed) == parts[2]]

    def is_asked(self, entry: Entry) -> bool:
        """Whether `only` means this entry: its dataset, its name or that of its model in the plan."""
        data, *model = self.only.split("/")
        return not self.only or (data == entry.data and (not model or model[0] in (entry.name, entry.base)))
