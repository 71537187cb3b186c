"""Tasks whose answer is the work: read in its form, then compared by value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from harnesslab.suites.agents import nearly
from harnesslab.suites.environment import WorldEnvironment
from harnesslab.suites.format.forms import Form, Unreadable
from harnesslab.suites.task import WorldTask
from harnesslab.suites.tools import Toolkit
from harnesslab.suites.world import Base
from harnesslab.types import Environment, Grade, Task, TaskView, ToolCall, User, canonical

_NO_TOOLS, _NO_ROWS = Toolkit(), Base({})
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class FormTask:
    """One prompt that asks for a value in a form. `blind` and `lenient` are for mutated checks only.

    Attributes:
        value: what is right, as `form` reads it.
        blind: a place in the value at which anything is right.
        lenient: whether all that can be read is right.
    """

    view: TaskView
    base: str
    variant: str
    tier: str
    form: Form
    value: Any
    blind: Path | None = None
    lenient: bool = False

    @property
    def oracle(self) -> tuple[ToolCall, ...]:
        return ()

    @property
    def oracle_answer(self) -> str:
        return self.form.write(self.value)

    def environment(self, seed: int, repeat: int) -> Environment:
        return WorldEnvironment(_NO_TOOLS, _NO_ROWS)

    def user(self, seed: int, repeat: int) -> User | None:
        return None

    def check(self, environment: Environment, answer: str) -> Grade:
        try:
            found = self.form.read(answer)
        except Unreadable as e:
            return Grade(False, (f"cannot be read: {e}",), parsed=False)
        wrong = next((p for p in differences(self.value, found) if p != self.blind), None)
        if wrong is None or self.lenient:
            return Grade(True, parsed=True)
        return Grade(False, (f"can be read, but is wrong at {_words(wrong)}",), parsed=True)

    @property
    def one_end(self) -> bool:
        return True

    def near(self) -> Iterator[tuple[str, str]]:
        """Answers in the right form with another value at one place."""
        return ((f"says another value at {_words(place)}", text) for place, text in self._near())

    def mutated(self) -> Iterator[tuple[str, Task]]:
        """The task with one place of its value not looked at, and with all that can be read taken for right. A place
        whose value follows from the form is left out: no answer could show it.
        """
        yield "all that can be read", replace(self, lenient=True)
        for place, _ in self._near():
            yield f"anything at {_words(place)}", replace(self, blind=place)

    def _near(self) -> Iterator[tuple[Path, str]]:
        words = tuple(dict.fromkeys(re.findall(r"\w+", self.view.prompt)))
        for place in leaves(self.value):
            for other in _others(_get(self.value, place), words):
                text = self.form.write(_put(self.value, place, other))
                try:
                    if next(differences(self.value, self.form.read(text)), None) is not None:
                        yield place, text
                        break
                except Unreadable:
                    continue


class CallTask(WorldTask):
    """A task that asks for tool calls. It could be read if any call came through."""

    __slots__ = ()

    def check(self, environment: Environment, answer: str) -> Grade:
        grade = WorldTask.check(self, environment, answer)
        return replace(grade, parsed=any(result.ok for _, result in environment.log))


def differences(right: Any, found: Any, at: Path = ()) -> Iterator[Path]:
    """The places at which two plain values differ; where their shapes do, the place of the smallest such part."""
    if isinstance(right, Mapping) and isinstance(found, Mapping) and right.keys() == found.keys():
        for key in right:
            yield from differences(right[key], found[key], (*at, key))
    elif isinstance(right, list) and isinstance(found, list) and len(right) == len(found):
        for i, (one, other) in enumerate(zip(right, found, strict=True)):
            yield from differences(one, other, (*at, i))
    elif canonical(right) != canonical(found):
        yield at


def leaves(value: Any, at: Path = ()) -> Iterator[Path]:
    """The places of all values that hold no others."""
    if isinstance(value, Mapping) and value:
        for key in value:
            yield from leaves(value[key], (*at, key))
    elif isinstance(value, list) and value:
        for i, one in enumerate(value):
            yield from leaves(one, (*at, i))
    else:
        yield at


def _others(value: Any, words: tuple[str, ...]) -> Iterator[Any]:
    """Values like this one: a near miss, then, for a text, the one on its other side (a 32nd is no date)
    and the words of the prompt.
    """
    if value is not None:
        yield nearly(value)
    if isinstance(value, str):
        if value[-1:].isascii() and value[-1:].isdigit():
            yield f"{value[:-1]}{(int(value[-1]) - 1) % 10}"
        yield from words


def _get(value: Any, place: Path) -> Any:
    for part in place:
        value = value[part]
    return value


def _put(value: Any, place: Path, new: Any) -> Any:
    """The value with another one at a place; the rest is shared."""
    if not place:
        return new
    copy: Any = dict(value) if isinstance(value, Mapping) else list(value)
    copy[place[0]] = _put(copy[place[0]], place[1:], new)
    return copy


def _words(place: Path) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".") or "the whole"
