"""Values that are not JSON: Python literals, text between quote tokens, text with no quotes at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harnesslab.engine.constrain.lark import Lark, escape, slashed, without
from harnesslab.engine.constrain.schemas import cannot, narrowed, resolved, types_of, with_definitions
from harnesslab.engine.dialects.typed import read_value, write_value
from harnesslab.types import ToolSpec, canonical

_SCALARS = ("string", "number", "boolean", "null")
_LENGTHS = ("minLength", "maxLength", "pattern")


@dataclass(frozen=True, slots=True)
class Notation:
    """How a dialect writes values.

    Attributes:
        words: what stands for true, false and null.
        string: (grammar, string schema) -> expression.
        quoted: one given string as text.
        key: a member's key as text.
    """

    words: Mapping[str, str]
    colon: str
    comma: str
    string: Callable[[Lark, Mapping[str, Any]], str]
    quoted: Callable[[str], str]
    key: Callable[[str], str]


class Values:
    """Writes a schema's values in a notation. `allOf` of several parts, and keywords not named here, are not enforced
    (`format`) or refused.
    """

    def __init__(self, grammar: Lark, notation: Notation, root: Mapping[str, Any]) -> None:
        self.grammar, self.notation, self.root = grammar, notation, root
        self._written: dict[str, str] = {}

    def value(self, schema: Any) -> str:
        """The name of a rule for one value."""
        schema = {} if schema is True else schema
        if not isinstance(schema, Mapping):
            raise cannot("a schema that admits nothing")
        schema = resolved(schema, self.root)
        key = json.dumps(schema, sort_keys=True, default=str)
        if key not in self._written:
            name = self._written[key] = self.grammar.named("v")
            self.grammar.define(name, " | ".join(self._alternatives(schema)))
        return self._written[key]

    def _alternatives(self, schema: Mapping[str, Any]) -> list[str]:
        if (fixed := fixed_values(schema)) is not None:
            return [self.grammar.text(self.literal(v)) for v in fixed]
        if parts := branches(schema):
            return [self.value(p) for p in parts]
        for keyword in ("allOf", "not", "if", "patternProperties", "prefixItems", "dependentRequired"):
            if keyword in schema:
                raise cannot(f"a schema with {keyword!r}")
        return [self._typed(kind, schema) for kind in types_of(schema) or _implied(schema)]

    def _typed(self, kind: str, schema: Mapping[str, Any]) -> str:
        if kind == "string":
            return self.notation.string(self.grammar, schema)
        if kind in ("number", "integer"):
            numeric = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
            return self.grammar.json(narrowed({"type": kind, **{k: schema[k] for k in numeric if k in schema}}))
        if kind == "boolean":
            return f"({' | '.join(self.grammar.text(self.notation.words[w]) for w in ('true', 'false'))})"
        if kind == "null":
            return self.grammar.text(self.notation.words["null"])
        return self._array(schema) if kind == "array" else self._object(schema)

    def _array(self, schema: Mapping[str, Any]) -> str:
        item = self.value(schema.get("items", True))
        least, most = int(schema.get("minItems", 0)), schema.get("maxItems")
        if most == 0:
            return '"[]"'
        more = f"{{{max(0, least - 1)},{'' if most is None else most - 1}}}"
        items = f"{item} ({json.dumps(self.notation.comma)} {item}){more}"
        return f'"[" {items if least else f"({items})?"} "]"'

    def _object(self, schema: Mapping[str, Any]) -> str:
        properties = schema.get("properties") or {}
        extra = schema.get("additionalProperties", not properties)
        if not properties and extra is not False:
            key = self.notation.string(self.grammar, {"type": "string", "minLength": 1})
            member = f"{key} {json.dumps(self.notation.colon)} {self.value(extra)}"
            return f'"{{" ({member} ({json.dumps(self.notation.comma)} {member})*)? "}}"'
        members = self.members(schema, lambda k: self.notation.key(k) + self.notation.colon)
        return f'"{{" {members} "}}"'

    def members(self, schema: Mapping[str, Any], head: Callable[[str], str]) -> str:
        """The properties in their order, the optional ones left out at will, commas between."""
        properties: Mapping[str, Any] = schema.get("properties") or {}
        required = set(schema.get("required", ()))
        if unknown := required - properties.keys():
            raise cannot(f"the required but undeclared argument {min(unknown)!r}")
        parts = [(f"{self.grammar.text(head(k))} {self.value(s)}", k in required) for k, s in properties.items()]
        return chain(self.grammar, parts, json.dumps(self.notation.comma))

    def literal(self, value: Any) -> str:
        """A given value as text."""
        n = self.notation
        if isinstance(value, str):
            return n.quoted(value)
        if isinstance(value, Mapping):
            return "{" + n.comma.join(f"{n.key(k)}{n.colon}{self.literal(v)}" for k, v in value.items()) + "}"
        if isinstance(value, (list, tuple)):
            return "[" + n.comma.join(map(self.literal, value)) + "]"
        text = json.dumps(value)
        return n.words.get(text, text)


def chain(grammar: Lark, parts: Sequence[tuple[str, bool]], separator: str) -> str:
    """(expression, required) in order, with separators between those that are written. May be the empty expression."""
    after = first = ""
    for part, required in reversed(parts):
        written, opened = f"{separator} {part} {after}", f"{part} {after}"
        if not required:
            written = f"{written} | {after}" if after else f"({written})?"
            opened = f"{opened} | {first}" if first else f"({opened})?"
        after, first = grammar.rule(written), grammar.rule(opened)
    return first


def fixed_values(schema: Mapping[str, Any]) -> Sequence[Any] | None:
    """What `const` or `enum` leaves; None where neither is stated."""
    if "const" in schema:
        return (schema["const"],)
    values = schema.get("enum")
    return values if isinstance(values, Sequence) else None


def branches(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The schemas of an `anyOf` or `oneOf`, each with what stands beside it."""
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            beside = {k: v for k, v in schema.items() if k not in (keyword, "title", "description", "default")}
            return [{**beside, **b} for b in schema[keyword]]
    return []


