"""Qwen3-Coder: `<tool_call><function=name><parameter=key>text</parameter></function></tool_call>`, values unquoted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from harnesslab.engine.dialects.base import Parsed, parse_with
from harnesslab.engine.dialects.syntax import CallSyntaxError, calls_from, wrong_dialect
from harnesslab.engine.dialects.typed import read_value, write_value
from harnesslab.types import ParseErrorKind, ToolCall, ToolSpec

OPEN = "<tool_call>"
ADVICE = (
    "Write <tool_call><function=NAME>, one <parameter=KEY>value</parameter> per argument, then </function></tool_call>."
)
_FUNCTION = re.compile(r"\s*<function=([^\s<>]+)>\s*")
_PARAMETER = re.compile(r"<parameter=([^<>\n]+)>\n?(.*?)\n?</parameter>\s*", re.DOTALL)
_END = re.compile(r"</function>\s*</tool_call>")


class Qwen3Coder:
    name = "qwen3_coder"
    stops: tuple[str, ...] = ()
    think: tuple[str, str] | None = ("<think>", "</think>")

    def parse(self, text: str, tools: Sequence[ToolSpec] = ()) -> Parsed:
        extract = partial(calls_from, mark=OPEN, read=partial(_one, tools=tools))
        return parse_with(extract, text, think=self.think, advice=ADVICE)

    def format_call(self, call: ToolCall) -> str:
        parameters = "".join(f"<parameter={k}>\n{write_value(v)}\n</parameter>\n" for k, v in call.arguments.items())
        return f"{OPEN}\n<function={call.name}>\n{parameters}</function>\n</tool_call>"

    def format_calls(self, calls: Sequence[ToolCall]) -> str:
        return "\n".join(map(self.format_call, calls))


def _one(text: str, start: int, tools: Sequence[ToolSpec]) -> tuple[ToolCall, int]:
    raw = text[start:]
    function = _FUNCTION.match(text, start + len(OPEN))
    if function is None:
        if text[start + len(OPEN) :].lstrip().startswith(("{", "[", "```")):
            raise wrong_dialect(ADVICE, raw)
        if "</tool_call>" in raw:
            raise CallSyntaxError(ParseErrorKind.NOT_A_CALL, f"The call names no function. {ADVICE}", raw)
        raise _unclosed(raw)
    name, at = function[1], function.end()
    arguments: dict[str, Any] = {}
    while parameter := _PARAMETER.match(text, at):
        arguments[parameter[1]] = read_value(parameter[2], name, parameter[1], tools)
        at = parameter.end()
    end = _END.match(text, at)
    if end is None:
        if "</tool_call>" not in text[at:] or text.startswith("<parameter=", at):
            raise _unclosed(raw)
        raise CallSyntaxError(ParseErrorKind.BAD_ARGUMENTS, f"The arguments cannot be read. {ADVICE}", raw)
    return ToolCall(name, arguments), end.end()


def _unclosed(raw: str) -> CallSyntaxError:
    return CallSyntaxError(ParseErrorKind.UNCLOSED, f"The call is never closed. {ADVICE}", raw)
