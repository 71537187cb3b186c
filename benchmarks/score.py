"""Scoring a million trials: every metric of every cell, with 2,000 redraws of the base tasks.

    python -m benchmarks.score [--trials 1000000] [--no-load]

Trials are those of `benchmarks.traces`: 25 cells, 1,000 base tasks in two variants, 4 to 40 events each. What is timed
is `summarise`, from the events in memory to what a report of a grid without stored layers shows (counts, pass^k and
pass@k for every k, ladder, first attempts, recovery and loops, budgets and curves, both ledgers, first departures,
intervals, 100 paired comparisons with 20,000 sign patterns each, interactions, Benjamini-Hochberg, rankings by 2,000
redraws), and then the attribution of energy to all trials. Each time is the median of five runs, alternating with plain
copies (`np.copy`) of the same bytes. On a busy machine only the ratios mean anything.

    seconds_1m           scoring, scaled to a million trials
    copy_multiple        scoring over one plain copy
    gb_per_second        event bytes scored per second, and copy_gb_per_second copied
    scan_seconds_1m      of it the one pass over the events, and scan_copy_multiple
    memory_multiple      peak of resident memory while scoring, input included, over the input
    ratio_python         the slow twins of the tests over the pass, per trial, on a slice
    ratio_polars         Polars expressions over the pass, on a slice; the pass counts more than they do
    compile_cpu_seconds  cold compilation of every kernel, in a process of its own
    load_...             see benchmarks.load
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.traces import synthetic_sweep
from harnesslab.score import summarise
from harnesslab.score.sample import scan_trials
from harnesslab.store.columns import Columns
from harnesslab_kernels import counts
from harnesslab_kernels import events as ev
from harnesslab_kernels.energy import attribute

RUNS = 5
PYTHON_SLICE = 1_000
POLARS_SLICE = 100_000


def score(columns: Columns, meter: tuple[NDArray[np.float64], NDArray[np.float64]]) -> float:
    """Everything; returns something that depends on it."""
    summary = summarise(columns)
    start = columns.trials["started"].astype(np.float64)
    charged, idle = attribute(*meter, start, start + columns.trials["seconds"])
    return float(charged[0]) + idle + len(summary.cells)


def meter_of(columns: Columns) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(times, joules): a reading a second of a machine that draws 40 W and more where it pleases."""
    end = float((columns.trials["started"] + columns.trials["seconds"]).max())
    times = np.arange(0.0, end + 1.0)
    return times, np.cumsum(np.random.default_rng(1).uniform(40.0, 90.0, len(times)))


def timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    kept = run()
    taken = time.perf_counter() - start
    del kept
    return taken


def peak_over_input(columns: Columns, run: Callable[[], object]) -> float:
    """Linux only: the kernel's own high-water mark, reset before."""

    def resident(name: str) -> int:
        status = Path("/proc/self/status").read_text()
        return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith(name)))

    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    run()
    return (columns.events.nbytes + resident("VmHWM") - before) / columns.events.nbytes


