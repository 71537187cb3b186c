"""Trials recorded elsewhere -> `Columns`: which tasks and cells there are, which trials count, what nothing tells."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from harnesslab.errors import UserError
from harnesslab.store.columns import ORACLE, CellRow, Columns, TaskRow, TrialStatus
from harnesslab.store.records import MISSING_END
from harnesslab.store.rows import Gathering, add_row
from harnesslab.trace.importers.problems import Problems
from harnesslab.trace.importers.shape import UNKNOWN, Expected, ForeignTask, ForeignTrial, Found, OwnTrial, Tells
from harnesslab.trace.oracle import match_oracle
from harnesslab.types import EndReason, ToolCall

Convention = Literal["drop", "fail"]

_ENDS = {reason: i for i, reason in enumerate(EndReason)}
_Cell = tuple[str, str, str]


@dataclass(slots=True)
class _Held:
    """What is kept of a foreign trial until all tasks are known; its events are in the gathering already."""

    cell: _Cell
    task: str
    repeat: int | None
    passed: bool | None
    crash: str
    expected: Expected
    tells: frozenset[Tells]
    fields: dict[str, Any]
    place: str


@dataclass(slots=True)
class _Tasks:
    """Tasks by suite and id, and whether the ids of a suite mean one task each."""

    named: dict[tuple[str, str], Expected] = field(default_factory=dict)
    contents: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    _kept: dict[int, Expected] = field(default_factory=dict)
    _told: dict[frozenset[Tells], frozenset[Tells]] = field(default_factory=dict)

    def learn(self, suite: str, id: str, expected: Expected) -> Expected:
        """Notes a task and returns it; of equal ones only the first is kept, or every trial would hold its own."""
        if expected is UNKNOWN:
            return expected
        if expected.content:
            expected = self._kept.setdefault(expected.content, expected)
            self.contents.setdefault((suite, id), set()).add(expected.content)
        self.named.setdefault((suite, id), expected)
        return expected

    def once(self, tells: frozenset[Tells]) -> frozenset[Tells]:
        """The first set equal to this one, so that trials share it."""
        return self._told.setdefault(tells, tells)

    def shuffled(self, suite: str) -> int:
        """How many ids of a suite stand for several tasks."""
        return sum(len(found) > 1 for (s, _), found in self.contents.items() if s == suite)


def gather(found: Iterable[Found], problems: Problems, *, format: str, missing: Convention = "drop") -> Columns:
    """All trials of a file.

    Args:
        missing: "drop": a trial that crashed, or lacks a verdict where others have one, is missing; "fail": it failed.
    """
    gathering, tasks, held = Gathering(), _Tasks(), list[_Held]()
    for trial in found:
        match trial:
            case OwnTrial():
                try:
                    add_row(gathering, trial.facts, trial.events, trial.layers)
                except UserError as e:
                    problems.skip(f"{e.what}: {e.why}", trial.place)
            case ForeignTask():
                tasks.learn(trial.suite, trial.id, trial.expected)
            case ForeignTrial():
                expected = tasks.learn(trial.suite, trial.task, trial.expected)
                held.append(_hold(gathering, trial, expected, tasks.once(trial.tells)))
    if held:
        _settle(gathering, tasks, held, problems, format, missing)
    columns = gathering.columns()
    if held:
        _match(columns, gathering.oracles)
    return columns


def _hold(gathering: Gathering, trial: ForeignTrial, expected: Expected, tells: frozenset[Tells]) -> _Held:
    fields: dict[str, Any] = {
        "end": _ENDS[trial.end],
        "seconds": trial.seconds,
        "joules": trial.joules,
        "started": trial.started,
    }
    gathering.add(trial.place, trial.events, fields)
    cell = (trial.model, trial.harness, trial.suite)
    return _Held(cell, trial.task, trial.repeat, trial.passed, trial.crash, expected, tells, fields, trial.place)


def _settle(
    gathering: Gathering, tasks: _Tasks, held: list[_Held], problems: Problems, format: str, missing: Convention
) -> None:
    """Fills in what a trial's fields are only now known to be: status, task, repeat, cell."""
    judged = {h.cell for h in held if h.passed is not None and not h.crash}
    by_content = {suite for suite in {h.cell[2] for h in held} if tasks.shuffled(suite)}
    for suite in sorted(by_content):
        problems.remark(
            "ids that stand for several tasks (shuffled?): tasks are told apart by their content instead",
            f"{suite}: {tasks.shuffled(suite)} ids",
        )
    told: dict[_Cell, Counter[Tells]] = {}
    counted: Counter[_Cell] = Counter()
    resolved: dict[_Cell, list[tuple[_Held, str, Expected]]] = {}
    for h in held:
        expected = h.expected if h.expected is not UNKNOWN else tasks.named.get((h.cell[2], h.task), UNKNOWN)
        name = f"#{expected.content:016x}" if h.cell[2] in by_content and expected.content else h.task
        lost = bool(h.crash) or (h.passed is None and h.cell in judged)
        if lost and missing == "drop":
            h.fields["status"], h.fields["end"] = TrialStatus.MISSING, MISSING_END
        else:
            h.fields["status"] = TrialStatus.PASSED if h.passed and not lost else TrialStatus.FAILED
        resolved.setdefault(h.cell, []).append((h, name, expected))
        seen = told.setdefault(h.cell, Counter())
        if not lost:
            counted[h.cell] += 1
            seen.update(h.tells | _of_task(expected))
            if math.isfinite(h.fields["seconds"]):
                seen[Tells.SECONDS] += 1
    for cell, trials in resolved.items():
        _repeats(trials, problems)
        facts = {"imported": format, "untold": _untold(told[cell], counted[cell])}
        row = gathering.cell(CellRow("/".join((format, *cell)), *cell, facts))
        for h, name, expected in trials:
            h.fields["cell"] = row
            oracle = expected.oracle or ()
            h.fields["task"] = gathering.task(
                TaskRow(cell[2], name, name, "", "", _packed(oracle), expected.null or ())
            )
            gathering.oracles.setdefault(h.fields["task"], oracle)


