"""Mistral: `[TOOL_CALLS][{"name": ..., "arguments": {...}}]`; newer: `[TOOL_CALLS]name[ARGS]{...}`, once per call."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harnesslab.engine.dialects.base import Parsed, parse_with
from harnesslab.engine.dialects.syntax import CallSyntaxError, call_of, decode_at, dumps, skip_blank
from harnesslab.types import ParseErrorKind, ToolCall, ToolSpec

OPEN, ARGS = "[TOOL_CALLS]", "[ARGS]"
ADVICE = "Write [TOOL_CALLS]name[ARGS]{...}."
_HEAD = re.compile(r"([^\s\[\]{}]+)(?:\[CALL_ID\]([^\s\[\]{}]+))?\s*\[ARGS\]")


class Mistral:
    name = "mistral"
    stops: tuple[str, ...] = ()
    think: tuple[str, str] | None = ("[THINK]", "[/THINK]")

    def parse(self, text: str, tools: Sequence[ToolSpec] = ()) -> Parsed:
        return parse_with(_extract, text, think=self.think, advice=ADVICE)

    def format_call(self, call: ToolCall) -> str:
        return f"{OPEN}{call.name}{ARGS}{dumps(call.arguments)}"

    def format_calls(self, calls: Sequence[ToolCall]) -> str:
        return "".join(map(self.format_call, calls))


def _extract(text: str) -> tuple[str, list[ToolCall]]:
    outside: list[str] = []
    calls: list[ToolCall] = []
    at = 0
    while (start := text.find(OPEN, at)) >= 0:
        outside.append(text[at:start])
        body = skip_blank(text, start + len(OPEN))
        if text.startswith("[", body) and not text.startswith(ARGS, body):
            at = _older(text, start, body, calls)
        else:
            at = _newer(text, start, body, calls)
    return "".join([*outside, text[at:]]), calls


def _older(text: str, start: int, body: int, calls: list[ToolCall]) -> int:
    value, end = decode_at(text, body)
    if not value:
        raise CallSyntaxError(ParseErrorKind.NOT_A_CALL, f"The list of calls is empty. {ADVICE}", text[start:end])
    calls.extend(call_of(one, text[start:end]) for one in value)
    return end


def _newer(text: str, start: int, body: int, calls: list[ToolCall]) -> int:
    head = _HEAD.match(text, body)
    if head is None:
        cut_off = ARGS not in text[body:] and "{" not in text[body:]
        kind = ParseErrorKind.UNCLOSED if cut_off else ParseErrorKind.NOT_A_CALL
        raise CallSyntaxError(kind, f"The call cannot be read. {ADVICE}", text[start:])
    value, end = decode_at(text, head.end())
    call = call_of({"name": head[1], "arguments": value}, text[start:end])
    calls.append(ToolCall(call.name, call.arguments, head[2] or ""))
    return end
