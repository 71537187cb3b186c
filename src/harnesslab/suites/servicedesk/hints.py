"""Parts of a desk's advice to layers; none knows a task: forms of ids, what comes before what, chains of calls."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from harnesslab.suites.servicedesk.goal import plain
from harnesslab.suites.tools import Toolkit
from harnesslab.suites.values import Word
from harnesslab.types import Action, ActionResult, Compound, Prerequisite, Status, ToolCall, ToolSpec, Validator

_Run = Callable[[ToolCall], Awaitable[ActionResult]]


def gated(tools: Sequence[str], needs: str, why: str) -> tuple[Prerequisite, ...]:
    """Each of `tools` needs one call before it, whatever its arguments."""
    return tuple(Prerequisite(tool, needs, why=why) for tool in tools)


def parameters(kit: Toolkit, tool: str) -> Mapping[str, Any]:
    """The schema of one tool's arguments."""
    return next(t.parameters for t in kit.toolbox if t.name == tool)


def form(argument: str, pattern: str, words: str) -> Validator:
    """An argument has a form, compared as the tools compare it; `words` says which."""
    compiled = re.compile(pattern, re.IGNORECASE)

    def check(call: ToolCall, seen: Sequence[Action]) -> str:
        value = call.arguments.get(argument)
        if not isinstance(value, str) or compiled.fullmatch(plain(value)):
            return ""
        return f"{argument} is {words}, not {value!r}"

    return check


def from_results(argument: str, source: str) -> Validator:
    """An id that no customer knows: it must have stood in a tool's answer."""

    def check(call: ToolCall, seen: Sequence[Action]) -> str:
        value = call.arguments.get(argument)
        if not isinstance(value, str) or not plain(value):
            return ""
        if any(a.result.ok and Word(plain(value)).said_in(a.result.content) for a in seen):
            return ""
        return f"{argument} {value!r} was in no tool's answer: {source}"

    return check


def chain(spec: ToolSpec, *steps: tuple[str, Mapping[str, str]]) -> Compound:
    """One tool for look-ups in a row. Each step names its tool, and for each argument the field it comes from.

    Fields come from the compound's own arguments and from earlier answers. The first failure of the first step is the
    whole answer; what later steps do not find is left out.
    """

    async def run(arguments: Mapping[str, Any], call: _Run) -> ActionResult:
        fields = dict(arguments)
        found: dict[str, Any] = {}
        for i, (tool, takes) in enumerate(steps):
            result = await call(ToolCall(tool, {name: fields.get(field) for name, field in takes.items()}))
            if not result.ok:
                if i == 0:
                    return result
                continue
            value = json.loads(result.content)
            found[tool] = value
            if isinstance(value, dict):
                fields |= {k: v for k, v in value.items() if k not in arguments}
        return ActionResult(Status.OK, json.dumps(found, ensure_ascii=False))

    return Compound(spec, tuple(tool for tool, _ in steps), run)
