"""What the sweep tests share: a small grid, running it here or in a process of its own, and reading what it left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from harnesslab import config
from harnesslab.lab.sweep import Options, Result, run_sweep
from harnesslab.plan import Plan, make_plan
from harnesslab.store.sqlite import Store
from harnesslab.trace.events import unpack_events, unpack_payloads
from harnesslab_kernels.events import EVENT, MEMO, REPLY

GRID = """
name = "grid"
models = ["qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"]
suites = [{ name = "orders", n = 6 }]
repeats = 2
concurrency = 4
[harness.abort]
layers = ["abort"]
[harness.loop]
layers = []
[harness.guarded]
layers = ["validate", "retry"]
"""

Contents = dict[str, tuple[object, ...]]


def plan_of(text: str = GRID) -> Plan:
    return make_plan(config.parse(text, Path("grid.toml")), scripted=True)


def sweep(folder: Path, text: str = GRID, **options: object) -> Result:
    return run_sweep(plan_of(text), folder, scripted=True, options=Options(show=False, **options))  # type: ignore[arg-type]


def contents(folder: Path) -> Contents:
    """Everything stored of every trial, but for times and for who happened to compute a shared reply."""
    with Store.open(folder, readonly=True) as store:
        _, ids = store.columns_and_ids()
        return {i: _content(store, i) for i in ids}


def _content(store: Store, id: str) -> tuple[object, ...]:
    trial = store.trial(id)
    events = unpack_events(trial.events).copy()
    events["start"] = events["duration"] = 0
    events["flags"] = np.where(events["kind"] == REPLY, events["flags"] & ~np.uint8(MEMO), events["flags"])
    payloads = [{k: v for k, v in p.items() if k != "times"} for p in unpack_payloads(trial.payload)]
    facts = [events[name].tolist() for name in EVENT.names or () if name != "pad"]
    return trial.label, trial.task, trial.repeat, trial.status, trial.end, trial.facts, facts, payloads


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from harnesslab.cli import main; main()", *arguments]


def start(folder: Path, *arguments: str, delay: float = 0.0, text: str = GRID) -> subprocess.Popen[str]:
    """`harnesslab sweep` on the scripted engine in a process of its own, at `delay` seconds per reply."""
    (folder / "grid.toml").write_text(text)
    return subprocess.Popen(
        command("sweep", "grid.toml", "--engine", "scripted", "--out", "out", *arguments),
        cwd=folder,
        env={**os.environ, "HARNESSLAB_SCRIPTED_DELAY": str(delay)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
