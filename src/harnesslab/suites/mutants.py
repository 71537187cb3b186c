"""Mutants: the oracle gone wrong in one place, and goal checks with one demand altered.

A *mutant agent* does what the oracle does, but for one slip; a suite's check must fail it. A *mutated check* is the
check with one demand dropped or altered; some agent here must get another verdict from it than from the original, else
nothing shows that the demand is held. Both work on any `Task`; mutated checks come from tasks that are `Mutable`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Protocol, runtime_checkable

from harnesslab.suites.agents import NULL_AGENTS, Agent, Pool, draw_arguments, made, nearly, oracle, other_word, pool_of
from harnesslab.suites.environment import WorldEnvironment
from harnesslab.types import Environment, Suite, Task, ToolCall, stable_hash

EXTRA_WRITES = 4  # per task
MOST_WORDS = 64  # of a statement that are altered, one at a time, spread evenly
_TOKEN = re.compile(r"\w(?:[\w.@,:/-]*\w)?")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Mutant:
    """An agent with one slip; `name` says which."""

    name: str
    agent: Agent


@runtime_checkable
class Mutable(Protocol):
    """A task that can alter its own goal check."""

    @property
    def one_end(self) -> bool:
        """Whether no state but the oracle's is right. Elsewhere only a write that is left out is a slip for certain."""
        ...

    def mutated(self) -> Iterator[tuple[str, Task]]:
        """The task with one demand of its check dropped or altered, and in words which."""
        ...


@runtime_checkable
class Precise(Protocol):
    """A task whose statement is right or wrong as a whole."""

    def near(self) -> Iterator[tuple[str, str]]:
        """Statements much like the oracle's that must not pass, and in words what each gets wrong."""
        ...


class Mutants:
    """Draws the mutants of a suite's tasks; the values they use are those of the suite's own oracles."""

    def __init__(self, suite: Suite) -> None:
        self._pool: Pool = pool_of(suite)
        self._answers = tuple(dict.fromkeys(t.oracle_answer for t in suite.tasks))

    def wrong(self, task: Task) -> Iterator[Mutant]:
        """Agents that the task's own check must fail.

        A slip in what the oracle writes is void, and left out, where the state ends up as the oracle leaves it. Where
        the oracle writes nothing the statement is the work: it may not be missing, nor be made without a look-up.
        Where the oracle makes no call at all, no word of the statement may be another one.
        """
        environment = task.environment(0, 0)
        writes = {t.name for t in environment.toolbox if t.writes}
        oracle(task, environment)
        end = environment.digest()
        one_end = not isinstance(task, Mutable) or task.one_end
        for mutant in self._slips(task, writes) if one_end else _omissions(task, writes):
            tried = task.environment(0, 0)
            mutant.agent(task, tried)
            if tried.digest() != end:
                yield mutant
        if any(call.name in writes for call in task.oracle):
            return
        yield Mutant("says nothing", calls_and(""))
        yield Mutant("only claims success", calls_and("Done."))
        if task.oracle:
            yield Mutant("answers without a look-up", lambda task, _: task.oracle_answer)
        else:
            for word, other in other_words(task.oracle_answer):
                yield Mutant(f"says {word!r} otherwise", calls_and(other))
        if isinstance(task, Precise):
            yield from (Mutant(what, calls_and(other)) for what, other in task.near())

    def telling(self, task: Task) -> Iterator[Agent]:
        """Agents that tell checks apart: the oracle, those that know nothing, and slips in calls and statement."""
        yield oracle
        yield from NULL_AGENTS.values()
        for i in range(len(task.oracle)):
            yield but(i, ())
            yield _at_last(i)
        yield calls_and("")
        yield glued
        yield from map(calls_and, _edited(task.oracle_answer, _TOKEN, _glue))
        for pattern in (_WORD, _TOKEN):
            yield from map(calls_and, _edited(task.oracle_answer, pattern, lambda match: ""))
        yield from (calls_and(other) for _, other in other_words(task.oracle_answer))
        if isinstance(task, Precise):
            yield from (calls_and(other) for _, other in task.near())
        yield calls_and(" ".join((task.oracle_answer, *self._answers)))
        yield from (mutant.agent for mutant in self._extra(task))
        yield _written_and_taken_back

    def _slips(self, task: Task, writes: set[str]) -> Iterator[Mutant]:
        yield from _omissions(task, writes)
        random = Random(stable_hash("mutants", task.view.id))
        for i, call in enumerate(task.oracle):
            if call.name not in writes:
                continue
            yield Mutant(f"makes {call.name} twice", but(i, (call, call)))
            for name, value in call.arguments.items():
                for what, other in (("another", self._another(name, value, random)), ("nearly", nearly(value))):
                    if other is not None:
                        slip = replace(call, arguments={**call.arguments, name: other})
                        yield Mutant(f"{call.name} with {what} {name}", but(i, (slip,)))
        yield from self._extra(task)

    def _extra(self, task: Task) -> Iterator[Mutant]:
        """The oracle and one write too many: of the suite's calls, those that succeed and change something."""
        random = Random(stable_hash("extra", task.view.id))
        environment = task.environment(0, 0)
        specs = [t for t in environment.toolbox if t.writes]
        oracle(task, environment)
        end, found = environment.snapshot(), 0
        for _ in range(20 * EXTRA_WRITES if specs else 0):
            spec = random.choice(specs)
            call = ToolCall(spec.name, draw_arguments(spec, self._pool, random))
            environment.restore(end)
            if made(environment, call).wrote:
                yield Mutant(f"makes {call.name} too", _and_then(call))
                found += 1
                if found == EXTRA_WRITES:
                    return

    def _another(self, name: str, value: Any, random: Random) -> Any:
        """What another oracle of the suite says for this argument, or None."""
        others = [v for v in self._pool.get(name, ()) if v != value]
        return random.choice(others) if others else None


