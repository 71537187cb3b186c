"""A policy for the scripted engine: follow the oracle, and slip now and then in the ways small models do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from harnesslab.engine import dialects
from harnesslab.types import Message, Request, Task, ToolCall, stable_hash

Policy = Callable[[Request], str]
Plan = tuple[tuple[ToolCall, ...], str]  # the oracle's calls and its answer
Plans = Mapping[tuple[str, str], Plan]  # (system, first user message) -> plan

GIVE_UP = 3  # failures after which an oracle call is taken for done: some oracles include calls that must fail


class Mistake(StrEnum):
    UNKNOWN_TOOL = "unknown-tool"
    BAD_TYPE = "bad-type"
    MISSING_ARGUMENT = "missing-argument"
    MALFORMED = "malformed"
    WRONG_ID = "wrong-id"
    EARLY_ANSWER = "early-answer"


_MISTAKES = tuple(Mistake)


def plans_of(tasks: Iterable[Task]) -> dict[tuple[str, str], Plan]:
    """The plans of a suite's tasks."""
    return {(t.view.system, t.view.prompt): (t.oracle, t.oracle_answer) for t in tasks}


def oracle_policy(plans: Plans, mistakes: float = 0.2, *, dialect: str = "hermes") -> Policy:
    """A policy that emits the oracle's next unfinished call, or its answer once all are done.

    A call is done when a tool message that does not start with "Error" answered it. While calls remain, each reply is a
    mistake with probability `mistakes`; whether and which depends on `rng_key` alone.

    Args:
        plans: see `plans_of`. A system message that a layer has edited is forgiven: the first user message decides.
        dialect: the notation to write calls in; the engine's.
    """
    write = dialects.get(dialect).format_call
    by_user = {user: plan for (_, user), plan in plans.items()}
    threshold = round(mistakes * 2**32)

    def policy(request: Request) -> str:
        messages = request.prompt.messages
        system = next((m.content for m in messages if m.role == "system"), "")
        user = next((m.content for m in messages if m.role == "user"), "")
        plan = plans.get((system, user)) or by_user.get(user)
        if plan is None:
            return "I do not know this task."
        calls, answer = plan
        following = _next_call(calls, messages)
        if following is None:
            return answer
        draw = stable_hash("mistake", request.rng_key)
        if draw >> 32 >= threshold:
            return write(following)
        return make_mistake(_MISTAKES[draw % len(_MISTAKES)], following, write)

    return policy


def _next_call(oracle: Sequence[ToolCall], messages: Sequence[Message]) -> ToolCall | None:
    done, failed = _outcomes(messages)
    for call in oracle:
        match = next((i for i, c in enumerate(done) if _same(c, call)), -1)
        if match >= 0:
            del done[match]
        elif sum(_same(c, call) for c in failed) < GIVE_UP:
            return call
    return None


def _outcomes(messages: Sequence[Message]) -> tuple[list[ToolCall], list[ToolCall]]:
    """The calls that succeeded and those that failed, by the tool messages after each reply."""
    done: list[ToolCall] = []
    failed: list[ToolCall] = []
    waiting: list[ToolCall] = []
    for message in messages:
        if message.role == "assistant":
            waiting = list(message.tool_calls)
        elif message.role == "tool" and waiting:
            call = next((c for c in waiting if c.id and c.id == message.tool_call_id), waiting[0])
            waiting.remove(call)
            (failed if message.content.startswith("Error") else done).append(call)
    return done, failed


def _same(a: ToolCall, b: ToolCall) -> bool:
    return a.name == b.name and a.arguments == b.arguments


def make_mistake(mistake: Mistake, call: ToolCall, write: Callable[[ToolCall], str]) -> str:
    """`call` as a model writes it that makes this mistake; a call without arguments to spoil gets a wrong name."""
    if mistake is Mistake.EARLY_ANSWER:
        return "Everything is done."
    if mistake is Mistake.MALFORMED:
        text = write(call)
        return text[: len(text) * 2 // 3]
    arguments = dict(call.arguments)
    if mistake is Mistake.UNKNOWN_TOOL or not arguments:
        return write(ToolCall(f"{call.name}_tool", arguments))
    name = next(iter(arguments))
    if mistake is Mistake.MISSING_ARGUMENT:
        del arguments[name]
    elif mistake is Mistake.BAD_TYPE:
        arguments[name] = {"value": arguments[name]}
    else:
        name = next((k for k, v in arguments.items() if isinstance(v, str) and any(c.isdigit() for c in v)), name)
        arguments[name] = _other(arguments[name])
    return write(ToolCall(call.name, arguments))


def _other(value: Any) -> Any:
    """A value of the same type that is not this one; identifiers keep their form."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if not isinstance(value, str):
        return None
    for i in reversed(range(len(value))):
        if value[i] in "0123456789":
            return f"{value[:i]}{(int(value[i]) + 1) % 10}{value[i + 1 :]}"
    return f"{value}-1"
