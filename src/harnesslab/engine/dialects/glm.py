"""GLM: `<tool_call>name<arg_key>key</arg_key><arg_value>text</arg_value></tool_call>`, values unquoted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from harnesslab.engine.dialects.base import Parsed, parse_with
from harnesslab.engine.dialects.syntax import CallSyntaxError, calls_from, wrong_dialect
from harnesslab.engine.dialects.typed import read_value, write_value
from harnesslab.types import ParseErrorKind, ToolCall, ToolSpec

OPEN, CLOSE = "<tool_call>", "</tool_call>"
ADVICE = (
    "Write <tool_call>NAME, then <arg_key>KEY</arg_key><arg_value>value</arg_value> per argument, then </tool_call>."
)
_NAME = re.compile(r"\s*([^\s<>{}]+)\s*(?=<arg_key>|</tool_call>)")
_ARGUMENT = re.compile(r"<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)</arg_value>\s*", re.DOTALL)


class Glm:
    name = "glm"
    stops: tuple[str, ...] = ("<|observation|>",)
    think: tuple[str, str] | None = ("<think>", "</think>")

    def parse(self, text: str, tools: Sequence[ToolSpec] = ()) -> Parsed:
        extract = partial(calls_from, mark=OPEN, read=partial(_one, tools=tools))
        return parse_with(extract, text, think=self.think, advice=ADVICE)

    def format_call(self, call: ToolCall) -> str:
        arguments = "".join(
            f"<arg_key>{k}</arg_key>\n<arg_value>{write_value(v)}</arg_value>\n" for k, v in call.arguments.items()
        )
        return f"{OPEN}{call.name}\n{arguments}{CLOSE}"

    def format_calls(self, calls: Sequence[ToolCall]) -> str:
        return "\n".join(map(self.format_call, calls))


def _one(text: str, start: int, tools: Sequence[ToolSpec]) -> tuple[ToolCall, int]:
    raw = text[start:]
    head = _NAME.match(text, start + len(OPEN))
    if head is None:
        if text[start + len(OPEN) :].lstrip().startswith(("{", "[", "```", "<function=")):
            raise wrong_dialect(ADVICE, raw)
        if CLOSE in raw:
            raise CallSyntaxError(
                ParseErrorKind.NOT_A_CALL, f"The call does not begin with a tool's name. {ADVICE}", raw
            )
        raise _unclosed(raw)
    name, at = head[1], head.end()
    arguments: dict[str, Any] = {}
    while argument := _ARGUMENT.match(text, at):
        arguments[argument[1]] = read_value(argument[2], name, argument[1], tools)
        at = argument.end()
    if not text.startswith(CLOSE, at):
        if CLOSE not in text[at:]:
            raise _unclosed(raw)
        raise CallSyntaxError(ParseErrorKind.BAD_ARGUMENTS, f"The arguments cannot be read. {ADVICE}", raw)
    return ToolCall(name, arguments), at + len(CLOSE)


def _unclosed(raw: str) -> CallSyntaxError:
    return CallSyntaxError(ParseErrorKind.UNCLOSED, f"The call is never closed: end it with {CLOSE}.", raw)
