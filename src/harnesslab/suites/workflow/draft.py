"""What a template draws: one task without its world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from harnesslab.suites.task import Read
from harnesslab.suites.values import Value
from harnesslab.suites.workflow.office import Mail, Office
from harnesslab.suites.workflow.tools import OTHER_SOURCE
from harnesslab.types import ToolCall


@dataclass(frozen=True, slots=True)
class Plan:
    """One way through a task: the oracle's calls and answer, what the answer must say, what must have been read."""

    calls: tuple[ToolCall, ...]
    answer: str = "Done."
    says: tuple[Value, ...] = ()
    reads: tuple[Read, ...] = ()

    def instead(self, tool: str) -> Plan:
        """The same way by the other source of one tool."""
        calls = tuple(replace(c, name=OTHER_SOURCE[tool]) if c.name == tool else c for c in self.calls)
        return replace(self, calls=calls)


@dataclass(frozen=True, slots=True)
class Draft:
    """Attributes:
    also: groups of tools that the prompt speaks of and this chain happens not to need.
    lost: what is right if `source` and its other source are both of no use; None: the task has no such end.
    """

    prompt: str
    plan: Plan
    source: str = ""
    lost: Plan | None = None
    also: tuple[str, ...] = ()


Template = Callable[[Office], Draft]


def call(name: str, **arguments: str | int) -> ToolCall:
    return ToolCall(name, arguments)


def read(name: str, **arguments: str) -> Read:
    """A look-up that must have been made, by either of the tools that show it."""
    names = (name, *(other for tool, other in OTHER_SOURCE.items() if tool == name))
    return Read(tuple(ToolCall(n, arguments) for n in names))


def letter(mail: Mail) -> tuple[ToolCall, ToolCall]:
    """Finding and reading a mail."""
    return call("search_mail", sender=mail.sender), call("read_mail", mail_id=mail.id)


def send(to: str, subject: str, text: str | int) -> ToolCall:
    return call("send_mail", to=to, subject=subject, text=str(text))


def else_unavailable(source: str, what: str) -> str:
    """What to do where neither source is of use, in words for a prompt."""
    return f'If {what} cannot be had from {source} or {OTHER_SOURCE[source]}, send "unavailable" instead.'


def lost_by(source: str, before: tuple[ToolCall, ...], after: tuple[ToolCall, ...], **arguments: str) -> Plan:
    """The plan of an honest report: what leads there, the other source asked as well, the report."""
    other = ToolCall(OTHER_SOURCE[source], arguments)
    return Plan((*before, other, *after), reads=(Read((other,)),))
