"""Plain JSON: `{"name": ..., "arguments": {...}}`, or an array of them. For models with no notation of their own."""

from __future__ import annotations

from collections.abc import Sequence

from harnesslab.engine.dialects.bare import bare_calls
from harnesslab.engine.dialects.base import Parsed, parse_with
from harnesslab.engine.dialects.syntax import dumps
from harnesslab.types import ToolCall, ToolSpec

ADVICE = 'Write {"name": ..., "arguments": {...}} as plain JSON.'


class PlainJson:
    name = "json"
    stops: tuple[str, ...] = ()
    think: tuple[str, str] | None = ("<think>", "</think>")

    def parse(self, text: str, tools: Sequence[ToolSpec] = ()) -> Parsed:
        return parse_with(_extract, text, think=self.think, advice=ADVICE)

    def format_call(self, call: ToolCall) -> str:
        return dumps({"name": call.name, "arguments": call.arguments})

    def format_calls(self, calls: Sequence[ToolCall]) -> str:
        if len(calls) == 1:
            return self.format_call(calls[0])
        return f"[{', '.join(map(self.format_call, calls))}]"


def _extract(text: str) -> tuple[str, list[ToolCall]]:
    return bare_calls(text, "arguments", lists=True, advice=ADVICE)
