"""Harmony (gpt-oss): a reply is a row of messages, each on a channel.

    <|channel|>analysis<|message|>...<|end|><|start|>assistant<|channel|>commentary to=functions.NAME
    <|constrain|>json<|message|>{...}<|call|>

The channel "analysis" is reasoning, "final" the answer, "commentary" with a recipient a call, without one a remark.
The closing <|call|> is an end-of-turn token and may be missing at the end of the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from harnesslab.engine.dialects.base import Parsed, nothing_said, parse_with
from harnesslab.engine.dialects.syntax import CallSyntaxError, decode_at, dumps, skip_blank
from harnesslab.types import ParseErrorKind, ToolCall, ToolSpec

MESSAGE = "<|message|>"
ADVICE = "Write <|channel|>commentary to=functions.NAME <|constrain|>json<|message|>{...}<|call|>."
_CHANNEL = re.compile(r"<\|channel\|>\s*([^\s<]+)")
_RECIPIENT = re.compile(r"\bto=([^\s<]+)")
_END = re.compile(r"<\|(?:end|return|call)\|>|(?=<\|(?:start|channel)\|>)|\Z")


class Harmony:
    name = "harmony"
    stops: tuple[str, ...] = ("<|call|>", "<|return|>")
    think: tuple[str, str] | None = None

    def parse(self, text: str, tools: Sequence[ToolSpec] = ()) -> Parsed:
        thoughts: list[str] = []
        parsed = parse_with(lambda body: _extract(body, thoughts), text, think=None, advice=ADVICE)
        reasoning = "\n".join(thoughts)
        if parsed.error and parsed.error.kind is ParseErrorKind.EMPTY:
            return Parsed("", reasoning, (), nothing_said(reasoning))
        return replace(parsed, reasoning=reasoning)

    def format_call(self, call: ToolCall) -> str:
        body = dumps(call.arguments)
        return f"<|channel|>commentary to=functions.{call.name} <|constrain|>json{MESSAGE}{body}<|call|>"

    def format_calls(self, calls: Sequence[ToolCall]) -> str:
        return "<|start|>assistant".join(map(self.format_call, calls))


def _extract(text: str, thoughts: list[str]) -> tuple[str, list[ToolCall]]:
    said: list[str] = []
    calls: list[ToolCall] = []
    at = 0
    while (start := text.find(MESSAGE, at)) >= 0:
        header, body = text[at:start], start + len(MESSAGE)
        recipient, channel = _RECIPIENT.search(header), _CHANNEL.search(header)
        if recipient:
            call, at = _call(text, at, body, recipient[1])
            calls.append(call)
            continue
        end = _END.search(text, body)
        stop, at = (end.start(), end.end()) if end else (len(text), len(text))
        (thoughts if channel and channel[1] == "analysis" else said).append(text[body:stop].strip())
    header = text[at:]
    if _CHANNEL.search(header) or _RECIPIENT.search(header):
        raise CallSyntaxError(ParseErrorKind.UNCLOSED, f"The message breaks off before its text. {ADVICE}", header)
    return "\n".join(part for part in [*said, header.strip()] if part), calls


def _call(text: str, start: int, body: int, recipient: str) -> tuple[ToolCall, int]:
    value, end = decode_at(text, body)
    close = _END.match(text, skip_blank(text, end))
    if close is None:
        raise CallSyntaxError(
            ParseErrorKind.NOT_JSON, "Something follows the call's JSON; only <|call|> may.", text[start:]
        )
    if not isinstance(value, Mapping):
        raise CallSyntaxError(ParseErrorKind.BAD_ARGUMENTS, "Give the arguments as a JSON object.", text[start:end])
    return ToolCall(recipient.removeprefix("functions."), value), close.end()
