"""Tool schemas: does a call fit, and if not, what exactly is wrong with it, in words a model can act on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import jsonschema_rs

from harnesslab.types import ToolSpec, canonical

_KEPT = 4096
_TYPES = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}

_compiled: dict[int, tuple[ToolSpec, Any]] = {}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a call's arguments.

    Attributes:
        where: the argument, as a path such as `items[0].sku`; "" for the arguments as a whole.
        expected: what would have been right; "" where nothing by that name is known.
        got: what was there instead.
        hint: the nearest right thing, or "".
    """

    where: str
    expected: str
    got: str
    hint: str = ""


def _validator(tool: ToolSpec) -> Any:
    # Found by identity, since schemas are not hashable; the kept tool keeps its id from being reused.
    kept = _compiled.get(id(tool))
    if kept is None:
        if len(_compiled) >= _KEPT:
            _compiled.clear()
        kept = _compiled[id(tool)] = (tool, jsonschema_rs.validator_for(_plain(tool.parameters)))
    return kept[1]


def fits(tool: ToolSpec, arguments: Mapping[str, Any]) -> bool:
    """Whether the arguments fit the tool's schema as written, without any coercion."""
    try:
        return bool(_validator(tool).is_valid(dict(arguments)))
    except (ValueError, TypeError):  # not JSON: an infinity, a number beyond what JSON holds
        return False


def problems(tool: ToolSpec, arguments: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Everything wrong with the arguments; empty exactly where `fits`."""
    try:
        errors = list(_validator(tool).iter_errors(dict(arguments)))
    except (ValueError, TypeError) as e:
        return (Problem("", "a JSON object", str(e)),)
    return tuple(p for error in errors for p in _explain(tool, arguments, error))


def _explain(tool: ToolSpec, arguments: Mapping[str, Any], error: Any) -> Iterator[Problem]:
    path = list(error.instance_path)
    kind = error.kind
    owner = _at(tool.parameters, list(error.schema_path)[:-1])
    known = list(owner.get("properties", {})) if isinstance(owner, Mapping) else []
    if kind.name == "required":
        given = [k for k in _at(arguments, path) if k not in known]
        near = get_close_matches(kind.property, given, n=1, cutoff=0.4)
        expected = describe(owner.get("properties", {}).get(kind.property, {}), tool.parameters)
        yield Problem(_path([*path, kind.property]), expected, "nothing", f"you wrote {near[0]!r}" if near else "")
    elif kind.name == "additionalProperties":
        for name in kind.unexpected:
            near = get_close_matches(name, known, n=1, cutoff=0.4)
            got = shown(_at(arguments, [*path, name]))
            yield Problem(_path([*path, name]), "", got, f"did you mean {near[0]!r}?" if near else "")
    else:
        wanted = describe(owner, tool.parameters) if isinstance(owner, Mapping) else str(error.message)
        yield Problem(_path(path), wanted, shown(error.instance), _nearest(owner, error.instance))


def describe(schema: Any, root: Mapping[str, Any]) -> str:
    """A schema in a few words: "an integer, at least 1", 'one of "low", "high"'."""
    if not isinstance(schema, Mapping):
        return "any value"
    if "$ref" in schema:
        schema = _at(root, str(schema["$ref"]).lstrip("#/").split("/"))
    if "enum" in schema:
        return "one of " + ", ".join(shown(v) for v in schema["enum"])
    if "const" in schema:
        return shown(schema["const"])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(describe(part, root) for part in schema[key])
    kinds = schema.get("type", ())
    words = " or ".join(_TYPES.get(k, k) for k in ([kinds] if isinstance(kinds, str) else kinds)) or "any value"
    if kinds == "array" and "items" in schema:
        words += f" (each: {describe(schema['items'], root)})"
    if kinds == "object" and schema.get("properties"):
        words += f" with {', '.join(schema['properties'])}"
    bounds = [
        f"{text} {shown(schema[key])}"
        for key, text in (
            ("pattern", "matching"),
            ("format", "in the format"),
            ("minimum", "at least"),
            ("exclusiveMinimum", "more than"),
            ("maximum", "at most"),
            ("exclusiveMaximum", "less than"),
            ("multipleOf", "a multiple of"),
            ("minLength", "of length at least"),
            ("maxLength", "of length at most"),
            ("minItems", "of length at least"),
            ("maxItems", "of length at most"),
        )
        if key in schema
    ]
    return ", ".join([words, *bounds])


def signature(tool: ToolSpec) -> str:
    """`name(argument: type, optional?: type)`."""
    required = set(tool.parameters.get("required", ()))
    arguments = (
        f"{name}{'' if name in required else '?'}: {_short_type(schema, tool.parameters)}"
        for name, schema in tool.parameters.get("properties", {}).items()
    )
    return f"{tool.name}({', '.join(arguments)})"


def shown(value: Any, limit: int = 60) -> str:
    """A value as JSON, cut to `limit` characters."""
    text = canonical(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def _short_type(schema: Any, root: Mapping[str, Any]) -> str:
    if isinstance(schema, Mapping) and "$ref" in schema:
        schema = _at(root, str(schema["$ref"]).lstrip("#/").split("/"))
    if not isinstance(schema, Mapping):
        return "any"
    if "enum" in schema:
        return "|".join(shown(v, 20) for v in schema["enum"])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return "|".join(_short_type(part, root) for part in schema[key])
    kinds = schema.get("type", "any")
    return kinds if isinstance(kinds, str) else "|".join(kinds)


def _nearest(schema: Any, value: Any) -> str:
    """A hint that guesses no value: the nearest allowed word, or that only the quotes are wrong."""
    if not isinstance(schema, Mapping) or not isinstance(value, str):
        return ""
    words = [w for w in schema.get("enum", ()) if isinstance(w, str)]
    near = get_close_matches(value.lower(), [w.lower() for w in words], n=1, cutoff=0.5)
    if near:
        return f"nearest: {shown(next(w for w in words if w.lower() == near[0]))}"
    if schema.get("type") in ("integer", "number") and value.strip().lstrip("-").replace(".", "", 1).isdigit():
        return "write the number without quotes"
    return ""


def _at(value: Any, path: list[Any]) -> Any:
    """What lies at the end of a path, following `$ref` only where the path already has; {} where it leads nowhere."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return {}
    return value


def _path(steps: list[Any]) -> str:
    text = "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in steps)
    return text.removeprefix(".")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value
