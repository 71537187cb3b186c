"""Small questions about JSON schemas, and the narrowing that keeps generated arguments sane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harnesslab.errors import UserError

EXACT = 2**53 - 1  # the largest integer that JSON readers agree on
_BRANCHING = ("anyOf", "oneOf", "allOf", "$ref", "patternProperties", "additionalProperties")
_DEFINITIONS = ("$defs", "definitions")
_LITERAL = ("enum", "const", "default", "examples")


def narrowed(schema: Any) -> Any:
    """The schema without what no tool wants and a sampler runs away in: extra keys, and numbers beyond 2**53.

    Every value of the result is a value of the schema.
    """
    if isinstance(schema, Mapping):
        out = {
            k: {n: narrowed(s) for n, s in v.items()}
            if k in ("properties", *_DEFINITIONS) and isinstance(v, Mapping)
            else v
            if k in _LITERAL
            else narrowed(v)
            for k, v in schema.items()
        }
        types = types_of(schema) or ()
        if "number" in types or "integer" in types:
            if not {"minimum", "exclusiveMinimum"} & out.keys():
                out["minimum"] = -EXACT
            if not {"maximum", "exclusiveMaximum"} & out.keys():
                out["maximum"] = EXACT
        if "properties" in out and not any(k in out for k in _BRANCHING):
            out["additionalProperties"] = False
        return out
    if isinstance(schema, Sequence) and not isinstance(schema, str):
        return [narrowed(s) for s in schema]
    return schema


def arguments_schema(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A tool's parameters as a closed object schema."""
    schema: dict[str, Any] = narrowed({"type": "object", "properties": {}, **parameters})
    if schema.get("type") != "object":
        raise cannot(f"parameters of type {schema.get('type')!r}")
    return schema


def types_of(schema: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The types stated at this level; None where it states none."""
    stated = schema.get("type")
    if isinstance(stated, str):
        return (stated,)
    return tuple(map(str, stated)) if isinstance(stated, Sequence) else None


def resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema with a `$ref` or a lone `allOf` at this level followed, keeping what stands beside it."""
    for _ in range(32):
        if "$ref" in schema:
            target: Any = root
            for step in str(schema["$ref"]).removeprefix("#").strip("/").split("/"):
                target = target[step.replace("~1", "/").replace("~0", "~")]
            schema = {**target, **{k: v for k, v in schema.items() if k != "$ref"}}
        elif len(schema.get("allOf", ())) == 1:
            schema = {**schema["allOf"][0], **{k: v for k, v in schema.items() if k != "allOf"}}
        else:
            return schema
    raise cannot("a $ref that leads back to itself")


def with_definitions(schema: Mapping[str, Any], root: Mapping[str, Any]) -> dict[str, Any]:
    """A part of a schema that can stand alone."""
    return {**{k: root[k] for k in _DEFINITIONS if k in root}, **schema}


def cannot(what: str) -> UserError:
    return UserError(
        f"{what} cannot be forced on a model in this dialect",
        "the grammar cannot say it",
        "simplify the tool's schema, or leave out the layer that constrains",
    )
