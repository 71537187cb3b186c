"""Tasks over worlds of rows: the goal is data, computed from what the oracle leaves behind.

A goal is met when the state equals the one after the oracle, nothing the oracle leaves alone was written, the answer
says what it must, and what had to be read was read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Self, TypeVar

from harnesslab.suites.environment import WorldEnvironment
from harnesslab.suites.tools import Toolkit
from harnesslab.suites.values import Value
from harnesslab.suites.world import EMPTY, Base, Key, Snapshot
from harnesslab.types import ActionResult, Environment, Grade, Task, TaskView, ToolCall, User

Part = TypeVar("Part")


Good = Sequence[tuple[ToolCall, ActionResult]]  # executed without error, and not spoilt by a fault that passes


class LookUp(Protocol):
    """Something the agent had to look up; `str` says what, for the grade's reasons."""

    def done(self, good: Good) -> bool:
        """Whether it was, given the calls that went well."""
        ...


@dataclass(frozen=True, slots=True)
class Read:
    """Any one of these calls."""

    any_of: tuple[ToolCall, ...]

    def done(self, good: Good) -> bool:
        keys = {call.key for call, _ in good}
        return any(call.key in keys for call in self.any_of)

    def __str__(self) -> str:
        return " or ".join(f"{call.name}({', '.join(map(str, call.arguments.values()))})" for call in self.any_of)


@dataclass(frozen=True, slots=True)
class Goal:
    """When a task is solved.

    Attributes:
        digest: of the state after the oracle; None: neither state nor writes are judged.
        changes: the rows the oracle writes; a write to any other row is unauthorised, even if written back.
        says: what the answer must state.
        reads: what must have been looked up.
        any_state, any_write: only mutated checks set them: not to look at the state, or at stray writes.
    """

    digest: int | None
    changes: frozenset[Key]
    says: tuple[Value, ...] = ()
    reads: tuple[LookUp, ...] = ()
    any_state: bool = False
    any_write: bool = False

    def check(self, environment: WorldEnvironment, answer: str) -> Grade:
        reasons = []
        if self.digest is not None and not self.any_state and environment.digest() != self.digest:
            reasons.append("the state is not the one the task asks for")
        if self.digest is not None and not self.any_write:
            strays = sorted(environment.touched - self.changes)
            reasons += [f"unauthorised write to {table} {id}" for table, id in strays]
        reasons += [f"{self.unsaid} {value}" for value in self.says if not self.said(value, answer)]
        if self.reads:
            good = [(c, r) for c, r in environment.log if r.ok and not environment.may_pass(c, r)]
            reasons += [f"never read {read}" for read in self.reads if not read.done(good)]
        return Grade(not reasons, tuple(reasons))

    @property
    def unsaid(self) -> str:
        return "the answer does not say"

    def said(self, value: Value, answer: str) -> bool:
        return value.said_in(answer)

    def mutated(self) -> Iterator[tuple[str, Self]]:
        """The goal with one demand dropped or altered, and which. No state need be dropped where no write is allowed:
        any other state is an unauthorised write then.
        """
        if self.digest is not None:
            yield "another state", replace(self, digest=self.digest ^ 1)
            yield "any write", replace(self, any_write=True)
            if self.changes:
                yield "any state", replace(self, any_state=True)
        for i, value in enumerate(self.says):
            yield f"without {value}", replace(self, says=_without(self.says, i))
            inside = replace(self, says=(*_without(self.says, i), _Inside(value)))
            yield f"{value} as a part of something", inside
        for i, read in enumerate(self.reads):
            yield f"without {read}", replace(self, reads=_without(self.reads, i))


@dataclass(frozen=True, slots=True)
class _Inside:
    """A value matched as a substring grader would: what no check of ours may do."""

    value: Value

    def said_in(self, answer: str) -> bool:
        return any(self.value.said_in(part) for part in _parts(answer))


def _parts(answer: str) -> Iterator[str]:
    """The answer, and the answer with the ends of all its words and numbers cut off."""
    yield answer
    yield re.sub(r"\w(\w(?:[\w.@,:/-]*\w)?)\w", r"\1", answer)


def _without(parts: tuple[Part, ...], i: int) -> tuple[Part, ...]:
    return parts[:i] + parts[i + 1 :]


@dataclass(frozen=True, slots=True)
class WorldTask:
    """One problem over a shared base. Build it with `make_task`, which computes the goal."""

    view: TaskView
    base: str
    variant: str
    tier: str
    oracle: tuple[ToolCall, ...]
    oracle_answer: str
    goal: Goal
    kit: Toolkit
    rows: Base
    start: Snapshot = EMPTY

    def environment(self, seed: int, repeat: int) -> Environment:
        return WorldEnvironment(self.kit, self.rows, self.start)

    def user(self, seed: int, repeat: int) -> User | None:
        return None

    def check(self, environment: Environment, answer: str) -> Grade:
        if not isinstance(environment, WorldEnvironment):
            raise TypeError(f"a WorldTask grades its own environment, not a {type(environment).__name__}")
        return self.goal.check(environment, answer)

    @property
    def one_end(self) -> bool:
        return self.goal.digest is not None

    def mutated(self) -> Iterator[tuple[str, Task]]:
        """The task with one demand of its goal altered; see `mutants.Mutable`."""
        return ((name, replace(self, goal=goal)) for name, goal in self.goal.mutated())


def make_task(
    view: TaskView,
    *,
    base: str,
    variant: str,
    tier: str,
    oracle: Sequence[ToolCall],
    oracle_answer: str,
    kit: Toolkit,
    rows: Base,
    start: Snapshot = EMPTY,
    says: Sequence[Value] = (),
    reads: Sequence[Read] = (),
) -> WorldTask:
    """A task whose goal is what its oracle leaves behind.

    Raises:
        ValueError: the oracle fails, or does not meet its own goal: a fault of the suite.
        TypeError: `oracle`, `says` or `reads` hold something else.
    """
    _only_such(view.id, "oracle", oracle, 'ToolCall("get_book", {"title": "Emma"})', lambda c: isinstance(c, ToolCall))
    _only_such(view.id, "says", says, 'Number(45), or Word("R2", rivals=("R1",))', lambda v: hasattr(v, "said_in"))
    _only_such(view.id, "reads", reads, "Read((call,))", lambda r: hasattr(r, "done"))
    environment = WorldEnvironment(kit, rows, start)
    for call in oracle:
        result = environment.call(call)
        if not result.ok:
            why = kit.bugs.get(call.name) or result.content
            raise ValueError(f"{view.id}: the oracle's {call.name} fails: {why}")
    goal = Goal(environment.digest(), environment.touched, tuple(says), tuple(reads))
    grade = goal.check(environment, oracle_answer)
    if not grade.passed:
        raise ValueError(f"{view.id}: the oracle misses its goal: {'; '.join(grade.reasons)}")
    return WorldTask(view, base, variant, tier, tuple(oracle), oracle_answer, goal, kit, rows, start)


def _only_such(task: str, name: str, parts: object, such: str, fits: Callable[[object], bool]) -> None:
    if not isinstance(parts, (tuple, list)) or not all(map(fits, parts)):
        raise TypeError(f"{task}: {name} is a tuple of values such as {such}, not {parts!r}")


@dataclass(frozen=True, slots=True)
class TaskSuite:
    """A named, versioned set of tasks; `version` changes whenever a task does."""

    name: str
    version: str
    tasks: tuple[Task, ...]
    summary: str = ""
