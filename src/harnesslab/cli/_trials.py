"""The list of a sweep's trials, in 80 columns."""

from __future__ import annotations

from harnesslab.store.columns import TrialStatus
from harnesslab.store.sqlite import Store
from harnesslab_kernels.events import REPLY

_ORDER = {TrialStatus.FAILED: 0, TrialStatus.MISSING: 1, TrialStatus.PASSED: 2}


def print_trials(store: Store) -> None:
    """One line per trial, failed ones first; a cell goes by its number, which is explained at the top."""
    columns, ids = store.columns_and_ids()
    for number, cell in enumerate(columns.cells):
        print(f"cell {number}: {cell.label}")
    print(f"\n{'trial':<8}  {'verdict':<7}  {'cell':>4}  {'turns':>5}  {'tokens':>6}  {'secs':>6}  task, repeat")
    statuses = [TrialStatus(int(s)) for s in columns.trials["status"]]
    for i in sorted(range(len(ids)), key=lambda i: (_ORDER[statuses[i]], i)):
        row = columns.trials[i]
        events = columns.events[columns.offsets[i] : columns.offsets[i + 1]]
        replies = events["kind"] == REPLY
        tokens = int(events["generated"][replies].sum())
        print(
            f"{ids[i][:8]:<8}  {statuses[i].name.lower():<7}  {row['cell']:>4}  {int(replies.sum()):>5}  {tokens:>6}  "
            f"{row['seconds']:>6.1f}  {columns.tasks[row['task']].id}, {row['repeat']}"
        )
    print("\nharnesslab trace TRIAL shows one step by step; the beginning of its id is enough")
