"""Chat messages as events: what tau-bench, tau2, Inspect and plain OpenAI logs have in common.

An assistant message is a reply; its `tool_calls` are emitted calls, answered by the tool messages that follow. A call
that nothing answers was never run. An answer is an error if the message says so (`error`), or if its text begins with
"Error" or is a JSON object with an `error`. "Unknown action NAME" and "Tool NAME not found" are how tau-bench and
Inspect answer a call of no tool.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from harnesslab.trace.events import loads
from harnesslab.trace.importers.build import Tokens, TraceBuilder, may_write
from harnesslab.trace.importers.problems import Problems
from harnesslab.trace.importers.shape import Tells
from harnesslab.trace.importers.tools import Tools
from harnesslab.trace.importers.values import count, items, mapping, text_of
from harnesslab.types import Status, ToolCall, stable_hash

_KINDS = {"parsing": Status.INVALID_ARGUMENTS, "timeout": Status.TIMEOUT}  # Inspect's words for an error
_LONGEST_REPR = 100_000  # characters that are worth reading as a Python literal


class Chat:
    """Turns one conversation into events. `told` is what its messages turned out to tell."""

    def __init__(self, problems: Problems, place: str, tools: Tools | None = None) -> None:
        self.trace = TraceBuilder()
        self.replies = 0
        self._with_tokens = self._with_cache = 0
        self._dicts = False  # arguments came parsed, not as text
        self._problems, self._place, self._tools = problems, place, tools
        self._waiting: list[tuple[str, int, str]] = []  # id, event, tool of unanswered calls

    def add(self, messages: Sequence[Any]) -> None:
        for message in messages:
            if not isinstance(message, dict):
                self._problems.remark("a message that is not an object, left out", self._place)
                continue
            for part in [message, *items(message.get("tool_messages"))]:
                self._message(mapping(part))

    def told(self) -> set[Tells]:
        """TOKENS and REPLY_TOKENS if every reply has its usage, PARSE if arguments were text, what `tools` give."""
        found = set()
        if self.replies and self._with_tokens == self.replies:
            found |= {Tells.TOKENS, Tells.REPLY_TOKENS}
            if self._with_cache == self.replies:
                found.add(Tells.CACHE)
        if not self._dicts:
            found.add(Tells.PARSE)
        if self._tools is not None:
            found |= {Tells.KNOWN, Tells.SCHEMAS}
        return found

    def _message(self, message: Mapping[str, Any]) -> None:
        if message.get("requestor") == "user" or (message.get("role") == "user" and message.get("tool_calls")):
            self._problems.remark("calls by the simulated user, which are not the agent's, left out", self._place)
            if message.get("role") != "user":
                return
        match message.get("role"):
            case "assistant":
                self._reply(message)
            case "tool" | "function":
                self._answer(message)
            case "user":
                if self.replies:
                    self.trace.user()
            case "system" | "developer":
                pass
            case _:
                self._problems.remark("a message of unknown role, left out", self._place)

    def _reply(self, message: Mapping[str, Any]) -> None:
        text = text_of(message.get("content"))
        raw = [mapping(c) for c in items(message.get("tool_calls"))]
        raw += [{"function": c} for c in [message.get("function_call")] if isinstance(c, Mapping)]
        calls = [self._call(c) for c in raw if c.get("requestor") != "user"]
        good = [c for c in calls if c is not None]
        status = Status.UNPARSEABLE if len(good) < len(calls) or not (calls or text.strip()) else Status.OK
        self.replies += 1
        tokens = usage_of(message.get("usage"))
        self._with_tokens += tokens.known
        self._with_cache += tokens.known and "cache" in str(message.get("usage"))
        said = text if good == calls else text + repr(raw)
        self.trace.reply(said, answer=not calls, status=status, tokens=tokens)
        self._waiting = []
        for call in good:
            known, valid = self._tools.judge(call) if self._tools is not None else (True, True)
            self._waiting.append((call.id, self.trace.call(call, known=known, valid=valid), call.name))

    def _call(self, raw: Mapping[str, Any]) -> ToolCall | None:
        """The call, or None where it cannot be read."""
        inner = raw.get("function")
        name = inner if isinstance(inner, str) else mapping(inner).get("name", raw.get("name"))
        arguments = raw.get("arguments") if not isinstance(inner, Mapping) else inner.get("arguments")
        if raw.get("parse_error") or not isinstance(name, str) or not name:
            return None
        if isinstance(arguments, Mapping):
            self._dicts = True
        found, how = read_arguments(arguments)
        if how == "repr":
            self._dicts = True
            self._problems.remark("arguments stored as a Python repr", self._place)
        if found is None:
            self._problems.remark("arguments that cannot be read: an unparseable reply", self._place)
            return None
        return ToolCall(name, found, str(raw.get("id") or ""))

    def _answer(self, message: Mapping[str, Any]) -> None:
        if "tool_messages" in message:
            return
        found = self._whose(message)
        if found is None:
            self._problems.remark("a tool answer to no call, left out", self._place)
            return
        _, index, tool = self._waiting.pop(found)
        error = message.get("error")
        text = text_of(message.get("content")) or text_of(mapping(error).get("message"))
        status = status_of(text, tool, error)
        if status is Status.OK and self._tools is not None and not self._tools.known(tool):
            status = Status.UNKNOWN_TOOL
        self.trace.answered(index, status, stable_hash(text), wrote=may_write(tool))

    def _whose(self, message: Mapping[str, Any]) -> int | None:
        """Position of the unanswered call a tool message answers: by id, else by name, else the oldest."""
        id = message.get("tool_call_id") or message.get("id")
        if id:
            for i, (own, _, _) in enumerate(self._waiting):
                if own == id:
                    return i
        name = message.get("name") or message.get("function")
        for i, (own, _, tool) in enumerate(self._waiting):
            if name == tool and not (own and id):
                return i
        free = [i for i, (own, _, _) in enumerate(self._waiting) if not (own and id)]
        return free[0] if free else None


def status_of(text: str, tool: str, error: Any = None) -> Status:
    """What an answer says of its call; `error` is the message's own word for it, None if it has none."""
    if text.strip() in (f"Unknown action {tool}", f"Tool {tool} not found"):
        return Status.UNKNOWN_TOOL
    if (kind := text_of(mapping(error).get("type"))) in _KINDS:
        return _KINDS[kind]
    if error is not None and not isinstance(error, str):
        return Status.TOOL_ERROR if error else Status.OK
    if error or text.lstrip()[:5].lower() == "error":
        return Status.TOOL_ERROR
    if text.lstrip()[:1] == "{" and '"error"' in text:
        try:
            return Status.TOOL_ERROR if mapping(loads(text)).get("error") else Status.OK
        except (ValueError, RecursionError):
            pass
    return Status.OK


