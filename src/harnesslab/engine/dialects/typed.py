"""Arguments that come as text without quotes: the tool's schema says which are strings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harnesslab.engine.dialects.syntax import CallSyntaxError, decode_at, dumps
from harnesslab.types import ToolSpec

_PYTHON = {"True": True, "False": False, "None": None}


def write_value(value: Any) -> str:
    """A string as it is, anything else as JSON."""
    return value if isinstance(value, str) else dumps(value)


def read_value(raw: str, tool: str, name: str, tools: Sequence[ToolSpec]) -> Any:
    """The value of argument `name` of `tool`.

    Text is read as JSON where the schema allows the type it then has, or says nothing; otherwise it stays a string, and
    the schema's validator has the last word. Python's True, False and None pass where only such a value can be meant,
    because some templates write them that way.
    """
    spec = next((t for t in tools if t.name == tool), None)
    properties = spec.parameters.get("properties") if spec else None
    schema = properties.get(name) if isinstance(properties, Mapping) else None
    allowed = _types(schema)
    if allowed is not None and "string" not in allowed and raw in _PYTHON:
        return _PYTHON[raw]
    try:
        value, end = decode_at(raw, 0)
    except CallSyntaxError:
        return raw
    if isinstance(value, str) or raw[end:].strip():
        return raw
    if allowed is None or _type(value) & allowed:
        return value
    return raw if "string" in allowed else value


def _types(schema: Any) -> frozenset[str] | None:
    """The JSON types a schema admits; None where it does not say."""
    if not isinstance(schema, Mapping):
        return None
    stated = schema.get("type")
    if isinstance(stated, str):
        return frozenset({stated})
    if isinstance(stated, Sequence):
        return frozenset(map(str, stated))
    if isinstance(schema.get("enum"), Sequence):
        return frozenset().union(*map(_type, schema["enum"]))
    branches = schema.get("anyOf") or schema.get("oneOf")
    if not isinstance(branches, Sequence):
        return None
    types = [_types(b) for b in branches]
    known = [t for t in types if t is not None]
    return frozenset().union(*known) if len(known) == len(types) else None


def _type(value: Any) -> frozenset[str]:
    match value:
        case None:
            return frozenset({"null"})
        case bool():
            return frozenset({"boolean"})
        case int():
            return frozenset({"integer", "number"})
        case float():
            return frozenset({"integer", "number"} if value.is_integer() else {"number"})
        case str():
            return frozenset({"string"})
        case list():
            return frozenset({"array"})
    return frozenset({"object"})
