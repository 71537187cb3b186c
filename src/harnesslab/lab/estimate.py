"""What a sweep would do, for --dry-run: cells, trials, what they can show, files, memory, and roughly how long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from harnesslab.errors import EngineFailure
from harnesslab.lab.fit import chosen, need, room
from harnesslab.lab.progress import duration
from harnesslab.lab.setup import refuse_changes
from harnesslab.lab.start import ask, at_once, info_of_llama
from harnesslab.models.entry import ModelEntry
from harnesslab.plan import Plan, refuse_unserved
from harnesslab.store.columns import Columns
from harnesslab.store.sqlite import Store
from harnesslab.types import EngineInfo

# Seconds per trial and gigabyte of weights: about four replies of 60 tokens in a batch of 8, and some hundred prompt
# tokens that no other trial shares. From rates measured on two cores; a workstation GPU is far faster.
_CPU_SECONDS_PER_GB = 20.0
_GPU_SECONDS_PER_GB = 0.5


def print_estimate(plan: Plan, folder: Path, *, scripted: bool) -> None:
    """Prints it all. Servers are asked what they offer, and nothing else.

    Raises:
        UserError: the sweep would be refused.
    """
    done: set[str] = set()
    columns = None
    if Store.exists(folder):
        with Store.open(folder, readonly=True) as store:
            refuse_changes(plan, store)
            done = store.done()
            columns = store.columns() if done else None
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
    for line in power_lines(plan, columns):
        print(line)
    if scripted:
        print("the scripted engine plays the models: no files, no memory worth counting, seconds")
        return
    seconds = 0.0
    infos: dict[str, EngineInfo] = {}
    for entry in {c.entry.name: c.entry for c in plan.cells}.values():
        own_left = sum(plan.cells[t.cell].entry.name == entry.name for t in todo)
        if entry.engine == "llama":
            infos[entry.name] = info_of_llama(entry)
            print(_model_lines(entry, plan.config.concurrency))
        elif (info := _served(entry, plan.config.concurrency)) is not None:
            infos[entry.name] = info
        seconds += own_left * _seconds_per_trial(entry)
    if todo:
        print(f"roughly {duration(seconds)}, fewer where harnesses share replies; measured rates show once it runs")
    refuse_unserved([plan.cells[i] for i in sorted({t.cell for t in todo})], infos)


def power_lines(plan: Plan, columns: Columns | None) -> Iterator[str]:
    """What the grid can tell apart, one line per suite, with what was assumed."""
    from harnesslab.score.power import FEWEST, POWER, assumed_of, detectable
    from harnesslab.score.sample import samples

    stored = samples(columns) if columns is not None else ()
    for suite in {id(c.suite): c.suite for c in plan.cells}.values():
        tasks = [t.task for t in plan.tasks if t.suite is suite]
        bases = len({t.base for t in tasks})
        repeats = max(c.repeats for c in plan.cells if c.suite is suite)
        grid = f"{suite.name}: {len(tasks)} tasks of {bases} templates x {repeats}"
        assumed = assumed_of([s for s in stored if s.cell.suite == suite.name])
        found = detectable(bases, len(tasks) / bases, repeats, assumed)
        if bases < FEWEST:
            yield f"{grid} can hardly show any difference at p <= .05: that takes {FEWEST} templates or more"
            continue
        what = (
            f"a difference of {100 * found:.0f} points of pass^1"
            if found
            else "no difference of pass^1, however large,"
        )
        source = f"by {assumed.trials} stored trials" if assumed.trials else "guessed"
        yield (
            f"{grid} can detect {what} between two arms with {100 * POWER:.0f} % power at p <= .05, uncorrected "
            f"({source}: base rate {100 * assumed.rate:.0f} %, ICC {assumed.icc:.2f}, {100 * assumed.alike:.0f} % of a "
            "task's effect common to the arms; streams that arms share make it smaller)"
        )


def _seconds_per_trial(entry: ModelEntry) -> float:
    rate = _GPU_SECONDS_PER_GB if room(entry.load).gpu else _CPU_SECONDS_PER_GB
    return rate * (entry.bytes or 1e9) / 1e9


def _model_lines(entry: ModelEntry, concurrency: int) -> str:
    from harnesslab.models.fetch import local

    path = local(entry)
    if path is None:
        return f"{entry.name}: to be downloaded, {_gb(entry.bytes)}"
    place = room(entry.load)
    estimate = need(entry, path, place, concurrency)
    verdict = "fits" if estimate.total < place.free else "DOES NOT FIT"
    return (
        f"{entry.name}: {_gb(estimate.weights)} of weights + {_gb(estimate.kv)} of KV cells: "
        f"{verdict} in {_gb(place.free)} of free {place.kind}\n  {chosen(estimate.plan.facts())}"
    )


def _served(entry: ModelEntry, concurrency: int) -> EngineInfo | None:
    """Prints what an entry's server offers to layers; None where it does not answer."""
    try:
        info = ask(entry, concurrency, attempts=2)
    except EngineFailure as failure:
        print(f"{entry.name}: served by {entry.base_url}, which cannot be asked now ({failure})")
        return None
    server = f"{info.details['server']} {info.details['version']}".strip()
    print(f"{entry.name}: served by {server} at {entry.base_url}, {at_once(info)}")
    for name, offered in info.details["offers"].items():
        print(f"  {name:<10} {offered}")
    for warning in info.details["warnings"]:
        print(f"  warning: {warning}")
    return info


def _gb(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes else "size not stated"
