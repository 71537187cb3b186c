"""The point of no return: where a failed trial was lost, found by playing the oracle's remaining calls from snapshots.

While a trial runs, `Watched` keeps a snapshot after every call that wrote. At its end each is restored into a copy of
the world with the log up to there, and the oracle is let go on: where it still reaches the goal, nothing was lost yet.

    no return  the first write after which the oracle no longer reaches the goal, and does not again later either
    answer     the world is as asked, and so is what was read; the statement is wrong
    stall      nothing was lost, but work is missing: the trial stopped getting on here

Only what led to the final world counts: a write that a rewind took back, or one of an attempt that was not chosen, is
part of no history, and can be no point of no return.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harnesslab.trace.oracle import match_oracle
from harnesslab.types import ASIDE, ActionResult, Answer, EndReason, Environment, Task, Toolbox, ToolCall, canonical
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
    """A write on the way to a world: the n-th call that reached a tool, the snapshot after it, and the write before."""

    before: _Written | None
    n: int
    call: ToolCall
    snapshot: Any


@dataclass(frozen=True, slots=True)
class _Mark:
    """A snapshot, and the last write on the way to it."""

    snapshot: Any
    last: _Written | None


class Watched:
    """An environment that remembers which writes led to the world as it is. Implements `types.Environment`."""

    __slots__ = ("_inner", "_last")

    def __init__(self, inner: Environment) -> None:
        self._inner = inner
        self._last: _Written | None = None

    @property
    def toolbox(self) -> Toolbox:
        return self._inner.toolbox

    @property
    def log(self) -> Sequence[tuple[ToolCall, ActionResult]]:
        return self._inner.log

    def call(self, call: ToolCall) -> ActionResult:
        result = self._inner.call(call)
        if result.wrote:
            self._last = _Written(self._last, len(self._inner.log), call, self._inner.snapshot())
        return result

    def snapshot(self) -> Any:
        return _Mark(self._inner.snapshot(), self._last)

    def restore(self, snapshot: Any) -> None:
        self._inner.restore(snapshot.snapshot)
        self._last = snapshot.last

    def digest(self) -> int:
        return self._inner.digest()

    def with_log(self, log: Sequence[tuple[ToolCall, ActionResult]]) -> Environment:
        return self._inner.with_log(log)

    @property
    def writes(self) -> list[_Written]:
        """The writes that led here, in order."""
        found = []
        at = self._last
        while at is not None:
            found.append(at)
            at = at.before
        return found[::-1]


def point_of(task: Task, watched: Watched, events: NDArray[Any], answer: Answer) -> Point:
    """Where a failed trial was lost.

    Args:
        watched: the environment, as the trial ended.
        events: EVENT[n] of the trial.
        answer: how it ended; of several attempts, only what the chosen one did counts.
    """
    writes, own = watched.writes, _own_calls(answer, len(watched.log))
    passing = 0  # of the worlds before the first write, after it, after the second ...: the last that can be saved
    for i in range(len(writes), 0, -1):
        if _can_be_saved(task, writes[:i], watched.with_log([watched.log[n] for n in own if n < writes[i - 1].n])):
            passing = i
            break
    if passing < len(writes):
        return Point(Lost.NO_RETURN, _exec(events, writes[passing].n))
    ended = watched.with_log([watched.log[n] for n in own])
    mine = _of_the_attempt(events, answer)
    if answer.reason is EndReason.ANSWERED and task.check(ended, task.oracle_answer).passed:
        return Point(Lost.ANSWER, _last(mine & (events["kind"] == REPLY)))
    return Point(Lost.STALL, _after_progress(task, events, mine))


def _own_calls(answer: Answer, logged: int) -> list[int]:
    """Positions in the log of the calls that count."""
    if not answer.among:
        return list(range(logged))
    return [*range(*answer.among[answer.chosen].calls), *range(answer.among[-1].calls[1], logged)]


def _of_the_attempt(events: NDArray[Any], answer: Answer) -> NDArray[np.bool_]:
    """bool[n]: events of the chosen attempt, which has the branch of its number where none of them opened others."""
    chosen: NDArray[np.bool_] = events["branch"] == answer.chosen
    if answer.among and chosen.any():
        return chosen
    rest: NDArray[np.bool_] = events["branch"] != ASIDE
    return rest


def _can_be_saved(task: Task, writes: Sequence[_Written], environment: Environment) -> bool:
    """Whether the oracle, going on after these writes, reaches the goal. Its look-ups are harmless, and all made again.

    Args:
        environment: with the log up to the last of these writes.
    """
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


def _after_progress(task: Task, events: NDArray[Any], mine: NDArray[np.bool_]) -> int:
    """The first reply after the last oracle call that was newly made, or the end; the first reply if none was made."""
    own = events[mine].copy()
    own["branch"] = 0
    match_oracle(own, task.oracle)
    made = _last(own["oracle"] >= 0)
    later = (own["kind"][made + 1 :] == REPLY).nonzero()[0]
    return int(mine.nonzero()[0][made + 1 + later[0]]) if len(later) else len(events) - 1


def _last(which: NDArray[Any]) -> int:
    found = which.nonzero()[0]
    return int(found[-1]) if len(found) else -1