def _of_task(expected: Expected) -> set[Tells]:
    found = {Tells.ORACLE} if expected.oracle is not None else set()
    return found | ({Tells.NULL} if expected.null is not None else set())


def _untold(told: Counter[Tells], trials: int) -> Mapping[str, str]:
    """What not every trial that counts tells, and how many of them do."""
    return {str(t): f"{told[t]} of {trials}" for t in Tells if not trials or told[t] < trials}


def _repeats(trials: list[tuple[_Held, str, Expected]], problems: Problems) -> None:
    """Numbers repeats as recorded where that is unique, else in order of appearance."""
    taken: set[tuple[str, int]] = set()
    later = []
    for h, name, _ in trials:
        if h.repeat is None or (name, h.repeat) in taken:
            if h.repeat is not None:
                problems.remark("a second trial of one number at one task, numbered anew", h.place)
            later.append((h, name))
        else:
            taken.add((name, h.repeat))
            h.fields["repeat"] = h.repeat
    free: dict[str, int] = {}
    for h, name in later:
        repeat = free.get(name, 0)
        while (name, repeat) in taken:
            repeat += 1
        taken.add((name, repeat))
        free[name] = repeat + 1
        h.fields["repeat"] = repeat


def _packed(oracle: tuple[ToolCall, ...]) -> NDArray[Any]:
    packed = np.zeros(len(oracle), dtype=ORACLE)
    packed["action"] = [c.key for c in oracle]
    packed["tool"] = [c.tool_key for c in oracle]
    return packed


def _match(columns: Columns, oracles: Mapping[int, tuple[ToolCall, ...]]) -> None:
    """Fills in which calls are oracle calls, now that every trial's task is known."""
    for i, task in enumerate(columns.trials["task"].tolist()):
        if oracles.get(task):
            match_oracle(columns.events[columns.offsets[i] : columns.offsets[i + 1]], oracles[task])
