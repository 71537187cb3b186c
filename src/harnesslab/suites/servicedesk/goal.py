"""When a dialogue was a success: right state, right words, after the right look-ups, and nothing else written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import time

from harnesslab.suites.environment import WorldEnvironment
from harnesslab.suites.values import Value, Word
from harnesslab.suites.world import Key
from harnesslab.types import BREAK, ActionResult, Grade, ToolCall


@dataclass(frozen=True, slots=True)
class Looked:
    """Something the agent must have looked up: a successful call of one of these tools about these values.

    Ids count by value: "#h12345" is H12345. Other arguments are free, since the tool answered without error.
    """

    any_of: tuple[tuple[str, ...], ...]  # tool, values

    def done_by(self, call: ToolCall, result: ActionResult) -> bool:
        if not result.ok:
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
class DeskGoal:
    """Attributes:
    digest: of the state after the oracle.
    changes: the rows the oracle writes; a write to any other row is unauthorised, even if written back.
    says: what the customer must have been told.
    reads: what must have been looked up.
    gate: nothing may be written before this was looked up: the customer's identity.
    """

    digest: int
    changes: frozenset[Key]
    says: tuple[Value, ...] = ()
    reads: tuple[Looked, ...] = ()
    gate: Looked | None = None

    def check(self, environment: WorldEnvironment, answer: str) -> Grade:
        """`answer` is all that the customer heard, statements parted by `types.BREAK`."""
        told = answer.split(BREAK)
        reasons = [*self._state(environment), *self._strays(environment)]
        reasons += [f"the customer was not told {value}" for value in self.says if not was_told(value, told)]
        reasons += [f"never read {read}" for read in self.reads if not _done(read, environment.log)]
        if self.gate and _wrote_first(self.gate, environment.log):
            reasons.append(f"wrote before {self.gate}")
        return Grade(not reasons, tuple(reasons))

    def _state(self, environment: WorldEnvironment) -> list[str]:
        return [] if environment.digest() == self.digest else ["the state is not the one the task asks for"]

    def _strays(self, environment: WorldEnvironment) -> list[str]:
        return [f"unauthorised write to {table} {id}" for table, id in sorted(environment.touched - self.changes)]

    def mutated(self) -> Iterator[tuple[str, DeskGoal]]:
        """The goal with one demand dropped or altered, and which. Where nothing may be written, any state but the
        first is an unauthorised write, so dropping the state alone changes no verdict and is left out.
        """
        yield "another state", replace(self, digest=self.digest ^ 1)
        yield "any write", _AnyWrite(self.digest, self.changes, self.says, self.reads, self.gate)
        if self.changes:
            yield "any state", _AnyState(self.digest, self.changes, self.says, self.reads, self.gate)
        if self.gate:
            yield f"without {self.gate} first", replace(self, gate=None)
        for i, value in enumerate(self.says):
            yield f"without {value}", replace(self, says=(*self.says[:i], *self.says[i + 1 :]))
        for i, read in enumerate(self.reads):
            yield f"without {read}", replace(self, reads=(*self.reads[:i], *self.reads[i + 1 :]))


class _AnyState(DeskGoal):
    def _state(self, environment: WorldEnvironment) -> list[str]:
        return []


class _AnyWrite(DeskGoal):
    def _strays(self, environment: WorldEnvironment) -> list[str]:
        return []


def was_told(value: Value, told: Sequence[str]) -> bool:
    """Whether the customer knows the fact at the end: of several statements on one subject the last one counts."""
    if isinstance(value, Word) and value.rivals:
        about = [s for s in told if any(Word(word).said_in(s) for word in (value.value, *value.rivals))]
        return bool(about) and value.said_in(about[-1])
    return any(value.said_in(statement) for statement in told)


def _done(read: Looked, log: Iterable[tuple[ToolCall, ActionResult]]) -> bool:
    return any(read.done_by(call, result) for call, result in log)


def _wrote_first(gate: Looked, log: Iterable[tuple[ToolCall, ActionResult]]) -> bool:
    for call, result in log:
        if gate.done_by(call, result):
            return False
        if result.wrote:
            return True
    return False
