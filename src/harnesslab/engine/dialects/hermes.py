"""Hermes: `<tool_call>{"name": ..., "arguments": {...}}</tool_call>`. Qwen 2.5, Qwen 3 and the Hermes models.

The tags may be missing where calls are all that the reply holds: the small Qwen2.5-Coder models never write them.
"""

from __future__ import annotations

from collections.abc import Sequence

from harnesslab.engine.dialects.bare import bare_calls
from harnesslab.engine.dialects.base import Parsed, parse_with
from harnesslab.engine.dialects.syntax import CallSyntaxError, call_of, decode_at, dumps, skip_blank, wrong_dialect
from harnesslab.types import ParseErrorKind, ToolCall, ToolSpec

OPEN, CLOSE = "<tool_call>", "</tool_call>"
ADVICE = 'Write {"name": ..., "arguments": {...}} between <tool_call> and </tool_call>.'


class Hermes:
    name = "hermes"
    stops: tuple[str, ...] = ()
    think: tuple[str, str] | None = ("<think>", "</think>")

    def parse(self, text: str, tools: Sequence[ToolSpec] = ()) -> Parsed:
        return parse_with(_extract, text, think=self.think, advice=ADVICE)

    def format_call(self, call: ToolCall) -> str:
        body = dumps({"name": call.name, "arguments": call.arguments})
        return f"{OPEN}\n{body}\n{CLOSE}"

    def format_calls(self, calls: Sequence[ToolCall]) -> str:
        return "\n".join(map(self.format_call, calls))


def _extract(text: str) -> tuple[str, list[ToolCall]]:
    if OPEN not in text and CLOSE not in text:
        rest, bare = bare_calls(text, "arguments", lists=False, advice=ADVICE)
        if bare and not rest.strip():
            return "", bare
    outside: list[str] = []
    calls: list[ToolCall] = []
    at = 0
    while (start := text.find(OPEN, at)) >= 0:
        outside.append(text[at:start])
        call, at = _one(text, start)
        calls.append(call)
    outside.append(text[at:])
    return "".join(outside), calls


def _one(text: str, start: int) -> tuple[ToolCall, int]:
    body = start + len(OPEN)
    if text.startswith("<function=", skip_blank(text, body)):
        raise wrong_dialect(ADVICE, text[start:])
    close = text.find(CLOSE, body)
    try:
        value, end = decode_at(text, body)
    except CallSyntaxError as error:
        if close < 0:
            raise _unclosed(text[start:]) from None
        if error.kind is ParseErrorKind.UNCLOSED:
            error = CallSyntaxError(ParseErrorKind.NOT_JSON, "The call's JSON breaks off before </tool_call>.", "")
        raise CallSyntaxError(error.kind, error.message, text[start : close + len(CLOSE)]) from None
    end = skip_blank(text, end)
    if not text.startswith(CLOSE, end):
        close = text.find(CLOSE, end)
        if close < 0 or text.startswith(OPEN, end):
            raise _unclosed(text[start:])
        raise CallSyntaxError(
            ParseErrorKind.NOT_JSON,
            f"Something follows the call's JSON; only {CLOSE} may. One call per {OPEN}.",
            text[start : close + len(CLOSE)],
        )
    end += len(CLOSE)
    return call_of(value, text[start:end]), end


def _unclosed(raw: str) -> CallSyntaxError:
    return CallSyntaxError(ParseErrorKind.UNCLOSED, f"The call is never closed: end it with {CLOSE}.", raw)
