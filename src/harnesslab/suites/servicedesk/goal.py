"""When a dialogue was a success: right state, right words, after the right look-ups, and nothing else written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import time
from typing import Self

from harnesslab.suites.environment import WorldEnvironment
from harnesslab.suites.task import Goal, Good
from harnesslab.suites.values import Value, Word
from harnesslab.types import BREAK, ActionResult, Grade, ToolCall


@dataclass(frozen=True, slots=True)
class Looked:
    """Something the agent must have looked up: a successful call of one of these tools about these values.

    Ids count by value: "#h12345" is H12345. Other arguments are free, since the tool answered without error; where they
    may leave out what is to be seen, `shows` names the ids that the answer must hold.
    """

    any_of: tuple[tuple[str, ...], ...]  # tool, values
    shows: tuple[str, ...] = ()

    def done(self, good: Good) -> bool:
        return any(self.done_by(call, result) for call, result in good)

    def done_by(self, call: ToolCall, result: ActionResult) -> bool:
        if not result.ok or not all(id in result.content for id in self.shows):
            return False
        given = {plain(value) for value in call.arguments.values()}
        return any(call.name == tool and given.issuperset(map(plain, values)) for tool, *values in self.any_of)

    def __str__(self) -> str:
        return " or ".join(f"{tool}({', '.join(values)})" for tool, *values in self.any_of)


def plain(value: object) -> str:
    """An id, email or code as it is compared: no case, no leading "#", no blanks around it."""
    return str(value).strip().lstrip("#").strip().casefold()


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day in any usual form: 14:05, 2:05 pm, 14.05."""

    value: time

    def said_in(self, answer: str) -> bool:
        return any(Word(form).said_in(answer) for form in self._forms)

    @property
    def _forms(self) -> tuple[str, ...]:
        hour, minute = self.value.hour, f"{self.value.minute:02d}"
        half, twelve = ("am" if hour < 12 else "pm"), hour % 12 or 12
        short = [f"{twelve}:{minute} {half}", f"{twelve}:{minute}{half}", f"{twelve}.{minute} {half}"]
        return (f"{hour}:{minute}", f"{hour:02d}:{minute}", f"{hour:02d}.{minute}", f"{hour:02d}:{minute}:00", *short)

    def __str__(self) -> str:
        return f"the time {self.value:%H:%M}"


@dataclass(frozen=True, slots=True)
class DeskGoal(Goal):
    """Attributes:
    gate: nothing may be written before this was looked up: the customer's identity.
    """

    gate: Looked | None = None

    def check(self, environment: WorldEnvironment, answer: str) -> Grade:
        """`answer` is all that the customer heard, statements parted by `types.BREAK`."""
        grade = Goal.check(self, environment, answer)
        if self.gate and _wrote_first(self.gate, environment.log):
            return Grade(False, (*grade.reasons, f"wrote before {self.gate}"))
        return grade

    @property
    def unsaid(self) -> str:
        return "the customer was not told"

    def said(self, value: Value, answer: str) -> bool:
        return was_told(value, answer.split(BREAK))

    def mutated(self) -> Iterator[tuple[str, Self]]:
        yield from Goal.mutated(self)
        if self.gate:
            yield f"without {self.gate} first", replace(self, gate=None)


def was_told(value: Value, told: Sequence[str]) -> bool:
    """Whether the customer knows the fact at the end: of several statements on one subject the last one counts."""
    if isinstance(value, Word) and value.rivals:
        about = [s for s in told if any(Word(word).said_in(s) for word in (value.value, *value.rivals))]
        return bool(about) and value.said_in(about[-1])
    return any(value.said_in(statement) for statement in told)


def _wrote_first(gate: Looked, log: Iterable[tuple[ToolCall, ActionResult]]) -> bool:
    for call, result in log:
        if gate.done_by(call, result):
            return False
        if result.wrote:
            return True
    return False
