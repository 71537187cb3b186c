"""Finds calls in a reply that no dialect's reader took for calls, in whatever notation they were written.

All or nothing: where one attempt cannot be read, or has two readings, none of the reply's calls is taken. A name must
be exactly a known tool's, and arguments are what the model wrote.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harnesslab.harness.call_objects import CallObjects, properties
from harnesslab.harness.lenient import CutOff, Lenient, Unreadable
from harnesslab.types import ToolCall, ToolSpec

_NAME = r"[A-Za-z_][\w.-]*"
_START = re.compile(
    rf"<(?:function|invoke|tool)(?:=|\s+name\s*=\s*)[\"']?(?P<xml>{_NAME})[\"']?\s*>"
    rf"|<tool_call>\s*(?P<pairs>{_NAME})\s*(?=<arg_key>)"
    rf"|(?<![\w.-])(?P<marked>{_NAME})(?:\[CALL_ID\][\w-]+)?\s*\[ARGS\]"
    rf"|(?:<\|channel\|>\w+\s+)?\bto=functions\.(?P<channel>{_NAME})[^{{}}]{{0,80}}?<\|message\|>"
    rf"|\bcall:(?P<prefixed>{_NAME})\s*(?=\{{)"
    rf"|\bAction:\s*[`\"]?(?P<action>{_NAME})[`\"]?\s*\n\s*Action Input:"
    rf"|<(?P<element>{_NAME})>"
    r"|(?P<json>\{)"
)
_ATTEMPT = re.compile(r"\{[\s{]*[\"']?\w+[\"']?\s*:")
_PARAMETERS = (
    re.compile(
        r"\s*<(?:parameter|param|arg)(?:=|\s+name\s*=\s*)[\"']?(?P<key>[^<>\"'\n]+?)[\"']?\s*>"
        r"(?P<value>(?:(?!<(?:parameter|param|arg)\b).)*?)</(?:parameter|param|arg)>",
        re.DOTALL,
    ),
    re.compile(r"\s*<arg_key>(?P<key>[^<>]+)</arg_key>\s*<arg_value>(?P<value>.*?)</arg_value>", re.DOTALL),
    re.compile(rf"\s*<(?P<key>{_NAME})>(?P<value>.*?)</(?P=key)>", re.DOTALL),
)
_CLOSING = re.compile(rf"\s*</(?P<name>{_NAME})>")
_TAG = r"</?(?:tool_calls?|function_calls?|tools|tool_code|function|invoke)>|<\|?/?tool_call\|?>|<\|python_tag\|>"
_MARK = rf"{_TAG}|\[/?TOOL_CALLS\]|</?(?:start|end)_function_call>|<\|(?:call|constrain|channel|message)\|>"
_BEFORE = re.compile(rf"(?>```[\w-]*|`|{_MARK}|[\s,;\[])++\Z")
_AFTER = re.compile(rf"(?:```(?!\w)|`|{_MARK}|[\s,;\]}}])+")
_LEAD = re.compile(rf"(?:```[\w-]*|`|{_MARK}|[\s\[])*")
_BETWEEN = re.compile(r"[\s,;]*")
_OPENING = re.compile(rf"(?P<name>{_NAME})\(")
_KEYWORD = re.compile(r"\s*(?P<key>[A-Za-z_]\w*)\s*=(?!=)")


@dataclass(frozen=True, slots=True)
class Found:
    """Calls found in a reply.

    Attributes:
        content: the text around them.
        repairs: what had to be mended, sorted; "notation" where only the way of writing was another one.
    """

    calls: tuple[ToolCall, ...]
    content: str
    repairs: tuple[str, ...]


def near_misses(text: str, tools: Sequence[ToolSpec], *, ended: bool = True, cut_off: bool = False) -> Found | None:
    """The calls of a reply, or None where there are none or not all have exactly one reading. Never raises.

    Args:
        text: the reply without its reasoning.
        ended: whether the model ended it; False where it was cut.
        cut_off: whether a last call that was cut off is left out, instead of spoiling those before it.
    """
    by_name = {tool.name: tool for tool in tools}
    try:
        found = _Search(text, by_name, ended=ended, cut_off=cut_off and not ended)
        found.anywhere()
        if not found.calls:
            found.python()
    except Unreadable:
        return None
    if not found.calls:
        return None
    content = "\n".join(part for part in map(str.strip, found.outside) if part)
    return Found(tuple(found.calls), content, tuple(sorted(found.repairs)) or ("notation",))


class _Search:
    """One pass over one reply."""

    def __init__(self, text: str, tools: Mapping[str, ToolSpec], *, ended: bool, cut_off: bool) -> None:
        self._text, self._tools, self._ended, self._cut_off = text, tools, ended, cut_off
        self._objects = CallObjects(tools)
        self.calls: list[ToolCall] = []
        self.outside: list[str] = []
        self.repairs: set[str] = set()

    def anywhere(self) -> None:
        """Calls in every notation that shows by a mark, wherever they stand."""
        at = last = 0
        while match := _START.search(self._text, at):
            reader = Lenient(self._text, ended=self._ended)
            try:
                calls, end = self._at(reader, match)
            except CutOff:
                if not self._cut_off or not self.calls:
                    raise
                self.repairs.add("a call that was cut off left out")
                self.outside.append(_BEFORE.sub("", self._text[last : match.start()]))
                return
            if calls:
                self.calls += calls
                self.repairs |= reader.repairs
                self.outside.append(_BEFORE.sub("", self._text[last : match.start()]))
                after = _AFTER.match(self._text, end)
                end = last = after.end() if after else end
            at = end
        self.outside.append(self._text[last:])

    def python(self) -> None:
        """Python calls, where they are all that the reply holds: amid prose they may only be talked about."""
        reader = Lenient(self._text, ended=False)
        lead = _LEAD.match(self._text)
        at = lead.end() if lead else 0
        calls: list[ToolCall] = []
        while opening := _OPENING.match(self._text, at):
            tool = self._objects.tool(opening["name"])
            arguments, at = self._keywords(reader, opening.end())
            calls.append(ToolCall(tool.name, arguments))
            between = _BETWEEN.match(self._text, at)
            at = between.end() if between else at
        rest = _AFTER.match(self._text, at)
        if (rest.end() if rest else at) == len(self._text):
            self.calls, self.outside, self.repairs = calls, [], reader.repairs

    def _at(self, reader: Lenient, match: re.Match[str]) -> tuple[list[ToolCall], int]:
        """Calls that begin at a mark, none where it is no call's, and the index after them."""
        if match["json"]:
            return self._json(reader, match.start())
        if match["element"] and match["element"] not in self._tools:
            return [], match.end()
        call, end = self._headed(reader, match)
        return [call], end

    # --- one call ----------------------------------------------------------------------------------------------------

    def _json(self, reader: Lenient, at: int) -> tuple[list[ToolCall], int]:
        """Calls that the object at `at` stands for, none where it stands for something else, and the index after it."""
        try:
            value, end = reader.object(at)
        except Unreadable as why:
            if _ATTEMPT.match(self._text, at) or (isinstance(why, CutOff) and not self._ended):
                raise
            return [], at + 1
        return self._objects.calls(reader, value), end

    def _headed(self, reader: Lenient, match: re.Match[str]) -> tuple[ToolCall, int]:
        """A call whose name stands before its arguments."""
        tool = self._objects.tool(next(name for name in match.groups() if name))
        at = reader.skip(match.end())
        if self._text.startswith("{", at):
            value, end = reader.object(at)
            closing = self._closing(tool, end)
            return ToolCall(tool.name, self._objects.arguments(reader, value, tool)), closing or end
        if not (match["xml"] or match["pairs"] or match["element"]):
            raise Unreadable("no arguments")
        arguments: dict[str, Any] = {}
        while parameter := next((m for p in _PARAMETERS if (m := p.match(self._text, at))), None):
            key = parameter["key"].strip()
            if key in arguments:
                raise Unreadable("an argument twice")
            arguments[key] = _typed(parameter["value"], properties(tool).get(key))
            at = parameter.end()
        closing = self._closing(tool, at)
        if closing is None:
            raise Unreadable("not closed")
        return ToolCall(tool.name, arguments), closing

    def _closing(self, tool: ToolSpec, at: int) -> int | None:
        """The index after the tag that closes a call, or None where there is none."""
        match = _CLOSING.match(self._text, at)
        return (
            match.end() if match and match["name"] in ("function", "invoke", "tool", "tool_call", tool.name) else None
        )

    def _keywords(self, reader: Lenient, at: int) -> tuple[dict[str, Any], int]:
        """The arguments of a Python call, `key=value, ...` or one `{...}`, and the index after its bracket."""
        arguments: dict[str, Any] = {}
        at = reader.skip(at)
        if self._text.startswith("{", at):
            arguments, at = reader.object(at)
            at = reader.skip(at)
        while keyword := _KEYWORD.match(self._text, at):
            if keyword["key"] in arguments:
                raise Unreadable("an argument twice")
            arguments[keyword["key"]], at = reader.value(keyword.end())
            at = reader.skip(at)
            if not self._text.startswith(",", at):
                break
            at = reader.skip(at + 1)
        if not self._text.startswith(")", at):
            raise Unreadable("not closed, or an argument without a name")
        return arguments, at + 1


def _typed(text: str, schema: Any) -> Any:
    """A value that stands between tags: text where the schema admits text or says nothing, else what it reads as."""
    body = text.removeprefix("\n").removesuffix("\n")
    if _admits_text(schema):
        return body
    try:
        return Lenient(body, ended=False).whole()
    except Unreadable:
        return body


def _admits_text(schema: Any) -> bool:
    if not isinstance(schema, Mapping):
        return True
    if isinstance(schema.get("enum"), Sequence):
        return any(isinstance(value, str) for value in schema["enum"])
    for key in ("anyOf", "oneOf"):
        if isinstance(schema.get(key), Sequence):
            return any(map(_admits_text, schema[key]))
    kinds = schema.get("type", "string")
    return "string" in ([kinds] if isinstance(kinds, str) else kinds)
