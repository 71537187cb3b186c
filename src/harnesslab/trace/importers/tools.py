"""The tools a trace was recorded with, where its file lists them: which exist, and which arguments fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harnesslab.trace.importers.values import items, mapping
from harnesslab.types import ToolCall


class Tools:
    """Known tools by name with their JSON schemas. A schema that is none accepts everything."""

    def __init__(self, schemas: Mapping[str, Any]) -> None:
        self._schemas = schemas
        self._checks: dict[str, Any] = {}

    @classmethod
    def read(cls, raw: Any) -> Tools | None:
        """From OpenAI's `tools` (or the older `functions`); None where there are none to read."""
        found = {}
        for tool in items(raw):
            inner = mapping(mapping(tool).get("function", tool))
            if isinstance(inner.get("name"), str):
                found[inner["name"]] = inner.get("parameters", inner.get("input_schema"))
        return cls(found) if found else None

    def known(self, name: str) -> bool:
        return name in self._schemas

    def judge(self, call: ToolCall) -> tuple[bool, bool]:
        """(known tool, arguments fit its schema)."""
        if call.name not in self._schemas:
            return False, False
        if call.name not in self._checks:
            self._checks[call.name] = _check(self._schemas[call.name])
        check = self._checks[call.name]
        try:
            return True, check is None or bool(check.is_valid(dict(call.arguments)))
        except (ValueError, TypeError, OverflowError):
            return True, False


def _check(schema: Any) -> Any:
    if not isinstance(schema, Mapping):
        return None
    from jsonschema_rs import ValidationError, validator_for

    try:
        return validator_for(dict(schema), retriever=_nothing_remote)
    except (ValidationError, ValueError, TypeError, OverflowError):
        return None


def _nothing_remote(uri: str) -> Any:
    """A schema that points elsewhere is not followed: scoring a file asks no server."""
    raise ValueError(f"not fetched: {uri}")