def _implied(schema: Mapping[str, Any]) -> tuple[str, ...]:
    if "properties" in schema or "additionalProperties" in schema:
        return ("object",)
    return ("array",) if "items" in schema else _SCALARS


# --- strings without escapes ---------------------------------------------------------------------------------------


def raw_string(schema: Mapping[str, Any], closing: str) -> str:
    """A terminal's body: text that a string schema admits and that does not hold its closing mark."""
    body = without([escape(closing)])
    if "minLength" in schema or "maxLength" in schema:
        body += f" & /(?s:.{{{schema.get('minLength', 0)},{schema.get('maxLength', '')}}})/"
    if "pattern" in schema:
        body += f" & /{_whole(str(schema['pattern']))}/"
    return body


def _whole(pattern: str) -> str:
    """A search pattern as one for the whole text."""
    anchored = pattern.startswith("^"), pattern.endswith("$") and not pattern.endswith("\\$")
    if any(anchored) and "|" in pattern:
        pattern = f"({pattern})" if pattern.count("(") == 0 else pattern
        if not pattern.startswith("^("):
            raise cannot("a pattern with anchors and alternatives")
    body = pattern[anchored[0] : len(pattern) - anchored[1]]
    left, right = ("" if a else "(?s:.*)" for a in anchored)
    return f"{left}(?:{slashed(body)}){right}"


def unquoted(grammar: Lark, tool: ToolSpec, name: str, schema: Any, closing: str, mark: str) -> str:
    """An argument as text without quotes, its closing included; what the dialect's reader would misread is left out.

    Args:
        closing: what ends the argument.
        mark: the part of `closing` that the text may not hold.
    """
    root = tool.parameters
    whole = resolved(schema if isinstance(schema, Mapping) else {}, root)
    parts = [resolved(b, root) for b in branches(whole)] or [whole]
    kinds = {k for p in parts for k in types_of(p) or ()}
    end = grammar.text(closing)
    alternatives = []
    for part in parts:
        if (fixed := fixed_values(part)) is not None:
            readable = [v for v in fixed if _reads_back(v, tool, name)]
            alternatives += [f"{grammar.text(write_value(v))} {end}" for v in readable]
            continue
        types = types_of(part) or ("string",)
        if "string" in types:
            body = raw_string(part, mark)
            if _ambiguous(kinds, tool, name):
                body += " & /[A-Za-z](?s:.*)/ & ~/(?:true|false|null)\\s*/"
            alternatives.append(_closed(grammar, body, closing, end))
        if rest := [t for t in types if t != "string"]:
            alone = narrowed({**{k: v for k, v in part.items() if k not in _LENGTHS}, "type": rest})
            alternatives.append(f"{grammar.json(with_definitions(alone, root))} {end}")
    if not alternatives:
        raise cannot(f"argument {name!r} of {tool.name!r}")
    return grammar.rule(" | ".join(alternatives))


def _closed(grammar: Lark, body: str, closing: str, end: str) -> str:
    if grammar.starts_special(closing):
        return f"{grammar.terminal(body)} {end}"
    return grammar.lazy(f"({body}) {json.dumps(closing)}")


def _reads_back(value: Any, tool: ToolSpec, name: str) -> bool:
    return canonical(read_value(write_value(value), tool.name, name, (tool,))) == canonical(value)


def _ambiguous(kinds: set[str], tool: ToolSpec, name: str) -> bool:
    probes = {"7": {"integer", "number"}, "true": {"boolean"}, "null": {"null"}, "[]": {"array"}, "{}": {"object"}}
    read = {text: read_value(text, tool.name, name, (tool,)) for text in probes}
    return any(not isinstance(read[text], str) and not kinds & of for text, of in probes.items())
