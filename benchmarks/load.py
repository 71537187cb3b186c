"""Reading a large sweep back: its events for scoring, and what is left to run.

    python -m benchmarks.load [--trials 1000000] [--folder FOLDER]

Builds the file that a sweep of so many trials leaves (5 models x 5 harnesses x 200 tasks of `orders`, trials in the
order in which the plan starts them, payloads of the size that sweeps here have), in a temporary folder that is removed.
Each figure is the median of three. Prints name=value lines:

    load_seconds_1m      Store.columns(): every trial, every event
    read_seconds         reading the file's bytes, plainly
    scan_seconds         SELECT events, stepped through and dropped
    load_multiple        load over the larger of these two
    load_system_seconds  of loading, what the kernel took: it reads pages and supplies memory, dearly on some hosts
    rows_seconds         a scan with every column that loading needs, dropped likewise
    resume_seconds_1m    planning the resume: the grid laid out, what is stored looked up, what is left
    plan_seconds_1m      of these: laying out the grid
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.traces import synthetic_sweep
from harnesslab.config import Config, parse
from harnesslab.lab.setup import open_store, store_cells, store_tasks
from harnesslab.plan import Plan, make_plan
from harnesslab.store.load import ROWS
from harnesslab.store.sqlite import FILE, Store

GRID = """
models = ["smollm2-135m", "qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b", "qwen3-4b", "qwen3-8b"]
suites = [{{ name = "orders", n = 200 }}]
repeats = {repeats}
[harness.a]
layers = []
[harness.b]
layers = ["validate"]
[harness.c]
layers = ["retry"]
[harness.d]
layers = ["validate", "retry"]
[harness.e]
layers = ["abort"]
"""
CELLS_TIMES_TASKS = 25 * 200
PAYLOAD = 60  # bytes per event, deflated: as in the sweeps of this machine
RUNS = 3


def grid(trials: int) -> Config:
    """A config of about so many trials."""
    return parse(GRID.format(repeats=max(1, trials // CELLS_TIMES_TASKS)), Path("load.toml"))


def build(plan: Plan, folder: Path) -> None:
    """Writes every trial of the plan. Rows are inserted directly: one transaction each would take most of an hour."""
    with open_store(plan, folder) as store:
        cells, tasks = store_cells(store, plan), store_tasks(store, plan)
        run = store.begin_run({"engines": {}})
    made = synthetic_sweep(len(plan.trials))
    noise = np.random.default_rng(0).bytes(PAYLOAD * 4096)

    def rows() -> Iterator[tuple[Any, ...]]:
        fields = made.trials[["status", "end", "seconds", "joules", "started", "measured"]]
        for i, (trial, row) in enumerate(zip(plan.trials, fields.tolist(), strict=True)):
            status, end, seconds, joules, started, measured = row
            events = made.events[made.offsets[i] : made.offsets[i + 1]]
            at = 97 * i % (len(noise) // 2)
            payload = noise[at : at + PAYLOAD * len(events)]
            cell, task = cells[trial.cell], tasks[trial.task]
            facts = '{"reasons":["the order is still open, and the answer does not name it"],"flags":[],"stall":3}'
            yield (
                *(trial.id, cell, task, trial.repeat, status, end, seconds, joules, started, run),
                *(facts, events.tobytes(), payload, measured),
            )

    with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("BEGIN")
        db.executemany(f"INSERT INTO trial VALUES ({','.join('?' * 14)})", rows())
        db.execute("COMMIT")


def seconds(run: Callable[[], object], runs: int = RUNS) -> float:
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        kept = run()
        taken.append(time.perf_counter() - start)
        del kept
    return statistics.median(taken)


def read_file(path: Path) -> None:
    block = bytearray(1 << 20)
    with path.open("rb", buffering=0) as file:
        while file.readinto(block):
            pass


def scan_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        for _ in db.execute("SELECT events FROM trial"):
            pass


def scan_rows(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        for _ in db.execute(f"{ROWS}, events FROM trial"):
            pass


def load(folder: Path) -> int:
    with Store.open(folder, readonly=True) as store:
        return len(store.columns().events)


def resume(config: Config, folder: Path) -> int:
    plan = make_plan(config, scripted=True)
    with Store.open(folder, readonly=True) as store:
        return len(plan.remaining(store.done()))


def measure(trials: int, folder: Path) -> None:
    config = grid(trials)
    plan = make_plan(config, scripted=True)
    build(plan, folder)
    path = folder / FILE
    assert resume(config, folder) == 0
    scale = 1e6 / len(plan.trials)
    del plan
    read, scan = seconds(lambda: read_file(path)), seconds(lambda: scan_table(path))
    system = os.times().system
    loaded = seconds(lambda: load(folder))
    system = (os.times().system - system) / RUNS
    print(f"trials={round(1e6 / scale)}")
    print(f"file_gb={os.path.getsize(path) / 1e9:.2f}")
    print(f"load_seconds_1m={loaded * scale:.2f}")
    print(f"read_seconds={read * scale:.2f}")
    print(f"scan_seconds={scan * scale:.2f}")
    print(f"load_multiple={loaded / max(read, scan):.2f}")
    print(f"load_system_seconds={system * scale:.2f}")
    print(f"rows_seconds={seconds(lambda: scan_rows(path)) * scale:.2f}")
    print(f"resume_seconds_1m={seconds(lambda: resume(config, folder)) * scale:.2f}")
    print(f"plan_seconds_1m={seconds(lambda: make_plan(config, scripted=True)) * scale:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the temporary folder is made; it takes 4 GB per million")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        measure(options.trials, Path(folder))


if __name__ == "__main__":
    main()