def first(columns: Columns, n: int) -> Columns:
    """A sweep of some trials only: every so many."""
    chosen = np.arange(0, len(columns.trials), max(1, len(columns.trials) // n))[:n]
    spans = [columns.events[columns.offsets[i] : columns.offsets[i + 1]] for i in chosen.tolist()]
    offsets = np.concatenate([[0], np.cumsum([len(s) for s in spans])]).astype(np.int64)
    rows = columns.trials[chosen]
    return Columns(columns.cells, columns.tasks, rows, np.concatenate(spans), offsets, columns.layers, columns.weights)


# --- the same in other ways


def python_seconds(columns: Columns) -> float:
    """The twins of the tests over a slice; what they find is checked against the kernels."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "kernels"))
    import twins  # type: ignore[import-not-found,unused-ignore]

    names = [name for name in ev.EVENT.names or () if name != "pad"]
    spans = [columns.events[a:b] for a, b in zip(columns.offsets[:-1], columns.offsets[1:], strict=True)]
    traces = [[dict(zip(names, row[:-1], strict=True)) for row in span.tolist()] for span in spans]
    oracles = [[(int(c["action"]), int(c["tool"])) for c in task.oracle] for task in columns.tasks]
    tasks = columns.trials["task"].tolist()
    start = time.perf_counter()
    found = [
        (twins.trial(trace, oracles[t]), twins.standalone(trace), twins.departure(trace, oracles[t]))
        for trace, t in zip(traces, tasks, strict=True)
    ]
    taken = time.perf_counter() - start
    scanned = scan_trials(columns, departures=True)
    for row, amounts, departure, (named, alone, left) in zip(
        scanned.counts, scanned.amounts, scanned.departures, found, strict=True
    ):
        assert all(row[getattr(counts, name)] == value for name, value in named.items())
        assert (amounts.tolist(), departure.tolist()) == (alone, list(left))
    return taken


def polars_seconds(columns: Columns) -> float:
    """Polars over a slice; checked likewise."""
    from benchmarks.score_polars import FIGURES, figures, frames

    data = frames(columns)
    taken = median(timed(lambda: figures(*data)) for _ in range(3))
    sums = scan_trials(columns).counts.sum(axis=0, dtype=np.int64)
    found = figures(*data)
    assert all(found[name] == sums[getattr(counts, name)] for name in FIGURES)
    return taken


# --- compilation


def compile_all() -> None:
    """Calls every kernel once and prints the CPU seconds of that."""
    from harnesslab_kernels.groups import sum_rows
    from harnesslab_kernels.pass_k import pass_k
    from harnesslab_kernels.resample import bootstrap_sums, sign_flips
    from harnesslab_kernels.sampling import NO_MASK, SETTINGS, sample
    from harnesslab_kernels.scan import no_oracles, scan

    start = time.process_time()
    scan(np.zeros(1, ev.EVENT), np.array([0, 1]), *no_oracles(1), departures=True)
    sum_rows(np.zeros((1, 2), np.int32), np.zeros(1, np.int64), 1)
    pass_k(np.ones(1, np.int64), np.ones(1, np.int64), 1)
    bootstrap_sums(np.ones((2, 1)), 1, 0)
    sign_flips(np.ones((1, 2)), 1, np.zeros(1, np.int64))
    attribute(np.zeros(1), np.zeros(1), np.zeros(1), np.zeros(1))
    scoring = time.process_time() - start
    settings = np.ones(1, SETTINGS)
    for parallel in (False, True):
        logits = np.zeros((1, 4), np.float32)
        sample(logits, settings, np.empty(0, np.int32), np.zeros(2, np.int64), NO_MASK, parallel=parallel)
    print(f"compile_cpu_seconds={time.process_time() - start:.1f}")
    print(f"compile_cpu_seconds_scoring={scoring:.1f}")


def print_cold_compilation() -> None:
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-m", "benchmarks.score", "--compile"]
        subprocess.run(command, env={**os.environ, "NUMBA_CACHE_DIR": cache}, check=True)


def measure(trials: int) -> None:
    columns = synthetic_sweep(trials)
    meter = meter_of(columns)
    score(columns, meter)  # compiles, or reads the cache
    plain = columns.events.view(np.uint8)  # numpy copies records field by field, fifty times as slowly
    copying, scoring, scanning = [], [], []
    for _ in range(RUNS):
        copying.append(timed(lambda: np.copy(plain)))
        scoring.append(timed(lambda: score(columns, meter)))
        scanning.append(timed(lambda: scan_trials(columns, departures=True)))
    copied, scored, scanned = median(copying), median(scoring), median(scanning)
    gigabytes, scale = columns.events.nbytes / 1e9, 1e6 / trials
    figures: dict[str, Any] = {
        "trials": trials,
        "events_gb": f"{gigabytes:.2f}",
        "seconds_1m": f"{scored * scale:.2f}",
        "copy_multiple": f"{scored / copied:.2f}",
        "copy_seconds": f"{copied * scale:.2f}",
        "gb_per_second": f"{gigabytes / scored:.2f}",
        "copy_gb_per_second": f"{gigabytes / copied:.2f}",
        "scan_seconds_1m": f"{scanned * scale:.2f}",
        "scan_copy_multiple": f"{scanned / copied:.2f}",
        "memory_multiple": f"{peak_over_input(columns, lambda: score(columns, meter)):.2f}",
    }
    for name, value in figures.items():
        print(f"{name}={value}", flush=True)
    few = first(columns, min(trials, PYTHON_SLICE))
    print(f"ratio_python={python_seconds(few) / len(few.trials) / (scanned / trials):.0f}", flush=True)
    some = first(columns, min(trials, POLARS_SLICE))
    polars, ours = polars_seconds(some), median(timed(lambda: scan_trials(some, departures=True)) for _ in range(RUNS))
    print(f"ratio_polars={polars / ours:.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.score", description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1_000_000)
    parser.add_argument("--no-load", action="store_true", help="leave out reading a stored sweep, which writes 4 GB")
    parser.add_argument("--compile", action="store_true", help="only compile, and say what that costs")
    options = parser.parse_args()
    if options.compile:
        compile_all()
        return
    measure(options.trials)
    print_cold_compilation()
    if not options.no_load:
        from benchmarks import load

        with tempfile.TemporaryDirectory() as folder:
            load.measure(options.trials, Path(folder))


if __name__ == "__main__":
    main()
