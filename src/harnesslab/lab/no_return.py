"""The point of no return: where a failed trial was lost, found by playing the oracle's remaining calls from snapshots.

While a trial runs, `Watched` keeps a snapshot after every call that wrote. At its end each is restored into a fresh
environment, whose log is that of the trial up to there, and the oracle is let go on: where it still reaches the goal,
nothing was lost yet.

    no return  the first write after which the oracle no longer reaches the goal, and does not again later either
    answer     the world is as asked, and so is what was read; the statement is wrong
    stall      nothing was lost, but work is missing: the trial stopped getting on here

Only what led to the final world counts: a write that a rewind took back, or one of an attempt that was not chosen, is
part of no history, and can be no point of no return.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from numpy.typing import NDArray

from harnesslab.types import ActionResult, EndReason, Environment, Task, Toolbox, ToolCall, canonical
from harnesslab_kernels.events import EXEC, REPLY

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


class Lost(StrEnum):
    """How a failed trial was lost."""

    NO_RETURN = "no return"
    ANSWER = "answer"
    STALL = "stall"


@dataclass(frozen=True, slots=True)
class Point:
    """Where a failed trial was lost: `event` is an index into its events."""

    lost: Lost
    event: int


@dataclass(frozen=True, slots=True)
class _Written:
    """A write on the way to a world: the n-th call that reached a tool, and the snapshot after it.

    `before` is the write before it, `past` the number of steps that `Watched.past` held then.
    """

    before: _Written | None
    n: int
    past: int
    call: ToolCall
    snapshot: Any


@dataclass(frozen=True, slots=True)
class _Mark:
    """A snapshot, and the last write on the way to it."""

    snapshot: Any
    last: _Written | None


class Watched:
    """An environment that remembers which writes led to the world as it is. Implements `types.Environment`.

    Attributes:
        last: the last of these writes.
        past: all that was done: calls, and snapshots that were restored.
    """

    __slots__ = ("_inner", "last", "past")

    def __init__(self, inner: Environment) -> None:
        self._inner = inner
        self.last: _Written | None = None
        self.past: list[ToolCall | _Mark] = []

    @property
    def toolbox(self) -> Toolbox:
        return self._inner.toolbox

    @property
    def log(self) -> Sequence[tuple[ToolCall, ActionResult]]:
        return self._inner.log

    def call(self, call: ToolCall) -> ActionResult:
        result = self._inner.call(call)
        self.past.append(call)
        if result.wrote:
            self.last = _Written(self.last, len(self._inner.log), len(self.past), call, self._inner.snapshot())
        return result

    def snapshot(self) -> Any:
        return _Mark(self._inner.snapshot(), self.last)

    def restore(self, snapshot: Any) -> None:
        self._inner.restore(snapshot.snapshot)
        self.past.append(snapshot)
        self.last = snapshot.last

    def digest(self) -> int:
        return self._inner.digest()

    @property
    def writes(self) -> list[_Written]:
        """The writes that led here, in order."""
        found = []
        at = self.last
        while at is not None:
            found.append(at)
            at = at.before
        return found[::-1]


def point_of(
    task: Task,
    environment: Environment,
    watched: Watched,
    events: NDArray[Any],
    end: EndReason,
    fresh: Callable[[], Environment],
) -> Point:
    """Where a failed trial was lost.

    Args:
        environment: the trial's own, as it ended.
        watched: what the harness saw of it.
        events: EVENT[n] of the trial, with its oracle matches.
        fresh: makes an environment as the trial found it.
    """
    writes = watched.writes
    passing = 0  # of the worlds before the first write, after it, after the second ...: the last that can be saved
    for i in range(len(writes), 0, -1):
        if _can_be_saved(task, writes[:i], watched.past, fresh()):
            passing = i
            break
    if passing < len(writes):
        return Point(Lost.NO_RETURN, _exec(events, writes[passing].n))
    if end is EndReason.ANSWERED and task.check(environment, task.oracle_answer).passed:
        return Point(Lost.ANSWER, _last(events["kind"] == REPLY))
    return Point(Lost.STALL, _after_progress(events))


def _can_be_saved(
    task: Task, writes: Sequence[_Written], past: Sequence[ToolCall | _Mark], environment: Environment
) -> bool:
    """Whether the oracle, going on after these writes, reaches the goal. Its look-ups are harmless, and all made again.

    The trial's own steps are repeated first: snapshots hold no log, and a check may ask what was looked up when.
    """
    for step in past[: writes[-1].past]:
        if isinstance(step, ToolCall):
            environment.call(step)
        else:
            environment.restore(step.snapshot)
    environment.restore(writes[-1].snapshot)
    done = Counter(_action(write.call) for write in writes)
    for call in task.oracle:
        action = _action(call)
        if done[action]:
            done[action] -= 1
        else:
            environment.call(call)
    return task.check(environment, task.oracle_answer).passed


def _action(call: ToolCall) -> str:
    """Tool and arguments; "45" and 45 are one, as they are for a tool."""
    return canonical([call.name, {name: _loose(value) for name, value in call.arguments.items()}])


def _loose(value: Any) -> Any:
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) and len(value) < 16 else value


def _exec(events: NDArray[Any], n: int) -> int:
    """The event of the n-th call that reached a tool, counted from 1."""
    return int((events["kind"] == EXEC).nonzero()[0][n - 1])


def _after_progress(events: NDArray[Any]) -> int:
    """The first reply after the last oracle call that was newly made, or the end; the first reply if none was made."""
    made = _last(events["oracle"] >= 0)
    later = (events["kind"][made + 1 :] == REPLY).nonzero()[0]
    return made + 1 + int(later[0]) if len(later) else len(events) - 1


def _last(which: NDArray[Any]) -> int:
    found = which.nonzero()[0]
    return int(found[-1]) if len(found) else -1
