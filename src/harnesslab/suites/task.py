"""Tasks over worlds of rows: the goal is data, computed from what the oracle leaves behind.

A goal is met when the state equals the one after the oracle, nothing the oracle leaves alone was written, the answer
says what it must, and what had to be read was read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harnesslab.suites.environment import WorldEnvironment
from harnesslab.suites.tools import Toolkit
from harnesslab.suites.values import Value
from harnesslab.suites.world import EMPTY, Base, Key, Snapshot
from harnesslab.types import Environment, Grade, Task, TaskView, ToolCall, User


@dataclass(frozen=True, slots=True)
class Read:
    """Something the agent had to look up: any one of these calls, executed without error."""

    any_of: tuple[ToolCall, ...]

    def done(self, keys: frozenset[int]) -> bool:
        return any(call.key in keys for call in self.any_of)

    def __str__(self) -> str:
        return " or ".join(f"{call.name}({', '.join(map(str, call.arguments.values()))})" for call in self.any_of)


@dataclass(frozen=True, slots=True)
class Goal:
    """When a task is solved.

    Attributes:
        digest: of the state after the oracle.
        changes: the rows the oracle writes; a write to any other row is unauthorised, even if written back.
        says: what the answer must state.
        reads: what must have been read.
    """

    digest: int
    changes: frozenset[Key]
    says: tuple[Value, ...] = ()
    reads: tuple[Read, ...] = ()

    def check(self, environment: WorldEnvironment, answer: str) -> Grade:
        reasons = []
        if environment.digest() != self.digest:
            reasons.append("the state is not the one the task asks for")
        stray = sorted(environment.touched - self.changes)
        reasons += [f"unauthorised write to {table} {id}" for table, id in stray]
        reasons += [f"the answer does not say {value}" for value in self.says if not value.said_in(answer)]
        if self.reads:
            keys = frozenset(call.key for call, result in environment.log if result.ok)
            reasons += [f"never read {read}" for read in self.reads if not read.done(keys)]
        return Grade(not reasons, tuple(reasons))


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
    """
    environment = WorldEnvironment(kit, rows, start)
    for call in oracle:
        result = environment.call(call)
        if not result.ok:
            raise ValueError(f"{view.id}: the oracle's {call.name} fails: {result.content}")
    goal = Goal(environment.digest(), environment.touched, tuple(says), tuple(reads))
    grade = goal.check(environment, oracle_answer)
    if not grade.passed:
        raise ValueError(f"{view.id}: the oracle misses its goal: {'; '.join(grade.reasons)}")
    return WorldTask(view, base, variant, tier, tuple(oracle), oracle_answer, goal, kit, rows, start)


@dataclass(frozen=True, slots=True)
class TaskSuite:
    """A named, versioned set of tasks; `version` changes whenever a task does."""

    name: str
    version: str
    tasks: tuple[Task, ...]
    summary: str = ""
