"""One cell's trials, added up per task and base task: what every figure but a few is made of."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields, replace
from itertools import compress
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harnesslab.store.columns import CellRow, Columns, TaskRow, TrialStatus
from harnesslab.types import Weights
from harnesslab_kernels.counts import GENERATED, PROMPT

if TYPE_CHECKING:
    from harnesslab_kernels.scan import Scanned

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sample:
    """The trials of one cell that count, and how many are missing.

    Attributes:
        tasks: T tasks with any trial, missing ones included; `task_index` int64[T] are their positions in the sweep.
        base: int64[T], dense index of each task's base task; `bases` how many there are.
        missing: int64[T], missing trials of each task.
        n, c: int64[T], trials of each task that count, and passed ones.
        counts: int64[T, WIDTH], the kernel's counts, summed over the trials that count.
        seconds, joules: float64[T], summed over the trials that count; nan where one of them was not measured.
        measured: float64[T], seconds of the engine's work for them; nan where the engine does not say.
        standalone: float64[T], seconds that work would take alone; nan where the model was not calibrated, or where
            what a trial itself had cached is not known.
        trial: int64[m], the trials that count, positions in the sweep's columns, ordered by task and repeat.
        task: int64[m] of each of these, index into `tasks`; `repeat` int64[m]; `passed` bool[m].
        tokens: int64[m], prompt and generated tokens of each.
    """

    cell: CellRow
    tasks: tuple[TaskRow, ...]
    task_index: Ints
    base: Ints
    bases: int
    missing: Ints
    n: Ints
    c: Ints
    counts: Ints
    seconds: Floats
    joules: Floats
    measured: Floats
    standalone: Floats
    trial: Ints
    task: Ints
    repeat: Ints
    passed: NDArray[np.bool_]
    tokens: Ints

    @property
    def planned(self) -> Ints:
        """int64[T]: trials of each task, missing ones included."""
        return self.n + self.missing

    def by_base(self, per_task: NDArray[Any]) -> Floats:
        """float64[bases]: sums of a value per task."""
        return np.bincount(self.base, weights=per_task, minlength=self.bases).astype(np.float64, copy=False)

    def tasks_by_base(self, per_task: Floats) -> tuple[Floats, Floats]:
        """(sums, counts), each float64[bases], of a value per task; NaN values are left out of both."""
        there = ~np.isnan(per_task)
        sums = np.bincount(self.base[there], weights=per_task[there], minlength=self.bases).astype(np.float64)
        return sums, np.bincount(self.base[there], minlength=self.bases).astype(np.float64)

    def only(self, keep: NDArray[np.bool_]) -> Sample:
        """The same cell on some of its tasks; `keep` is bool[T]."""
        place = np.cumsum(keep) - 1
        mine = keep[self.task]
        labels, base = np.unique(self.base[keep], return_inverse=True)
        return replace(
            self,
            tasks=tuple(compress(self.tasks, keep.tolist())),
            task_index=self.task_index[keep],
            base=base.astype(np.int64),
            bases=len(labels),
            missing=self.missing[keep],
            n=self.n[keep],
            c=self.c[keep],
            counts=self.counts[keep],
            seconds=self.seconds[keep],
            joules=self.joules[keep],
            measured=self.measured[keep],
            standalone=self.standalone[keep],
            trial=self.trial[mine],
            task=place[self.task[mine]].astype(np.int64),
            repeat=self.repeat[mine],
            passed=self.passed[mine],
            tokens=self.tokens[mine],
        )


def scan_trials(columns: Columns, *, departures: bool = False) -> Scanned:
    """Every trial of a sweep counted by the kernel, in one pass over its events."""
    from harnesslab_kernels.scan import scan

    return scan(columns.events, columns.offsets, *oracle_arrays(columns), columns.trials["task"], departures=departures)


def oracle_arrays(columns: Columns) -> tuple[NDArray[np.uint64], NDArray[np.uint32], NDArray[np.int64]]:
    """(action uint64[q], tool uint32[q], offsets int64[t + 1]): all tasks' oracle calls one after the other."""
    oracles = [task.oracle for task in columns.tasks]
    offsets = np.zeros(len(oracles) + 1, dtype=np.int64)
    np.cumsum([len(o) for o in oracles], out=offsets[1:])
    empty_action, empty_tool = np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.uint32)
    return (
        np.concatenate([empty_action, *(o["action"] for o in oracles)]),
        np.concatenate([empty_tool, *(o["tool"] for o in oracles)]),
        offsets,
    )