def read_arguments(raw: Any) -> tuple[Mapping[str, Any] | None, str]:
    """(arguments, how): how is "object", "json", "repr" (a Python literal) or "" (None: cannot be read)."""
    if isinstance(raw, Mapping):
        return raw, "object"
    if raw is None or raw == "":
        return {}, "json"
    if not isinstance(raw, str):
        return None, ""
    try:
        found = loads(raw)
        return (found, "json") if isinstance(found, dict) else (None, "")
    except (ValueError, RecursionError):
        pass
    if raw.lstrip()[:1] != "{" or len(raw) > _LONGEST_REPR:
        return None, ""
    try:
        found = ast.literal_eval(raw.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None, ""
    return ({str(k): v for k, v in found.items()}, "repr") if isinstance(found, dict) else (None, "")


def usage_of(raw: Any) -> Tokens:
    """A usage object in OpenAI's or in Anthropic's words."""
    usage = mapping(raw)
    prompt = usage.get("prompt_tokens", usage.get("input_tokens"))
    generated = usage.get("completion_tokens", usage.get("output_tokens"))
    if prompt is None and generated is None:
        return Tokens()
    details = mapping(usage.get("prompt_tokens_details", usage.get("input_tokens_details")))
    cached = details.get("cached_tokens", usage.get("input_tokens_cache_read", usage.get("cache_read_input_tokens")))
    thought = mapping(usage.get("completion_tokens_details")).get("reasoning_tokens", usage.get("reasoning_tokens"))
    return Tokens(count(prompt), count(cached), count(generated), count(thought), True)


def sum_of(tokens: Sequence[Tokens]) -> Tokens:
    return Tokens(
        sum(t.prompt for t in tokens),
        sum(t.cached for t in tokens),
        sum(t.generated for t in tokens),
        sum(t.reasoning for t in tokens),
        any(t.known for t in tokens),
    )
