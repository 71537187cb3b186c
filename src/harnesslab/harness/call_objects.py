"""What an object that a model wrote stands for: which calls, if any, under whatever keys it put name and arguments.

Every method raises Unreadable where there is no reading, or more than one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harnesslab.harness.lenient import Lenient, Unreadable
from harnesslab.types import ToolCall, ToolSpec

NAMES = ("name", "tool", "tool_name", "function", "function_name", "action")
ARGUMENTS = ("arguments", "parameters", "args", "params", "input", "tool_input", "action_input", "kwargs")
WRAPPERS = ("tool_calls", "tool_call", "function_call", "calls")
_BESIDE = frozenset({"id", "type", "index", "call_id", "tool_call_id", "thought", "thoughts", "reasoning"})


class CallObjects:
    """Reads calls of these tools; what had to be mended is noted on the reader of the text around."""

    def __init__(self, tools: Mapping[str, ToolSpec]) -> None:
        self._tools = tools

    def calls(self, reader: Lenient, value: Mapping[str, Any]) -> list[ToolCall]:
        """The calls that an object stands for; none where it is no attempt at a call."""
        wrappers = [key for key in WRAPPERS if key in value]
        if wrappers:
            return self._wrapped(reader, value, wrappers)
        if isinstance(value.get("function"), Mapping) and not set(value) - _BESIDE - {"function"}:
            reader.repairs.add("nested")
            return self.calls(reader, value["function"])
        names = [key for key in NAMES if isinstance(value.get(key), str)]
        keys = [key for key in ARGUMENTS if key in value]
        if names and keys:
            if len(names) > 1 or len(keys) > 1 or set(value) - _BESIDE - {names[0], keys[0]}:
                raise Unreadable("two readings")
            if keys[0] != "arguments" and keys[0] in properties(self.tool(value[names[0]])):
                raise Unreadable("arguments, or one of them")
            return [self._call(reader, value[names[0]], value[keys[0]], (names[0], keys[0]))]
        if {"arguments", "parameters"} & set(keys):
            raise Unreadable("no name")
        known = [key for key in names if value[key] in self._tools]
        if known:
            if len(names) > 1:
                raise Unreadable("two readings")
            return [self._flat(reader, self._tools[value[known[0]]], known[0], value)]
        if len(value) == 1 and (key := next(iter(value))) in self._tools and isinstance(value[key], Mapping):
            if set(value[key]) - set(properties(self._tools[key])):
                raise Unreadable("arguments, or a result")
            reader.repairs.add("name as key")
            return [self._call(reader, key, value[key], ())]
        return []

    def _wrapped(self, reader: Lenient, value: Mapping[str, Any], wrappers: list[str]) -> list[ToolCall]:
        inside = value[wrappers[0]]
        items = inside if isinstance(inside, list) else [inside]
        beside = set(value) - _BESIDE - {wrappers[0], "role", "content"}
        if beside or not all(isinstance(item, Mapping) for item in items):
            raise Unreadable("no list of calls")
        found = [self.calls(reader, item) for item in items]
        if not all(found):
            raise Unreadable("something else among the calls")
        reader.repairs.add("nested")
        return [call for calls in found for call in calls]

    def _call(self, reader: Lenient, name: str, arguments: Any, keys: tuple[str, ...]) -> ToolCall:
        tool = self.tool(name)
        usual = ("name", "arguments")
        reader.repairs.update(f"{said} for {meant}" for said, meant in zip(keys, usual, strict=False) if said != meant)
        return ToolCall(tool.name, self.arguments(reader, arguments, tool))

    def _flat(self, reader: Lenient, tool: ToolSpec, key: str, value: Mapping[str, Any]) -> ToolCall:
        """A call whose arguments stand beside its name."""
        arguments = {k: v for k, v in value.items() if k != key and (k not in _BESIDE or k in properties(tool))}
        if key in properties(tool) or set(arguments) - set(properties(tool)):
            raise Unreadable("two readings")
        if not arguments and properties(tool):
            raise Unreadable("no arguments")
        reader.repairs.add("arguments beside the name")
        return ToolCall(tool.name, arguments)

    def arguments(self, reader: Lenient, value: Any, tool: ToolSpec) -> dict[str, Any]:
        """The arguments that a value stands for, which may be their JSON in a string."""
        if isinstance(value, str) and value.strip():
            inner = Lenient(value, ended=True)
            value = inner.whole()
            reader.repairs |= {"arguments as a string", *inner.repairs}
        if value in (None, "") and not properties(tool):
            return {}
        if not isinstance(value, Mapping):
            raise Unreadable("arguments that are no object")
        if isinstance(value.get("properties"), Mapping) and "properties" not in properties(tool):
            raise Unreadable("the tool's schema, said back")
        return dict(value)

    def tool(self, name: str) -> ToolSpec:
        """The tool of exactly this name."""
        if name not in self._tools:
            raise Unreadable("no such tool")
        return self._tools[name]


def properties(tool: ToolSpec) -> Mapping[str, Any]:
    """The schemas of a tool's arguments, by name."""
    found = tool.parameters.get("properties")
    return found if isinstance(found, Mapping) else {}