@dataclass(frozen=True, slots=True)
class _Groups:
    """Which trials are of one task in one cell.

    Attributes:
        cell, task: int64[g], positions in the sweep, ordered by both.
        planned: int64[g], how many trials it has, missing ones included.
        trial: int64[m], the trials that count, positions in the sweep, ordered by (cell, task, repeat): sums come out
            the same to the last bit, whatever the order in which trials were stored.
        group: int64[m], of each of these.
    """

    cell: Ints
    task: Ints
    planned: Ints
    trial: Ints
    group: Ints

    def add(self, per_trial: NDArray[Any]) -> Floats:
        """float64[g]: sums over the trials that count."""
        sums = np.bincount(self.group, weights=per_trial[self.trial], minlength=len(self.cell))
        return sums.astype(np.float64, copy=False)


def _groups(columns: Columns) -> _Groups:
    cell, task, repeat = (columns.trials[name].astype(np.int64) for name in ("cell", "task", "repeat"))
    tasks = max(1, len(columns.tasks))
    key = cell * tasks + task
    trial = np.lexsort((repeat, key))
    key = key[trial]
    first = np.diff(key, prepend=-1) != 0
    keys, group = key[first], np.cumsum(first) - 1
    counts = columns.trials["status"][trial] != TrialStatus.MISSING
    planned = np.bincount(group, minlength=len(keys))
    return _Groups(keys // tasks, keys % tasks, planned, trial[counts], group[counts])


def samples(columns: Columns, scanned: Scanned | None = None) -> tuple[Sample, ...]:
    """One sample per cell, in the sweep's order. Cells without trials too.

    Args:
        scanned: what `scan_trials` gave, if it was called already.
    """
    from harnesslab_kernels.groups import sum_rows

    scanned = scanned or scan_trials(columns)
    groups = _groups(columns)
    group_of = np.full(len(columns.trials), -1, dtype=np.int64)
    group_of[groups.trial] = groups.group
    counts = sum_rows(scanned.counts, group_of, len(groups.cell))
    amounts = np.stack([groups.add(column) for column in scanned.amounts.T], axis=1)
    tokens = scanned.counts[:, PROMPT].astype(np.int64) + scanned.counts[:, GENERATED]
    trials = columns.trials
    seconds, joules, measured = (groups.add(trials[name]) for name in ("seconds", "joules", "measured"))
    passed = trials["status"] == TrialStatus.PASSED
    n, c = groups.add(np.ones(len(trials))).astype(np.int64), groups.add(passed).astype(np.int64)
    repeat = trials["repeat"].astype(np.int64)

    def sample(cell: int) -> Sample:
        mine = slice(*np.searchsorted(groups.cell, [cell, cell + 1]).tolist())
        own = slice(*np.searchsorted(groups.group, [mine.start, mine.stop]).tolist())
        rows = groups.trial[own]
        tasks = tuple(columns.tasks[i] for i in groups.task[mine].tolist())
        bases: dict[str, int] = {}
        base = np.array([bases.setdefault(t.base, len(bases)) for t in tasks], dtype=np.int64)
        return Sample(
            cell=columns.cells[cell],
            tasks=tasks,
            task_index=groups.task[mine],
            base=base,
            bases=len(bases),
            missing=(groups.planned - n)[mine],
            n=n[mine],
            c=c[mine],
            counts=counts[mine],
            seconds=seconds[mine],
            joules=joules[mine],
            measured=measured[mine],
            standalone=amounts[mine] @ _weights(columns, columns.cells[cell]),
            trial=rows,
            task=groups.group[own] - mine.start,
            repeat=repeat[rows],
            passed=passed[rows],
            tokens=tokens[rows],
        )

    return tuple(sample(c) for c in range(len(columns.cells)))


def _weights(columns: Columns, cell: CellRow) -> Floats:
    """float64[6]: seconds per amount of the cell's model; nan where it was not calibrated."""
    weights = columns.weights.get(cell.model)
    return np.full(len(fields(Weights)), np.nan) if weights is None else np.array(astuple(weights))