def glued(task: Task, environment: Environment) -> str:
    """The oracle, but each word, number and id of its statement is part of a longer one: 45 is 9459, O1 is xO19."""
    oracle(task, environment)
    return _TOKEN.sub(_glue, task.oracle_answer)


def _glue(match: re.Match[str]) -> str:
    first, *_, last = ("9" if c.isdigit() else "x" for c in (match[0][0], match[0][-1]))
    return f"{first}{match[0]}{last}"


def other_words(text: str) -> Iterator[tuple[str, str]]:
    """(word, the text with that word altered), for words spread evenly over the text."""
    words = [match[0] for match in _spread(list(_WORD.finditer(text)))]
    return zip(words, _edited(text, _WORD, lambda match: other_word(match[0])), strict=True)


def _edited(text: str, pattern: re.Pattern[str], edit: Callable[[re.Match[str]], str]) -> Iterator[str]:
    """The text with one match edited at a time."""
    for match in _spread(list(pattern.finditer(text))):
        yield text[: match.start()] + edit(match) + text[match.end() :]


def _spread(found: Sequence[re.Match[str]]) -> Iterator[re.Match[str]]:
    n = min(len(found), MOST_WORDS)
    return (found[i * len(found) // n] for i in range(n))


def _omissions(task: Task, writes: set[str]) -> Iterator[Mutant]:
    for i, call in enumerate(task.oracle):
        if call.name in writes:
            yield Mutant(f"leaves out {call.name}", but(i, ()))


def but(skipped: int, instead: Sequence[ToolCall]) -> Agent:
    """The oracle, with one of its calls replaced."""

    def agent(task: Task, environment: Environment) -> str:
        for i, call in enumerate(task.oracle):
            for one in instead if i == skipped else (call,):
                made(environment, one)
        return task.oracle_answer

    return agent


def _at_last(late: int) -> Agent:
    """The oracle, with one of its calls made after all others."""

    def agent(task: Task, environment: Environment) -> str:
        for call in (*task.oracle[:late], *task.oracle[late + 1 :], task.oracle[late]):
            made(environment, call)
        return task.oracle_answer

    return agent


def _and_then(call: ToolCall) -> Agent:
    def agent(task: Task, environment: Environment) -> str:
        oracle(task, environment)
        made(environment, call)
        return task.oracle_answer

    return agent


def calls_and(said: str) -> Agent:
    """The oracle's calls with another statement."""

    def agent(task: Task, environment: Environment) -> str:
        oracle(task, environment)
        return said

    return agent


def _written_and_taken_back(task: Task, environment: Environment) -> str:
    """The oracle, and a row that is nobody's business is written and put back as it was."""
    oracle(task, environment)
    if isinstance(environment, WorldEnvironment):
        for table in environment.world.base.tables[:1]:
            environment.world.put(table, "a stray row", {"written": True})
            environment.world.delete(table, "a stray row")
    return task.oracle_answer
