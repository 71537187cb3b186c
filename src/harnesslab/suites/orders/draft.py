"""What a template draws: one task without its world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from harnesslab.suites.orders.desk import Desk
from harnesslab.suites.task import Read
from harnesslab.suites.values import Value
from harnesslab.types import ToolCall


@dataclass(frozen=True, slots=True)
class Draft:
    """Attributes are those of `make_task`."""

    prompt: str
    oracle: tuple[ToolCall, ...]
    answer: str
    says: tuple[Value, ...] = ()
    reads: tuple[Read, ...] = ()


Template = Callable[[Desk], Draft]


def call(name: str, **arguments: str | int) -> ToolCall:
    return ToolCall(name, arguments)


def reads(*calls: ToolCall) -> tuple[Read, ...]:
    """Each of these calls must have been made."""
    return tuple(Read((one,)) for one in calls)


def one_of(random: Random, *wordings: str) -> str:
    return random.choice(wordings)
