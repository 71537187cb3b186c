"""One cell's trials as arrays, and sums of them per task and base task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harnesslab.store.columns import CellRow, Columns, TaskRow, TrialStatus

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
        planned: int64[T], trials of each task, missing ones included.
        counts: int32[n, WIDTH] of the trials that count.
        task: int64[n], index into `tasks`; `repeat` int64[n].
        passed: bool[n]; `seconds`, `joules` float64[n].
        measured: float64[n], seconds of the engine's work for the trial; nan where the engine does not say.
        standalone: float64[n], seconds that work would take alone; nan where the model was not calibrated, or where
            what the trial itself had cached is not known.
    """

    cell: CellRow
    tasks: tuple[TaskRow, ...]
    task_index: Ints
    base: Ints
    bases: int
    missing: Ints
    planned: Ints
    counts: NDArray[np.int32]
    task: Ints
    repeat: Ints
    passed: NDArray[np.bool_]
    seconds: Floats
    joules: Floats
    measured: Floats
    standalone: Floats

    @property
    def n(self) -> Ints:
        """int64[T]: trials of each task that count."""
        return np.bincount(self.task, minlength=len(self.tasks)).astype(np.int64)

    @property
    def c(self) -> Ints:
        """int64[T]: passed ones."""
        return np.bincount(self.task[self.passed], minlength=len(self.tasks)).astype(np.int64)

    def by_base(self, per_trial: NDArray[Any]) -> Floats:
        """float64[bases]: sums of a value per trial."""
        return np.bincount(self.base[self.task], weights=per_trial, minlength=self.bases).astype(np.float64)

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
            tasks=tuple(t for t, k in zip(self.tasks, keep, strict=True) if k),
            task_index=self.task_index[keep],
            base=base.astype(np.int64),
            bases=len(labels),
            missing=self.missing[keep],
            planned=self.planned[keep],
            counts=self.counts[mine],
            task=place[self.task[mine]].astype(np.int64),
            repeat=self.repeat[mine],
            passed=self.passed[mine],
            seconds=self.seconds[mine],
            joules=self.joules[mine],
            measured=self.measured[mine],
            standalone=self.standalone[mine],
        )


def scan_trials(columns: Columns, *, departures: bool = False) -> Scanned:
    """Every trial of a sweep counted by the kernel, in one pass over its events."""
    from harnesslab_kernels.scan import scan

    return scan(
        columns.events, columns.offsets, *oracle_arrays(columns), columns.trials["task"], departures=departures
    )


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


def standalone_seconds(columns: Columns, scanned: Scanned) -> Floats:
    """float64[n]: what every trial of a sweep would cost alone, by the weights of its model; nan without weights."""
    seconds = np.full(len(columns.trials), np.nan)
    for i, cell in enumerate(columns.cells):
        if cell.model in columns.weights:
            mine = columns.trials["cell"] == i
            seconds[mine] = scanned.amounts[mine] @ np.array(astuple(columns.weights[cell.model]))
    return seconds


def samples(columns: Columns, scanned: Scanned | None = None) -> tuple[Sample, ...]:
    """One sample per cell, in the sweep's order. Cells without trials too.

    Args:
        scanned: what `scan_trials` gave, if it was called already.
    """
    scanned = scanned or scan_trials(columns)
    standalone = standalone_seconds(columns, scanned)
    return tuple(_sample(columns, scanned.counts, standalone, c) for c in range(len(columns.cells)))


def _sample(columns: Columns, counts: NDArray[np.int32], standalone: Floats, cell: int) -> Sample:
    rows = np.flatnonzero(columns.trials["cell"] == cell)
    trials = columns.trials[rows]
    task_index, task = np.unique(trials["task"].astype(np.int64), return_inverse=True)
    tasks = tuple(columns.tasks[i] for i in task_index)
    bases: dict[str, int] = {}
    base = np.array([bases.setdefault(t.base, len(bases)) for t in tasks], dtype=np.int64)
    there = trials["status"] != TrialStatus.MISSING
    return Sample(
        cell=columns.cells[cell],
        tasks=tasks,
        task_index=task_index,
        base=base,
        bases=len(bases),
        missing=np.bincount(task[~there], minlength=len(tasks)).astype(np.int64),
        planned=np.bincount(task, minlength=len(tasks)).astype(np.int64),
        counts=counts[rows[there]],
        task=task[there].astype(np.int64),
        repeat=trials["repeat"][there].astype(np.int64),
        passed=trials["status"][there] == TrialStatus.PASSED,
        seconds=trials["seconds"][there].astype(np.float64),
        joules=trials["joules"][there].astype(np.float64),
        measured=trials["measured"][there].astype(np.float64),
        standalone=standalone[rows[there]],
    )
