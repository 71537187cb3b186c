"""What a sweep would do, for --dry-run: cells, trials, files, memory, and roughly how long."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from harnesslab.lab.fit import need, room
from harnesslab.lab.progress import duration
from harnesslab.lab.setup import refuse_changes
from harnesslab.models.entry import ModelEntry
from harnesslab.plan import Plan
from harnesslab.store.sqlite import Store

# Seconds per trial and gigabyte of weights: about four replies of 60 tokens in a batch of 8, and some hundred prompt
# tokens that no other trial shares. From rates measured on two cores; a workstation GPU is far faster.
_CPU_SECONDS_PER_GB = 20.0
_GPU_SECONDS_PER_GB = 0.5


def print_estimate(plan: Plan, folder: Path, *, scripted: bool) -> None:
    done: set[str] = set()
    if Store.exists(folder):
        with Store.open(folder, readonly=True) as store:
            refuse_changes(plan, store)
            done = store.done()
    print(f"sweep {plan.config.name} in {folder}\n")
    width = max(len(c.label) for c in plan.cells)
    print(f"{'cell':<{width}}  trials  stored")
    todo = plan.remaining(done)
    left = Counter(t.cell for t in todo)
    for i, (cell, planned) in enumerate(zip(plan.cells, plan.trials.per_cell(), strict=True)):
        print(f"{cell.label:<{width}}  {planned:>6}  {planned - left[i]:>6}")
    print(
        f"\n{len(plan.tasks)} tasks, {len(plan.trials)} trials: "
        f"{len(plan.trials) - len(todo)} stored, {len(todo)} to run"
    )
    if scripted:
        print("the scripted engine plays the models: no files, no memory worth counting, seconds")
        return
    seconds = 0.0
    for entry in {c.entry.name: c.entry for c in plan.cells}.values():
        own_left = sum(plan.cells[t.cell].entry.name == entry.name for t in todo)
        print(_model_line(entry, plan.config.concurrency))
        seconds += own_left * _seconds_per_trial(entry)
    if todo:
        print(f"roughly {duration(seconds)}, fewer where harnesses share replies; measured rates show once it runs")


def _seconds_per_trial(entry: ModelEntry) -> float:
    rate = _GPU_SECONDS_PER_GB if room().kind.startswith("GPU") else _CPU_SECONDS_PER_GB
    return rate * (entry.bytes or 1e9) / 1e9


def _model_line(entry: ModelEntry, concurrency: int) -> str:
    from harnesslab.models.fetch import local

    if entry.engine != "llama":
        return f"{entry.name}: served by {entry.base_url}"
    path = local(entry)
    if path is None:
        return f"{entry.name}: to be downloaded, {_gb(entry.bytes)}"
    estimate, place = need(entry, path, concurrency), room()
    verdict = "fits" if estimate.total < place.free else "DOES NOT FIT"
    return (
        f"{entry.name}: {_gb(estimate.weights)} of weights + {_gb(estimate.kv)} for {estimate.trials} trials at once: "
        f"{verdict} in {_gb(place.free)} of free {place.kind}"
    )


def _gb(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes else "size not stated"
