"""Llama 3: `{"name": ..., "parameters": {...}}`, maybe after `<|python_tag|>`, or `<function=name>{...}</function>`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harnesslab.engine.dialects.bare import bare_calls
from harnesslab.engine.dialects.base import Parsed, parse_with
from harnesslab.engine.dialects.foreign import JSON_CALL
from harnesslab.engine.dialects.syntax import CallSyntaxError, call_of, decode_at, dumps, skip_blank
from harnesslab.types import ParseErrorKind, ToolCall, ToolSpec

TAG, OPEN, CLOSE = "<|python_tag|>", "<function=", "</function>"
ADVICE = 'Write {"name": ..., "parameters": {...}} as plain JSON.'
_OPEN = re.compile(r"<function=([^\s>]*)>")


class Llama3:
    name = "llama3"
    stops: tuple[str, ...] = ()
    think: tuple[str, str] | None = ("<think>", "</think>")

    def parse(self, text: str, tools: Sequence[ToolSpec] = ()) -> Parsed:
        return parse_with(_extract, text, think=self.think, advice=ADVICE)

    def format_call(self, call: ToolCall) -> str:
        return dumps({"name": call.name, "parameters": call.arguments})

    def format_calls(self, calls: Sequence[ToolCall]) -> str:
        return "; ".join(map(self.format_call, calls))


def _extract(text: str) -> tuple[str, list[ToolCall]]:
    before, tagged, after = text.partition(TAG)
    if tagged:
        rest, calls = bare_calls(after, "parameters", lists=False, advice=ADVICE)
        if not calls:
            raise CallSyntaxError(
                ParseErrorKind.NOT_JSON, f"After {TAG} comes a JSON call. {ADVICE}", text[len(before) :]
            )
        return before + rest, calls
    first = text.find(OPEN)
    json_call = JSON_CALL.search(text)
    if first < 0 or (json_call and json_call.start() < first):
        return bare_calls(text, "parameters", lists=False, advice=ADVICE)
    return _functions(text, first)


def _functions(text: str, start: int) -> tuple[str, list[ToolCall]]:
    outside = [text[:start]]
    calls: list[ToolCall] = []
    at = start
    while (start := text.find(OPEN, at)) >= 0:
        outside.append(text[at:start] if calls else "")
        match = _OPEN.match(text, start)
        if match is None:
            kind = ParseErrorKind.UNCLOSED if ">" not in text[start:] else ParseErrorKind.NOT_A_CALL
            raise CallSyntaxError(kind, "Open the call with <function=NAME>.", text[start:])
        value, at = decode_at(text, match.end())
        at = skip_blank(text, at)
        if not text.startswith(CLOSE, at):
            raise CallSyntaxError(
                ParseErrorKind.UNCLOSED, f"The call is never closed: end it with {CLOSE}.", text[start:]
            )
        at += len(CLOSE)
        calls.append(call_of({"name": match[1], "parameters": value}, text[start:at], "parameters"))
    return "".join([*outside, text[at:]]), calls
