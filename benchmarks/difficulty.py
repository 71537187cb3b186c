"""How hard are the suites? What each model passed in each tier, and how many templates are easy, hard or between.

    python -m benchmarks.difficulty SWEEP...

Each SWEEP is the folder of one draw. Prints, per model and suite, passed trials by tier, a column per draw; then, over
all draws together, how many templates were passed in at least three quarters of the attempts, in fewer, and in none,
and the four that were passed most.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from harnesslab.store.columns import Columns, TrialStatus
from harnesslab.store.sqlite import Store

EASY = 0.75

Arm = tuple[str, str]  # model, suite


def passes(columns: Columns) -> dict[Arm, dict[tuple[str, str], list[bool]]]:
    """Whether each trial passed, by (model, suite), then by (tier, template). Missing trials are left out."""
    found: dict[Arm, dict[tuple[str, str], list[bool]]] = defaultdict(lambda: defaultdict(list))
    for trial in columns.trials:
        if trial["status"] == TrialStatus.MISSING:
            continue
        cell, task = columns.cells[trial["cell"]], columns.tasks[trial["task"]]
        found[cell.model, cell.suite][task.tier, task.base].append(trial["status"] == TrialStatus.PASSED)
    return found


def by_tier(draws: Sequence[dict[Arm, dict[tuple[str, str], list[bool]]]], arm: Arm) -> dict[str, list[list[bool]]]:
    """By tier, the trials of each draw."""
    tiers: dict[str, list[list[bool]]] = {}
    for i, draw in enumerate(draws):
        for (tier, _), passed in draw.get(arm, {}).items():
            tiers.setdefault(tier, [[] for _ in draws])[i].extend(passed)
    return tiers


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.difficulty", description=__doc__.splitlines()[0])
    parser.add_argument("sweeps", nargs="+", type=Path, metavar="SWEEP")
    draws = []
    for folder in parser.parse_args().sweeps:
        store = Store.open(folder, readonly=True)
        draws.append(passes(store.columns()))
        store.close()
    for arm in dict.fromkeys(arm for draw in draws for arm in draw):
        print(" · ".join(arm))
        tiers = by_tier(draws, arm)
        for tier, columns in sorted(tiers.items(), key=lambda row: -sum(map(sum, row[1]))):
            print(f"  {tier:10}", *(f"{sum(passed):4} of {len(passed):3}" for passed in columns))
        templates: dict[str, list[bool]] = defaultdict(list)
        for draw in draws:
            for (_, base), passed in draw.get(arm, {}).items():
                templates[base] += passed
        rates = sorted(((sum(p) / len(p), base) for base, p in templates.items()), reverse=True)
        easy, never = sum(rate >= EASY for rate, _ in rates), sum(rate == 0 for rate, _ in rates)
        print(f"  templates: {easy} easy, {len(rates) - easy - never} between, {never} never, of {len(rates)}")
        print("  most:", ", ".join(f"{base} {100 * rate:.0f} %" for rate, base in rates[:4] if rate))
    for i, draw in enumerate(draws):
        for model in dict.fromkeys(model for model, _ in draw):
            every = [p for (m, _), found in draw.items() if m == model for passed in found.values() for p in passed]
            print(f"draw {i + 1}, {model}: {sum(every)} of {len(every)}")


if __name__ == "__main__":
    main()
