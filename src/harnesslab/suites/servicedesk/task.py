"""A task of a desk: a world, a customer, and a dialogue that solves it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from harnesslab.suites.environment import WorldEnvironment
from harnesslab.suites.servicedesk.brief import brief
from harnesslab.suites.servicedesk.draft import Draft, Say, Step, Try
from harnesslab.suites.servicedesk.goal import DeskGoal
from harnesslab.suites.servicedesk.persona import Persona
from harnesslab.suites.servicedesk.scripted_user import ScriptedUser
from harnesslab.suites.tools import Toolkit
from harnesslab.suites.world import Base
from harnesslab.types import Environment, Grade, TaskView, ToolCall, User, stable_hash


@dataclass(frozen=True, slots=True)
class DeskTask:
    """One problem over a desk's tables. Build it with `make_task`, which computes the goal.

    Attributes:
        script: what the oracle does and says, its last statement (`oracle_answer`) excepted.
    """

    view: TaskView
    base: str
    variant: str
    tier: str
    script: tuple[Step, ...]
    oracle: tuple[ToolCall, ...]
    oracle_answer: str
    persona: Persona
    goal: DeskGoal
    kit: Toolkit
    rows: Base

    def environment(self, seed: int, repeat: int) -> Environment:
        return WorldEnvironment(self.kit, self.rows)

    def user(self, seed: int, repeat: int) -> User | None:
        return ScriptedUser(self.persona, stable_hash(seed, self.view.id, self.variant, repeat))

    @property
    def brief(self) -> str:
        return brief(self.persona)

    def check(self, environment: Environment, answer: str) -> Grade:
        if not isinstance(environment, WorldEnvironment):
            raise TypeError(f"a DeskTask grades its own environment, not a {type(environment).__name__}")
        return self.goal.check(environment, answer)

    @property
    def one_end(self) -> bool:
        """No state but the oracle's is right."""
        return True

    def mutated(self) -> Iterator[tuple[str, DeskTask]]:
        """The task with one demand of its goal altered, and which."""
        return ((name, replace(self, goal=goal)) for name, goal in self.goal.mutated())


def make_task(
    view: TaskView, draft: Draft, *, base: str, variant: str, tier: str, kit: Toolkit, rows: Base
) -> DeskTask:
    """A task whose goal is what its oracle leaves behind.

    Raises:
        ValueError: a step of the oracle goes otherwise than its script says, or it misses its own goal.
    """
    environment = WorldEnvironment(kit, rows)
    for step in draft.script:
        if isinstance(step, Say):
            continue
        call = step.call if isinstance(step, Try) else step
        result = environment.call(call)
        if result.ok is isinstance(step, Try):
            raise ValueError(f"{view.id}: the oracle's {call.name} answers {result.content}")
    goal = DeskGoal(environment.digest(), environment.touched, draft.says, draft.reads, gate=draft.gate)
    grade = goal.check(environment, draft.answer)
    if not grade.passed:
        raise ValueError(f"{view.id}: the oracle misses its goal: {'; '.join(grade.reasons)}")
    calls = tuple(step for step in draft.script if isinstance(step, ToolCall))
    return DeskTask(view, base, variant, tier, draft.script, calls, draft.answer, draft.persona, goal, kit, rows)
