"""`call:name{key:value}` between control tokens, strings between quote tokens. FunctionGemma and Gemma 4 differ only in
the tokens:

    <start_function_call>call:find{city:<escape>Bonn<escape>,days:3}<end_function_call>
    <|tool_call>call:find{city:<|"|>Bonn<|"|>,days:3}<tool_call|>
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harnesslab.engine.dialects.base import Parsed, parse_with
from harnesslab.engine.dialects.syntax import CallSyntaxError, dumps
from harnesslab.types import ParseErrorKind, ToolCall, ToolSpec

_DEPTH = 64
_HEAD = re.compile(r"\s*call:([^\s{}<>]+)\s*(?=\{)")
_KEY = re.compile(r"\s*([^\s:,{}\[\]<>\"'|]+)\s*:")
_LITERAL = re.compile(r"\s*(true|false|null|-?(?:0|[1-9]\d{0,300})(\.\d+)?([eE][+-]?\d{1,3})?)(?=\s*[,}\]])")
_NAMED = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class GemmaCall:
    name: str
    open: str
    close: str
    quote: str
    stops: tuple[str, ...]
    think: tuple[str, str] | None

    @property
    def advice(self) -> str:
        return f"Write {self.open}call:NAME{{KEY:VALUE}}{self.close}, text values between {self.quote} marks."

    def parse(self, text: str, tools: Sequence[ToolSpec] = ()) -> Parsed:
        return parse_with(self._extract, text, think=self.think, advice=self.advice)

    def format_call(self, call: ToolCall) -> str:
        return f"{self.open}call:{call.name}{self._write(call.arguments)}{self.close}"

    def format_calls(self, calls: Sequence[ToolCall]) -> str:
        return "".join(map(self.format_call, calls))

    def _write(self, value: Any) -> str:
        if isinstance(value, Mapping):
            return "{" + ",".join(f"{self._key(k)}:{self._write(v)}" for k, v in value.items()) + "}"
        if isinstance(value, (list, tuple)):
            return "[" + ",".join(map(self._write, value)) + "]"
        return f"{self.quote}{value}{self.quote}" if isinstance(value, str) else dumps(value)

    def _key(self, key: str) -> str:
        match = _KEY.fullmatch(f"{key}:")
        return key if match and match[1] == key else f"{self.quote}{key}{self.quote}"

    def _extract(self, text: str) -> tuple[str, list[ToolCall]]:
        outside: list[str] = []
        calls: list[ToolCall] = []
        at = 0
        while (start := text.find(self.open, at)) >= 0:
            outside.append(text[at:start])
            call, at = self._one(text, start)
            calls.append(call)
        return "".join([*outside, text[at:]]), calls

    def _one(self, text: str, start: int) -> tuple[ToolCall, int]:
        head = _HEAD.match(text, start + len(self.open))
        if head is None:
            closed = self.close in text[start:]
            kind = ParseErrorKind.NOT_A_CALL if closed else ParseErrorKind.UNCLOSED
            raise CallSyntaxError(kind, f"The call names no tool. {self.advice}", text[start:])
        arguments, end = self._value(text, head.end(), _DEPTH)
        if not text.startswith(self.close, end):
            kind = ParseErrorKind.NOT_JSON if self.close in text[end:] else ParseErrorKind.UNCLOSED
            raise CallSyntaxError(kind, f"The call is not closed. {self.advice}", text[start:])
        return ToolCall(head[1], arguments), end + len(self.close)

    def _value(self, text: str, at: int, depth: int) -> tuple[Any, int]:
        at = _blank(text, at)
        if text.startswith(self.quote, at):
            return self._quoted(text, at)
        if literal := _LITERAL.match(text, at):
            word = literal[1]
            if word in _NAMED:
                return _NAMED[word], literal.end()
            return (float(word) if literal[2] or literal[3] else int(word)), literal.end()
        if depth and text[at : at + 1] in ("{", "["):
            return self._container(text, at, depth - 1)
        raise self._bad(text, at)

    def _quoted(self, text: str, at: int) -> tuple[str, int]:
        begin = at + len(self.quote)
        end = text.find(self.quote, begin)
        if end < 0:
            raise CallSyntaxError(ParseErrorKind.UNCLOSED, f"A text value has no closing {self.quote}.", text[at:])
        return text[begin:end], end + len(self.quote)

    def _container(self, text: str, at: int, depth: int) -> tuple[Any, int]:
        start, closing = at, "}" if text[at] == "{" else "]"
        items: list[Any] = []
        members: dict[str, Any] = {}
        at = _blank(text, at + 1)
        while not text.startswith(closing, at):
            if items or members:
                if not text.startswith(",", at):
                    raise self._bad(text, at)
                at += 1
            if closing == "}":
                key, at = self._key_at(text, at)
                members[key], at = self._value(text, at, depth)
            else:
                item, at = self._value(text, at, depth)
                items.append(item)
            at = _blank(text, at)
        return (members if text[start] == "{" else items), at + 1

    def _key_at(self, text: str, at: int) -> tuple[str, int]:
        at = _blank(text, at)
        if text.startswith(self.quote, at):
            key, at = self._quoted(text, at)
            at = _blank(text, at)
            if not text.startswith(":", at):
                raise self._bad(text, at)
            return key, at + 1
        match = _KEY.match(text, at)
        if match is None:
            raise self._bad(text, at)
        return match[1], match.end()

    def _bad(self, text: str, at: int) -> CallSyntaxError:
        if self.close not in text[at:]:
            return CallSyntaxError(ParseErrorKind.UNCLOSED, "The call breaks off before it ends.", text[at:])
        return CallSyntaxError(ParseErrorKind.NOT_JSON, f"The arguments cannot be read. {self.advice}", text[at:])


def _blank(text: str, at: int) -> int:
    while text[at : at + 1].isspace():
        at += 1
    return at


FUNCTIONGEMMA = GemmaCall(
    name="functiongemma",
    open="<start_function_call>",
    close="<end_function_call>",
    quote="<escape>",
    stops=("<start_function_response>",),
    think=None,
)
GEMMA4 = GemmaCall(
    name="gemma4",
    open="<|tool_call>",
    close="<tool_call|>",
    quote='<|"|>',
    stops=("<|tool_response>",),
    think=("<|channel>thought", "<channel|>"),
)
