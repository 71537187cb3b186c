"""What a template draws: one task without its world, with a dialogue that solves it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from harnesslab.suites.servicedesk.goal import Looked
from harnesslab.suites.servicedesk.persona import Persona
from harnesslab.suites.values import Value
from harnesslab.types import ToolCall


@dataclass(frozen=True, slots=True)
class Say:
    """The oracle speaks, and hears what the customer answers."""

    text: str


@dataclass(frozen=True, slots=True)
class Try:
    """A call that must fail: the customer gave something wrong."""

    call: ToolCall


Step = ToolCall | Say | Try


@dataclass(frozen=True, slots=True)
class Draft:
    """Attributes:
    script: what the oracle does and says, in order, before its last statement.
    answer: its last statement, which tells all that must be told.
    says: what that is.
    reads: what must be looked up.
    gate: what must be looked up before anything is written.
    """

    persona: Persona
    script: tuple[Step, ...]
    answer: str
    says: tuple[Value, ...] = ()
    reads: tuple[Looked, ...] = ()
    gate: Looked | None = None


D = TypeVar("D")
Template = Callable[[D], Draft]


def call(name: str, **arguments: Any) -> ToolCall:
    return ToolCall(name, arguments)


def looked(*any_of: tuple[str, ...], shows: tuple[str, ...] = ()) -> Looked:
    """Any one of these: (tool, values that stand in its arguments), answered with the ids in `shows`."""
    return Looked(any_of, shows)
